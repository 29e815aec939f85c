#pragma once

#include "controller/core/context.hpp"
#include "controller/core/guard_words.hpp"

namespace anycast::core {

/// Guard "destination" for a step of policy prefer: the primary of each carrier that is to go is
/// announced, more attractive than this path will be, and surely better than it.
Word preferred_destination(const Context& context, const Step& step);

/// Guard "capacity": where capacities are configured, the nodes that stay can serve all users after
/// a withdrawal, and with policy prefer the destination those who are to come.
Word capacity(const Context& context, const Step& step);

/// Guard "turn" for a step of policy prefer: of several nodes that want a step one acts at a time,
/// so that each sees what the one before has spent of the flap-damping budget.
Word preferred_turn(const Context& context, const Step& step);

}  // namespace anycast::core
