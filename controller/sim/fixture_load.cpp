#include <algorithm>
#include <array>

#include "controller/sim/dice.hpp"
#include "controller/sim/fixture.hpp"
#include "controller/sim/fleets.hpp"

namespace anycast::sim {

/// Every path between 106 and 120 ms, for each carrier another order; what is nearest for most is
/// too small for all of them.
Result<Fixture> load_feedback(const FixtureOptions& options) {
  constexpr Ppm kCapacity = 550'000;
  constexpr std::array<Ppm, 3> kCarriersUsers = {500'000, 300'000, 200'000};
  constexpr std::array<std::array<double, 3>, 4> kRtt = {
      {{110, 106, 112}, {106, 108, 106}, {114, 120, 118}, {118, 112, 116}}};
  auto out = four_nodes(options.days);
  if (!out) return out;
  out->name = "load-feedback";
  out->about = "paths that are almost alike, over nodes that carry 55 % of the peak each";
  for (const auto users : kCarriersUsers) out->users.push_back(to_ratio(users));
  out->traffic = traffic_of_day(out->ticks);
  out->capacity = to_ratio(kCapacity);
  // Its operators know as much: what a node carries, and who has how many users.
  auto& config = out->setup.config;
  for (auto& [name, node] : config.nodes) node.capacity = kCapacity;
  for (std::size_t c = 0; c < kCarriersUsers.size(); ++c)
    config.weights.carriers[config.carriers.at(c)] = kCarriersUsers.at(c);
  Dice dice{mix(options.seed) + 55};
  for (PathNo path = 0; path < out->paths.size(); ++path) {
    auto& levels = out->levels.emplace_back();
    levels.reserve(static_cast<std::size_t>(out->ticks));
    const double base = kRtt.at(node_number(*out, path)).at(carrier_number(*out, path));
    // Wanders by a few ms from hour to hour, so that the order of near ties changes.
    double drift = 0;
    for (std::int64_t tick = 0; tick < out->ticks; ++tick) {
      drift = 0.999 * drift + 0.08 * dice.gauss();
      levels.push_back(
          {.rtt_us = static_cast<std::int32_t>(1e3 * (base + drift)), .loss_ppm = 4'000});
    }
  }
  prefer(*out, {"BACD", "BADC", "BACD"});
  return out;
}

}  // namespace anycast::sim
