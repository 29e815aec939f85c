#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/core/step.hpp"

namespace anycast::sim {

/// The grid of the simulated time.
constexpr Duration kTick = seconds{15};

/// What a path is worth during one tick.
struct Level {
  std::int32_t rtt_us = 0;
  std::int32_t loss_ppm = 0;
};

/// A path by its place in Fixture::paths.
using PathNo = std::size_t;

/// Nobody hears from a probe for a while, or its own line loses some of all that it sends.
struct Outage {
  std::string carrier;
  std::string region;
  Time from;
  Time to;
  std::int32_t loss_ppm = 0;  ///< 0: it says nothing at all
};

/// A world that simulations run in: the fleet, how good every path is at any time, where the users
/// are, and which node their carriers prefer as long as all announce alike.
struct Fixture {
  std::string name;
  std::string about;
  core::Setup setup;  ///< of the fleet's controllers; they start with everything announced plainly
  Time begin;
  std::int64_t ticks = 0;
  std::vector<PathKey> paths = {};                  ///< sorted
  std::vector<std::vector<Level>> levels = {};      ///< [path][tick]
  std::vector<double> users = {};                   ///< share of each of config.carriers, sum 1
  std::vector<double> traffic = {};                 ///< [tick], 1 at its highest, about
  std::vector<std::vector<PathNo>> preferred = {};  ///< [carrier], most attractive first
  std::vector<Outage> outages = {};
  /// What a node carries before its paths get worse, as a share of all users at traffic 1; 0: any.
  double capacity = 0;
  double loss_run = 1.6;  ///< mean length of a row of lost pings (Gilbert)

  Time end() const { return begin + ticks * kTick; }
  Time at(std::int64_t tick) const { return begin + tick * kTick; }
  const Config& config() const { return setup.config; }
};

struct FixtureOptions {
  std::uint64_t seed = 1;
  int days = 7;
};

/// The names that `fixture` knows.
std::vector<std::string> fixture_names();
/// A built-in fixture.
Result<Fixture> fixture(const std::string& name, const FixtureOptions& options);

/// "calibrated-week": a synthetic fit to the table of the article this project goes back to. DNS
/// round robin over four nodes gives its users 210 ms and 5.1 % loss with seed 1, one node 195 ms
/// and 3.8 %.
Result<Fixture> calibrated_week(const FixtureOptions& options);
/// "load-feedback": paths that are almost alike, over nodes that cannot carry everybody.
Result<Fixture> load_feedback(const FixtureOptions& options);

}  // namespace anycast::sim
