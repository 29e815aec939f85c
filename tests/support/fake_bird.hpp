#pragma once

#include <memory>
#include <string>

#include "tests/support/bird_world.hpp"
#include "tests/support/fake_socket.hpp"

namespace anycast::test {

/// A BIRD in a thread: the control socket's protocol and a simple model behind it, which runs what
/// the operator's file and our fragment say, with timed undo. For what the real one does not do on
/// demand, `twist` sees every reply before it is sent.
class FakeBird final : public BirdWorld {
 public:
  using Twist = FakeSocket::Twist;

  explicit FakeBird(std::string folder);
  ~FakeBird() override;

  std::string name() const override { return "fake bird"; }
  std::string socket() const override;
  std::string upstream_socket() const override { return socket(); }
  std::string operator_config() const override;
  void kill() override;
  void start() override;
  void freeze() override;
  void thaw() override;

  void twist(Twist twist);

 private:
  struct Server;
  std::string folder_;
  std::unique_ptr<Server> server_;
};

}  // namespace anycast::test
