#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/bird_world.hpp"

namespace anycast::test {

/// Two real BIRDs, the node's and one that plays all upstreams, in two network namespaces without
/// names that end with this process, joined by a veth pair.
class RealBird final : public BirdWorld {
 public:
  /// Nothing, and the reason in `why`, where this machine has no bird or gives us no namespace. The
  /// folder has the operator's file and the fragment.
  static std::unique_ptr<RealBird> make(const std::string& folder, std::string& why);
  ~RealBird() override;

  std::string name() const override { return "real bird"; }
  std::string socket() const override { return folder_ + "/bird.ctl"; }
  std::string upstream_socket() const override { return folder_ + "/upstream.ctl"; }
  std::string operator_config() const override { return folder_ + "/bird.conf"; }
  void kill() override;
  void start() override;
  void freeze() override;
  void thaw() override;

 private:
  explicit RealBird(std::string folder) : folder_{std::move(folder)} {}
  std::string set_up();

  std::string folder_;
  pid_t node_space_ = 0;
  pid_t upstream_space_ = 0;
  pid_t node_ = 0;
  pid_t upstream_ = 0;
};

/// Runs a program to its end, quietly; its exit status, or -1.
int run_program(const std::vector<std::string>& words);

}  // namespace anycast::test
