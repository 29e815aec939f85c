#pragma once

#include <compare>
#include <optional>
#include <string>

#include "controller/base/net.hpp"
#include "controller/base/time.hpp"

namespace anycast {

/// A Keepalived on this host, which settles with another host's which of the two serves.
struct Keepalived {
  std::string fifo = {};                ///< its `vrrp_notify_fifo`; empty: there is no Keepalived
  std::string instance = {};            ///< the `vrrp_instance` that has to be MASTER
  std::optional<Address> address = {};  ///< of that instance: on this host while it is MASTER
  std::string track_file = {};          ///< where our verdict is written to; empty: nowhere
  std::string config = "/etc/keepalived/keepalived.conf";  ///< looked at by doctor only
  bool operator==(const Keepalived&) const = default;
};

enum class VrrpState { unknown, master, backup, fault, stop };
/// As Keepalived writes it: "MASTER"; "unknown" is ours.
std::string to_string(VrrpState state);

/// The last word of an instance. A Keepalived that is killed says none.
struct VrrpView {
  VrrpState state = VrrpState::unknown;
  Time since = {};
  bool running = false;  ///< whether anybody has the notify FIFO open to write to it
  bool operator==(const VrrpView&) const = default;
};

}  // namespace anycast
