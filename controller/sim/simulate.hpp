#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/app/text.hpp"
#include "controller/sim/baselines.hpp"
#include "controller/sim/fixture.hpp"
#include "controller/sim/recording.hpp"
#include "controller/sim/trace.hpp"

namespace anycast::sim {

struct SimulateOptions {
  std::string fixture = "calibrated-week";
  std::uint64_t seed = 1;
  int days = 7;
  bool compare = false;               ///< with all baselines, not only the nearest
  std::optional<Config> config = {};  ///< whose thresholds, policy and guards are tried
  Recording* recording = nullptr;     ///< of one of the nodes, where somebody wants to see more
};

/// What went on inside our controllers.
struct Inside {
  std::map<std::string, int> conditions = {};  ///< cycles of all nodes by condition, "run"
  std::map<std::string, int> refused = {};     ///< cycles in which this guard alone or among others
                                               ///< refused a wanted step, but to wait its time
  std::map<std::string, int> effects = {};     ///< what measured steps turned out as, "sufficient"

  /// Of the predictions that could be measured, the share that came true.
  std::optional<double> accuracy() const;
};

/// All that one run says.
struct Simulation {
  std::string fixture;
  std::string about;
  std::uint64_t seed = 0;
  int days = 0;
  std::vector<Figures> rows = {};  ///< "ours", "static map" and "oracle" among them
  Trace trace = {};                ///< of ours
  Inside inside = {};

  const Figures& row(const std::string& controller) const;
  /// How much better the best possible would have been, as a score in ms.
  double regret_ms(const Figures& figures) const;
  /// How much better the best fixed map would have been, known for the whole span beforehand.
  double regret_to_map_ms(const Figures& figures) const;
};

Result<Simulation> simulate(const SimulateOptions& options);

/// The same figures as a table and as JSON.
std::string table(const Simulation& simulation, const text::Look& look);
nlohmann::ordered_json report(const Simulation& simulation);

/// One bound on a figure of ours: "rtt<=115ms".
struct Expectation {
  std::string figure;
  double most;
  std::string text;
};
/// "rtt<=115ms,loss<=0.8%": figures rtt, loss, peak, updates, nobody, penalty, calm, damped, aba,
/// regret, inflation, decided, missed, false.
Result<std::vector<Expectation>> parse_expectations(const std::string& text);
/// Those that were not met, each with the figure: "rtt is 118.2ms, expected rtt<=115ms".
std::vector<std::string> unmet(const Simulation& simulation,
                               const std::vector<Expectation>& expectations);

/// The controllers of the fixture's fleet with the production core inside; what goes on there is
/// added to `inside`, and what one of them goes through to `recording`, which have to live as long.
Steering ours(const Fixture& fixture, const core::Setup& setup, std::uint64_t seed,
              Inside* inside = nullptr, Recording* recording = nullptr);

}  // namespace anycast::sim
