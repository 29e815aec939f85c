#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/evidence.hpp"
#include "controller/model/order.hpp"
#include "controller/model/router.hpp"

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

/// Which sessions of the other nodes export the prefixes, by their own word in Prometheus. A node
/// that is not in the map is unknown and counts as not announcing.
using FleetView = std::map<std::string, std::set<std::string>>;

struct OpenWindow {
  std::string name;
  Time closes;
};

/// Everything one cycle may know. `now` is the only time there is.
struct Seen {
  Time now;
  Sourced<Evidence> evidence = {};
  Sourced<RouterView> router = {};
  Sourced<FleetView> fleet = {};
  std::vector<OpenWindow> windows = {};  ///< those of guards.windows that are open now
  std::vector<Order> orders = {};
};

}  // namespace anycast
