#pragma once

#include <memory>
#include <set>
#include <span>
#include <vector>

#include "adapters/kernel/netlink.hpp"
#include "controller/ports/kernel.hpp"

namespace anycast::kernel {

/// The kernel's addresses and routes over rtnetlink and its IPVS over generic netlink, of the
/// network namespace in which it was opened. Nothing is remembered between two calls but the
/// sockets.
class NetlinkKernel : public Kernel {
 public:
  static Result<std::unique_ptr<NetlinkKernel>> open();

  Result<InsideView> inside(const std::set<std::uint32_t>& tables) override;
  std::vector<Result<void>> carry_out(const std::vector<InsideChange>& changes) override;

 private:
  NetlinkKernel(Netlink route, Netlink generic)
      : route_{std::move(route)}, generic_{std::move(generic)} {}
  Result<int> family();
  Result<void> read_services(InsideView& view);
  std::vector<Result<void>> send(std::span<const InsideChange> run,
                                 const std::set<ServiceKey>& failed);

  Netlink route_;
  Netlink generic_;
};

}  // namespace anycast::kernel
