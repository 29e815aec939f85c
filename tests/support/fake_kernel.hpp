#pragma once

#include <set>
#include <string>
#include <vector>

#include "controller/ports/kernel.hpp"

namespace anycast::test {

/// Addresses, IPVS and routes as the kernel keeps them: what is there already cannot be added, what
/// is not there can be neither edited nor removed, and a service takes its real servers with it.
class FakeKernel : public Kernel {
 public:
  Result<InsideView> inside(const std::set<std::uint32_t>& tables) override;
  std::vector<Result<void>> carry_out(const std::vector<InsideChange>& changes) override;
  Result<void> carry_out(const InsideChange& change);

  InsideView view = {};  ///< what it has; a test may change it, as a person would by hand
  std::set<std::string> links = {"lo", "vip0"};
  std::set<std::string> schedulers = {"rr", "wrr", "lc", "wlc", "sh", "dh", "mh"};

 private:
  Result<void> carry_out(const VipChange& change);
  Result<void> carry_out(const ServiceChange& change);
  Result<void> carry_out(const ServerChange& change);
  Result<void> carry_out(const RouteChange& change);
  Result<void> carry_out(const RuleChange& change);
};

}  // namespace anycast::test
