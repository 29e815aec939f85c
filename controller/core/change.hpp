#pragma once

#include "controller/core/context.hpp"
#include "controller/core/orders.hpp"
#include "controller/core/step.hpp"

namespace anycast::core {

/// Fills in what is to be handed over to the routing daemon so that it says what `next` says, or
/// why nothing can be. `before` is the context before any of the plan's steps was taken; its state
/// counts only where a step is wanted.
void plan_change(const Setup& setup, const Context& before, const Ordered& ordered,
                 const State& next, Plan& plan, Rendered& rendered);

}  // namespace anycast::core
