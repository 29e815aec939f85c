#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/config.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/seen.hpp"
#include "controller/model/state.hpp"
#include "controller/render/fragment.hpp"
#include "controller/render/template.hpp"

namespace anycast::core {

/// What does not change between two reloads.
struct Setup {
  Config config;
  render::Template fragment;
  /// Judged beside it and never handed over, see `shadow` of the configuration; null: none.
  std::shared_ptr<const Setup> shadow = nullptr;
  std::string shadow_fault = {};  ///< why there is none though the configuration names one
};

/// A cycle's thinking: the state as it will be if the change in the plan happens, and the plan.
struct Thought {
  std::optional<State> without = {};  ///< the state without any change, where that is another
  State next = {};
  Plan plan = {};

  /// The state as it is without any change to the routing daemon.
  const State& base() const { return without ? *without : next; }
};

/// The last rendering. Who thinks again and again with one setup keeps it from cycle to cycle: what
/// was rendered for the same stances, and read back, need not be again. It saves work and changes
/// no result; a new setup begins with an empty one.
struct Rendered {
  std::map<std::string, Stance> stances = {};
  render::Beside beside = {};
  std::optional<Fragment> fragment = {};
};

/// The product. Pure: same arguments, same result, on every machine.
Thought step(const Setup& setup, State state, const Seen& seen, Rendered& rendered);
Thought step(const Setup& setup, State state, const Seen& seen);

/// The state to write down before a change is handed over: nothing has happened yet, but the
/// intention is known and charged.
State intent(const Config& config, const Thought& thought);

struct Settled {
  State state;
  std::vector<Event> events = {};
  std::vector<OrderReply> replies = {};
};

/// The state after the change was handed over, with a failed change not pretending to have
/// happened. Of a thought that is given away the states may be taken; its plan stays as it is.
Settled settle(const Config& config, const Thought& thought, const Outcome& outcome);
Settled settle(const Config& config, Thought&& thought, const Outcome& outcome);

}  // namespace anycast::core
