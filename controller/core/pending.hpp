#pragma once

#include "controller/model/config.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/state.hpp"

namespace anycast::core {

/// Whether something is about to be decided, so that the next cycle should not wait for the usual
/// interval: a path is measured bad and its `for` runs, what a step did for the users is being
/// measured, or `clear_for` or the settle time of a rung ends before the next usual cycle.
/// The verdict clocks are the same on all nodes, so those hurry all of them together.
bool pending(const Config& config, const State& state, const Plan& plan);

}  // namespace anycast::core
