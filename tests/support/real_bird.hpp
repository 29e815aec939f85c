#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "tests/support/bird_world.hpp"
#include "tests/support/upstreams.hpp"

namespace anycast::test {

/// A real BIRD, with real upstreams.
class RealBird final : public BirdWorld {
 public:
  /// Nothing, and the reason in `why`, where this machine has no bird or gives us no namespace. The
  /// folder has the operator's file and the fragment.
  static std::unique_ptr<RealBird> make(const std::string& folder, std::string& why);
  ~RealBird() override;

  std::string name() const override { return "real bird"; }
  std::string socket() const override { return folder_ + "/bird.ctl"; }
  std::string upstream_socket() const override { return upstreams_.socket(); }
  std::string operator_config() const override { return folder_ + "/bird.conf"; }
  void kill() override;
  void start() override;
  void freeze() override;
  void thaw() override;

 private:
  explicit RealBird(std::string folder) : folder_{folder}, upstreams_{std::move(folder)} {}

  std::string folder_;
  Upstreams upstreams_;
  pid_t node_ = 0;
};

}  // namespace anycast::test
