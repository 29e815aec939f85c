#pragma once

#include <optional>
#include <vector>

#include "controller/core/context.hpp"

namespace anycast::core {

/// What it takes until the updates of a move have left and reached everybody.
inline constexpr Duration kArrival = minutes{2};

/// The pause after the `times`-th event of a row; times > 0.
Duration doubled(const Pause& pause, std::size_t times);

/// Adds `now` to a row of events, which a longer silence than `quiet` ends.
void append(std::vector<Time>& row, Time now, Duration quiet);

/// Guard "reannounce": a session that automation withdrew stays withdrawn for a while, twice as
/// long with each withdrawal within a day of the one before.
std::optional<GuardResult> reannounce(const Context& context, const Step& step);

/// Guard "reversal": a session is not moved back the way it came for a while, twice as long with
/// each turn within 6 h of the one before; in an emergency it waits 5 minutes at most. With policy
/// prefer a turn is what takes a carrier's users the way back that the last step took them, the
/// pause begins when they have got there, and it doubles from the third turn on, each within two
/// hours of the one before.
std::optional<GuardResult> reversal(const Context& context, const Step& step);

/// Writes a step that is taken into the session's memory of withdrawals and turns; `session` is as
/// it was before the step.
void note_move(const Step& step, Time now, SessionState& session);

}  // namespace anycast::core
