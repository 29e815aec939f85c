#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/core/context.hpp"

namespace anycast::core {

// The closed loop. With each step that evidence wants goes a prediction of the score that the
// users of each carrier will feel at the anycast address. It is measured twice, soon and for good,
// by difference in differences: the change of the users whom the session serves, less the mean
// change of the carriers that the step does not touch.

/// Who froze where predictions cannot be trusted.
inline constexpr auto kEngine = "anycastd";

/// From a step to the looks at what it did: as configured, but not before the window that is looked
/// at has passed.
Duration early_look(const Config& config);
Duration late_look(const Config& config);

/// Records the prediction of a step that is being taken, before `context.announcing` moves along.
/// With policy prefer a gain is expected once nothing but the primary draws the carrier's users.
void predict(Context& context, const Step& step);

/// Measures what is due, learns from it, and freezes where the predictions cannot be trusted.
void measure(const Config& config, const Seen& seen, State& state, std::vector<Event>& events);

/// What the session's last automatic step did for the users, or is to do, in words; or empty.
std::string effect_of(const State& state, const std::string& upstream);

/// Rule 3.0: a step whose users are worse off is taken back, if the session still stands there, and
/// with policy prefer while they surely are worse off than here.
std::optional<Step> taken_back(const Context& context, const std::string& upstream,
                               const SessionState& session);

/// Where a lesson is kept: what a stance asks toward other carriers does not count.
std::string lesson_key(const std::string& upstream, Stance stance, const std::string& carrier);

/// What is known against a stance toward one of the carriers, if it counts still.
const Lesson* against(const State& state, Time now, const Step& step, Effect effect);

/// The rung that is tried next after the session's: rungs that had no effect are passed over.
int next_rung(const Context& context, const Step& step, const SessionState& session);

/// Guard "effect": no step that did harm or nothing lately; no further climb before the last step
/// is measured, nor while the users are well.
std::optional<GuardResult> effect(const Context& context, const Step& step);

}  // namespace anycast::core
