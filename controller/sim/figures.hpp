#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/sim/damper.hpp"
#include "controller/sim/fixture.hpp"

namespace anycast::sim {

/// RTT + 20 ms per % of loss, in ms.
double score(const Level& level);

/// What users felt, weighted by how many they were. RTT is of those who were served.
struct Felt {
  double users = 0;
  double served = 0;
  double rtt_ms = 0;
  double loss = 0;      ///< of all, 1 where nobody served them
  double bad = 0;       ///< over 3 % loss or 200 ms
  double offline = 0;   ///< 50 % loss or more
  double floor_ms = 0;  ///< RTT that the nearest node would have given those who were served

  void add(double weight, const std::optional<Level>& level);
  /// How much further users went than to the nearest node.
  double inflation_ms() const { return served > 0 ? (rtt_ms - floor_ms) / served : 0; }
  /// Minutes that a user has it bad in so many hours.
  double bad_minutes(double hours) const { return users > 0 ? bad / users * hours * 60 : 0; }
  double mean_rtt_ms() const { return served > 0 ? rtt_ms / served : 0; }
  double mean_loss() const { return users > 0 ? loss / users : 0; }
  /// Mean RTT + 20 ms per % of loss.
  double score() const { return mean_rtt_ms() + 2'000 * mean_loss(); }
};

struct OfProfile {
  double highest = 0;   ///< penalty, of the worst session or far away
  double damped_s = 0;  ///< at the worst place
};

/// How a rule answered what really happened. A fault is a span in which a carrier's users are worse
/// off than on another path by the margin (25 ms, 15 %) of RTT + 20 ms per % of loss; an emergency
/// one in which they have lost over a tenth in the last 15 min, by the truth, not by what the rule
/// took for one.
struct Answers {
  std::vector<double> decided_s = {};  ///< from the fault to the update that sends users elsewhere
  int passed = 0;                      ///< faults that were over before ten minutes and an update
  int missed = 0;                      ///< lasted longer and were not answered
  int sent_away = 0;                   ///< updates that make a path less attractive
  int false_ones = 0;       ///< of these: nobody had a better path by the margin in the last 15 min
  double calm_penalty = 0;  ///< flap damping, the highest after an update outside emergencies
  int urgent_back = 0;      ///< A, B and A again of users in an emergency

  /// The time within which `share` of the answered faults were; 0 where there are none.
  double decided_within_s(double share) const;
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
  int most_updates = 0;    ///< of one session
  double moved_users = 0;  ///< share of all users, summed over moves: whose connections broke
  double fullest = 0;      ///< users of a node at its fullest, as a share of what it can carry
  Answers answers = {};
  int moves = 0;           ///< of a carrier's users from one path to another
  int back_and_forth = 0;  ///< A, B and A again within 30 minutes
  std::array<OfProfile, kProfiles.size()> damping = {};
  bool steers = false;  ///< false where nothing is announced differently: a fixed choice

  int updates() const { return announcements + withdrawals + attribute_changes; }
  double updates_per_hour() const { return hours > 0 ? updates() / hours : 0; }
  double per_day(double count) const { return hours > 0 ? count * 24 / hours : 0; }
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
  /// Users of the fullest node, as a share of what it can carry; 0 where every node carries any.
  double fullest() const;

 private:
  const Fixture& fixture_;
  std::vector<std::size_t> node_of_;  ///< [path]
  std::vector<double> users_;         ///< [node]
};

/// Adds what the users feel in one tick.
void feel(const Fixture& fixture, const Spread& spread, const Load& load, std::int64_t tick,
          Figures& out);

}  // namespace anycast::sim
