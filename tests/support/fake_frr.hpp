#pragma once

#include <memory>
#include <string>

#include "tests/support/fake_socket.hpp"
#include "tests/support/frr_world.hpp"

namespace anycast::test {

/// A bgpd in a thread: the protocol of its vty socket and a simple model behind it, which takes our
/// few commands and sends an update where a cleared neighbour's routes, or a network, change. For
/// what the real one does not do on demand, `twist` sees every reply before it is sent.
class FakeFrr final : public FrrWorld {
 public:
  /// Its replies include the NULs and the status.
  using Twist = FakeSocket::Twist;

  explicit FakeFrr(std::string folder);
  ~FakeFrr() override;

  bool is_real() const override { return false; }
  std::string socket() const override { return folder_ + "/bgpd.vty"; }
  std::string operator_config() const override { return folder_ + "/frr.conf"; }
  void kill() override;
  void start() override;
  void freeze() override;
  void thaw() override;
  std::vector<Export> heard(const std::string& table) const override;
  std::string news(const std::string& table) const override;

  void twist(Twist twist);

 private:
  struct Server;
  std::string folder_;
  std::unique_ptr<Server> server_;
};

}  // namespace anycast::test
