#pragma once

#include <functional>
#include <string>

#include "controller/sim/figures.hpp"
#include "controller/sim/routing.hpp"

namespace anycast::sim {

/// A fixture while it runs, as a steering rule meets it.
struct Scene {
  const Fixture& fixture;
  Routing routing;
  Load load;
  std::int64_t tick = 0;
  Time now = {};  ///< the end of the tick
};

/// Called once per tick, after the users have felt it.
using Steering = std::function<void(Scene&)>;

/// What users feel under a rule that steers by announcements, from all announced plainly.
Figures steered(const Fixture& fixture, std::uint64_t seed, const Steering& rule);

/// What users feel where they are spread by other means than announcements.
using Spreading = std::function<Spread(std::int64_t tick)>;
Figures spread(const Fixture& fixture, const Spreading& rule);

/// Every user of a random node: DNS round robin.
Spreading round_robin(const Fixture& fixture);
/// Everybody at the node that is best for all together over the whole span.
Spreading single_node(const Fixture& fixture);
/// Each carrier at the node that is best for it over the whole span.
Spreading static_map(const Fixture& fixture);
/// Each carrier at the node that is best for it now, known without measuring.
Spreading oracle(const Fixture& fixture);

/// The article's loop: a node whose mobile RTT is over 200 ms or loss over 3 % in five minutes
/// withdraws, else it announces. `pings_vip`: as written, with pings of the anycast address; else
/// of each node. `floor`: the last announcer stays.
struct Naive {
  enum class Pings { vip, node } pings = Pings::vip;
  enum class Floor { none, last_announcer } floor = Floor::none;
};
Steering naive(const Fixture& fixture, std::uint64_t seed, Naive kind);
/// Each carrier is asked to the node with the best score of two minutes, at once.
Steering greedy(const Fixture& fixture, std::uint64_t seed);

}  // namespace anycast::sim
