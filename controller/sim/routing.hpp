#pragma once

#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "controller/model/stance.hpp"
#include "controller/sim/dice.hpp"
#include "controller/sim/figures.hpp"

namespace anycast::sim {

/// Node and upstream.
using Link = std::pair<std::string, std::string>;

/// How BGP spreads what the sessions say: every carrier hears of a change after a while of its own,
/// withdrawals with a long tail, and takes the most attractive path that it knows of; among equal
/// ones the one that it prefers. All start as announced plainly.
class Routing {
 public:
  Routing(const Fixture& fixture, std::uint64_t seed);

  /// A session says something else from `now` on; the same again is no update.
  void say(const Link& link, const Stance& stance, Time now);
  /// What was due until `now` has arrived; once per tick.
  void advance(Time now);

  /// The path of each carrier's users.
  const Spread& spread() const { return spread_; }
  std::optional<PathNo> path_of(std::size_t carrier) const;
  const std::map<Link, Stance>& said() const { return said_; }
  int nodes_announcing() const;
  /// The highest flap-damping penalty now, in whatever profile and place.
  double penalty() const;
  int back_and_forth() const { return counted_.back_and_forth; }
  /// What the updates until now add to the figures.
  void count(Figures& out) const;

  /// How the world differs from a good one (scenarios).
  struct Oddities {
    bool deaf = false;              ///< communities and prepends change nothing
    bool backwards = false;         ///< they attract instead of sending away
    bool no_graceful = false;       ///< GRACEFUL_SHUTDOWN is not honoured
    bool slow_withdrawals = false;  ///< every withdrawal takes as long as the longest
    Duration later = {};            ///< everything arrives so much later
  };
  Oddities odd = {};

 private:
  struct Coming {
    Time at;
    PathNo path;
    int handicap;
  };
  void choose(Time now);
  /// How much less attractive the stance makes a path to the carrier in this world.
  int felt_handicap(const Stance& stance, const std::string& carrier) const;

  const Fixture& fixture_;
  Dice dice_;
  std::map<Link, Stance> said_;
  std::map<Link, Dampers> at_session_;
  std::map<Link, int> updates_;
  Dampers far_;
  std::pair<std::string, Time> far_heard_ = {};  ///< the last update there: node and time
  std::vector<int> handicaps_;                   ///< [path], as its carrier knows it
  std::vector<Coming> coming_;
  Spread spread_;
  std::vector<std::deque<std::pair<Time, PathNo>>> lately_;  ///< [carrier], moves of 30 minutes
  Figures counted_;
};

}  // namespace anycast::sim
