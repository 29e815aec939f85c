#pragma once

#include <string>
#include <vector>

#include "controller/core/context.hpp"

namespace anycast::core {

/// Every guard that has a word to say about the step, all of them evaluated, in the order of the
/// list in guard.cpp. A guard may refuse a step, never invent one. A step without a refusal may be
/// taken.
std::vector<GuardResult> guard(const Context& context, const Step& step);

/// Guards one step and, if nothing refuses, takes it into the context's state.
void consider(Context& context, Step& step);

/// All names under which guards speak.
std::vector<std::string> guard_names();

}  // namespace anycast::core
