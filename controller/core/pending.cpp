#include "controller/core/pending.hpp"

#include <algorithm>

#include "controller/core/context.hpp"

namespace anycast::core {
namespace {

bool clock_runs(const Config& config, const PathReport& path, Time next) {
  const auto& state = path.state;
  if (state.verdict != Verdict::bad) return state.bad_since.has_value();
  const auto clear_for = config.thresholds.at(path.key.carrier).clear_for;
  return state.clear_since && *state.clear_since + clear_for <= next;
}

/// What will pass before the next cycle would come; a dead node does not wait longer than it must.
bool settles(const Step& step, Time next) {
  return std::ranges::any_of(step.guards, [&](const GuardResult& word) {
    const bool soon = !word.passed && word.earliest && *word.earliest <= next;
    return soon && (word.guard == "settle" || (word.guard == "turn" && own_death(step)));
  });
}

}  // namespace

bool pending(const Config& config, const State& state, const Plan& plan) {
  const auto next = plan.now + config.prometheus.interval;
  return !state.learned.open.empty() || std::ranges::any_of(plan.paths, [&](const auto& path) {
    return clock_runs(config, path, next);
  }) || std::ranges::any_of(plan.steps, [&](const auto& step) { return settles(step, next); });
}

}  // namespace anycast::core
