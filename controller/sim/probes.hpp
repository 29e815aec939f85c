#pragma once

#include <vector>

#include "controller/model/evidence.hpp"
#include "controller/sim/dice.hpp"
#include "controller/sim/figures.hpp"

namespace anycast::sim {

/// The fleet's probes: each pings every node and the anycast address once per scrape. Losses come
/// in rows (Gilbert), and a probe that is out of order says nothing at all.
class Probes {
 public:
  Probes(const Fixture& fixture, std::uint64_t seed);

  /// The pings of the tick that ends at `now`, over the paths as they are.
  void ping(const Load& load, const Spread& spread, std::int64_t tick);
  /// What a Prometheus holds of (from, to]; not longer ago than `kKept`. Into the answer before
  /// this one, whose room is used again.
  void evidence(Time from, Time to, Evidence& out) const;
  static constexpr Duration kKept = minutes{35};

 private:
  struct One {
    ProbeKey key;
    std::size_t carrier;  ///< number
    PathNo path;          ///< what the node's address is reached by; unused for the anycast address
    Dice dice;
    bool losing = false;
    std::vector<Outage> outages = {};  ///< that are not over
    std::vector<Sample> samples = {};
  };
  Sample sample(One& one, const std::optional<Level>& level, Time at) const;

  const Fixture& fixture_;
  std::vector<One> all_;  ///< sorted by key
};

}  // namespace anycast::sim
