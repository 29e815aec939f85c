#pragma once

#include <string>

#include "controller/model/plan.hpp"
#include "controller/model/state.hpp"

namespace anycast::core {

/// Of what the fleet's plan is made of: verdicts and blame of all paths and, with policy prefer,
/// where each carrier's users are to be, since when, and what is surely worse. Paths count by their
/// place in the fleet's order: which fleet that is, says `config::fleet_digest`. The same evidence
/// gives the same hash on every node.
std::string plan_hash(const State& state, const Plan& plan);

}  // namespace anycast::core
