#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/sim/damper.hpp"
#include "controller/sim/fixture.hpp"

namespace anycast::sim {

/// What users felt, weighted by how many they were. RTT is of those who were served.
struct Felt {
  double users = 0;
  double served = 0;
  double rtt_ms = 0;
  double loss = 0;     ///< of all, 1 where nobody served them
  double bad = 0;      ///< over 3 % loss or 200 ms
  double offline = 0;  ///< 50 % loss or more

  void add(double weight, const std::optional<Level>& level);
  double mean_rtt_ms() const { return served > 0 ? rtt_ms / served : 0; }
  double mean_loss() const { return users > 0 ? loss / users : 0; }
  /// Mean RTT + 20 ms per % of loss.
  double score() const { return mean_rtt_ms() + 2'000 * mean_loss(); }
};

struct OfProfile {
  double highest = 0;   ///< penalty, of the worst session or far away
  double damped_s = 0;  ///< at the worst place
};

/// What a run is judged by.
struct Figures {
  std::string controller;
  Felt all = {};
  Felt peak = {};  ///< 19:30 to 23:00 in Hong Kong
  std::vector<Felt> carriers = {};
  std::vector<double> histogram = std::vector<double>(1'024);  ///< users by whole ms of RTT
  double hours = 0;
  int announcements = 0;  ///< after a withdrawal
  int withdrawals = 0;
  int attribute_changes = 0;
  double unannounced_s = 0;
  int least_nodes = 0;
  int moves = 0;           ///< of a carrier's users from one path to another
  int back_and_forth = 0;  ///< A, B and A again within 30 minutes
  std::array<OfProfile, kProfiles.size()> damping = {};
  bool steers = false;  ///< false where nothing is announced differently: a fixed choice

  int updates() const { return announcements + withdrawals + attribute_changes; }
  double updates_per_hour() const { return hours > 0 ? updates() / hours : 0; }
  /// The RTT that `share` of the users stay under, in ms.
  double rtt_quantile(double share) const;
};

/// How the users of one carrier are spread over paths.
struct Share {
  PathNo path;
  double part;
};
/// [carrier]; nobody serves the carrier where it is empty.
using Spread = std::vector<std::vector<Share>>;

/// What every path is worth when users are spread so: a node over its capacity is slow and loses.
/// `extra` is the excess of each path's node.
class Load {
 public:
  explicit Load(const Fixture& fixture);
  void spread(const Spread& spread, std::int64_t tick);
  Level level(PathNo path, std::int64_t tick) const;

 private:
  const Fixture& fixture_;
  std::vector<std::size_t> node_of_;  ///< [path]
  std::vector<double> users_;         ///< [node]
};

/// Adds what the users feel in one tick.
void feel(const Fixture& fixture, const Spread& spread, const Load& load, std::int64_t tick,
          Figures& out);

}  // namespace anycast::sim
