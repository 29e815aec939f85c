#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/time.hpp"
#include "controller/model/readings.hpp"

namespace anycast {

/// A session of the fleet, by the names of its ends.
struct SessionKey {
  std::string node;
  std::string upstream;
  auto operator<=>(const SessionKey&) const = default;
};
/// "hk-idc-1 ntt".
std::string to_string(const SessionKey& place);

/// Where a carrier's users are to be, by policy prefer, and the clocks that decide when that
/// changes. All times are those of evidence: the same on every node.
struct Choice {
  std::optional<SessionKey> primary = {};
  std::optional<SessionKey> secondary = {};
  Time since = {};                        ///< of the last move
  std::vector<Time> moves = {};           ///< each within 6 h of the one before
  std::map<std::string, Time> left = {};  ///< by session: primary until then, lately
  /// By session: users may have been there until then, lately, and were to go: surely worse, and
  /// not made less attractive than the primary yet.
  std::map<std::string, Time> shed = {};
  std::map<std::string, Time> worse = {};  ///< by session: surely worse than the primary, since
  std::optional<Time> gone_since = {};     ///< nobody says that the primary is announced
  std::optional<Time> contradicted_since = {};  ///< another path is the most attractive one
  bool operator==(const Choice&) const = default;
};

enum class Role { primary, secondary, backup, unranked };
/// "primary", "secondary", "backup", "unranked".
std::string to_string(Role role);

/// A path in its carrier's order.
struct Ranked {
  std::size_t path = 0;          ///< index into Plan::paths
  Role role = Role::unranked;    ///< unranked: not announced, or nothing is known of its quality
  Bounded<Duration> score = {};  ///< median RTT + 20 ms per % loss + jitter/2 + `extra`
  Duration extra = {};           ///< cost of the upstream and load of the node
  int level = 100;               ///< handicap in force, by what is known; 100 not announced
  std::optional<Time> worse_since = {};  ///< surely worse than the primary by the margin, since
};

/// A carrier's paths with what was chosen.
struct CarrierPlan {
  std::string carrier;
  std::vector<Ranked> ranked = {};    ///< best first, unranked ones last
  std::string why = {};               ///< why users stay or moved, in words
  std::optional<Time> earliest = {};  ///< of the next move, if a hold is what it waits for
};

}  // namespace anycast
