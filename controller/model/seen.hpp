#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/health.hpp"
#include "controller/model/inside_view.hpp"
#include "controller/model/order.hpp"
#include "controller/model/origin.hpp"
#include "controller/model/readings.hpp"
#include "controller/model/router.hpp"
#include "controller/model/stance.hpp"
#include "controller/model/vrrp.hpp"

namespace anycast {

/// A value of a source with the time it was true, or why there is none.
template <class T>
struct Sourced {
  std::optional<T> value = {};
  Time at = {};  ///< when the value was read, or when reading failed
  std::optional<Error> error = {};

  static Sourced ok(T v, Time when) { return {.value = std::move(v), .at = when}; }
  static Sourced failed(Error e, Time when) { return {.at = when, .error = std::move(e)}; }
};

/// What another node says about itself, by its own metrics in Prometheus.
struct NodeView {
  /// By upstream; only sessions whose routing daemon exports the prefixes now.
  std::map<std::string, Stance> stances = {};
  /// By prefix text: the flap-damping penalty that its own updates may have earned it (RFC 2439).
  std::map<std::string, int> penalty = {};
  std::optional<Time> last_change = {};  ///< of its own announcements; none: none lately
  std::string plan_hash = {};
  /// False where the node runs but does not know what its routing daemon exports: then it counts as
  /// not announcing.
  bool router_known = true;
  bool operator==(const NodeView&) const = default;
};

/// The other nodes, by name. A node that is not in the map is unknown and counts as not announcing.
using FleetView = std::map<std::string, NodeView>;

struct OpenWindow {
  std::string name;
  Time closes;
};

/// Everything one cycle may know. `now` is the only time there is.
struct Seen {
  Time now;
  Sourced<Readings> evidence = {};
  Sourced<RouterView> router = {};
  Sourced<FleetView> fleet = {};
  /// What ROAs say about our prefixes, by the name of who says it; only those that `rpki` asks.
  std::map<std::string, Sourced<OriginView>> origins = {};
  Sourced<Health> health = {};           ///< of this node's real servers
  Sourced<InsideView> inside = {};       ///< addresses and IPVS of this host
  Sourced<VrrpView> vrrp = {};           ///< where Keepalived decides who serves
  std::vector<OpenWindow> windows = {};  ///< those of guards.windows that are open now
  std::vector<Order> orders = {};
};

}  // namespace anycast
