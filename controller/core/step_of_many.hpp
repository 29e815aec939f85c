#pragma once

#include "controller/core/judge.hpp"
#include "controller/core/step.hpp"

namespace anycast::core {

/// `step` for one of several nodes that see the same: what `survey` makes of it is known already.
Thought step(const Setup& setup, State state, const Seen& seen, Rendered& rendered,
             Judgement judged);
/// The same for the next of them, out of a plan that nobody needs any more.
Judgement take_back(Plan&& plan);

}  // namespace anycast::core
