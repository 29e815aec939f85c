#pragma once

#include "controller/sim/fixture.hpp"

namespace anycast::sim {

/// The fleet of the built-in fixtures, everything but the world around it: four nodes A to D, each
/// with one upstream that leads to all three carriers and can be asked for each of them.
Result<Fixture> four_nodes(int days);

/// Which of the four nodes, and which of config.carriers, a path belongs to.
std::size_t node_number(const Fixture& fixture, PathNo path);
std::size_t carrier_number(const Fixture& fixture, PathNo path);

/// Sets `preferred`: one word per carrier, its nodes by letter, most attractive first.
void prefer(Fixture& fixture, const std::vector<std::string>& orders);

/// How many users there are at each tick: most at 21:00, a few more after lunch.
std::vector<double> traffic_of_day(std::int64_t ticks);

}  // namespace anycast::sim
