#pragma once

#include <set>

#include "adapters/kernel/netlink.hpp"
#include "controller/model/inside_change.hpp"

namespace anycast::kernel {

/// Every address of every link. The error has the kernel's errno.
Result<std::set<Vip>> read_addresses(Netlink& route);

/// The request that adds or removes an address. An IPv6 one is usable at once: other nodes have it
/// too, so that nobody need be asked whether it is free. Error: there is no such link.
Result<Message> address_message(const VipChange& change);

/// Hears that addresses or links have changed.
class AddressMonitor {
 public:
  static Result<AddressMonitor> open();
  int fd() const { return fd_.get(); }
  /// Reads all that has come. True: something may have changed, also where the kernel had more to
  /// say than the socket could take (ENOBUFS); then everything has to be read again.
  bool heard();

 private:
  explicit AddressMonitor(Fd fd) : fd_{std::move(fd)} {}
  Fd fd_;
};

}  // namespace anycast::kernel
