#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "controller/model/inside_change.hpp"
#include "controller/model/inside_view.hpp"
#include "controller/model/plan.hpp"

namespace anycast::core {

/// What the node has to have inside.
struct InsideWish {
  Inside inside = {};
  /// A real server that has to go gets no new connection from now on, and goes when it has none
  /// left, or after this time.
  Duration drain = minutes{5};
  /// Real servers that go at once: whoever is connected to them gets nothing there.
  std::map<ServiceKey, std::set<ServerKey>> dead = {};
};

struct InsideStep {
  /// In this order each of them is safe to be the last that is carried out: a service and its real
  /// servers come before the address that leads to them and a route before its rule, additions and
  /// larger weights before smaller ones, a rule goes before its route, and an address goes last.
  std::vector<InsideChange> changes = {};
  InsideOurs ours = {};
  std::vector<Notice> notices = {};  ///< what is there from elsewhere and stays
  std::optional<Time> next = {};     ///< when the first drain is over, whatever is connected
};

/// The smallest change that makes the kernel's state the wanted one. What the configuration names
/// is ours, also where somebody else made it; entries that are neither named nor ours stay as they
/// are, and so does a service of ours as long as it has such a real server.
InsideStep inside_step(const InsideWish& wish, const InsideView& seen, const InsideOurs& ours,
                       Time now);

/// What is ours after the change was carried out: what was removed may be somebody else's the next
/// time it is seen.
InsideOurs after(InsideOurs ours, const InsideChange& done);

}  // namespace anycast::core
