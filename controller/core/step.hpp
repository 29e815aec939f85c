#pragma once

#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/config.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/seen.hpp"
#include "controller/model/state.hpp"
#include "controller/render/template.hpp"

namespace anycast::core {

/// What does not change between two reloads.
struct Setup {
  Config config;
  render::Template fragment;
};

/// A cycle's thinking: the state as it is without any change to the routing daemon, the state as it
/// will be if the change in the plan happens, and the plan.
struct Thought {
  State base = {};
  State next = {};
  Plan plan = {};
};

/// The product. Pure: same arguments, same result, on every machine.
Thought step(const Setup& setup, const State& state, const Seen& seen);

/// The state to write down before a change is handed over: nothing has happened yet, but the
/// intention is known and charged.
State intent(const Config& config, const Thought& thought);

struct Settled {
  State state;
  std::vector<Event> events = {};
  std::vector<OrderReply> replies = {};
};

/// The state after the change was handed over, with a failed change not pretending to have
/// happened.
Settled settle(const Config& config, const Thought& thought, const Outcome& outcome);

}  // namespace anycast::core
