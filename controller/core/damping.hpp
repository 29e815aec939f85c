#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/core/context.hpp"

namespace anycast::core {

/// RFC 7196 table 1, for each event the worse of Cisco (0 for a return) and Juniper (1,000).
inline constexpr int kWithdrawal = 1'000;
inline constexpr int kReturn = 1'000;
inline constexpr int kAttribute = 500;

/// What a session's change of stance costs, in points.
int cost(const Stance& from, const Stance& to);

/// What is left of the penalty at `now`, in thousandths of a point, halved every `half_life`. Whole
/// numbers only: the same on every machine. Rounded up, so that no error is in our favour.
std::int64_t decayed(const Penalty& penalty, Time now, Duration half_life);
/// The same in whole points, a started one counted, so that what several nodes say of theirs adds
/// up to no less than it is; less than one is none.
int points(const Penalty& penalty, Time now, Duration half_life);
/// When at most `allowed` points will be left.
Time falls_to(const Penalty& penalty, int allowed, Duration half_life);

/// The counters that an update on this session raises: its own, and the prefixes it carries.
std::vector<std::string> counters(const Config& config, const std::string& upstream);

/// What bringing the running exports to the fragment's costs: each session its own, each prefix the
/// dearest of its sessions, because changes that leave together move a distant router's best path
/// once.
Charges charges(const Config& config, const RouterView& router, const Fragment& fragment);

/// Adds to the counters; empty ones are forgotten.
void charge(const Config& config, Time now, const Charges& charges, State& state);

/// Whether a session that was up since `before`, in the daemon's own words, is still up now that it
/// says `now`: that moves by up to a second, and one that is old may be shown in other words.
bool same_session(const std::string& before, const std::string& now);

/// Charges what left without us: a peer's reset of a session that announced counts as a withdrawal.
void charge_resets(const Config& config, const Seen& seen, State& state,
                   std::vector<Event>& events);

/// Notes in `context.spent` what the step, now taken, costs.
void spend(Context& context, const Step& step);

/// Why the step may use the reserve between `normal` and `ceiling`, or nothing: it takes back one
/// that did harm, the node's dataplane is dead, the loss is surely above 10 % and the users do not
/// ping otherwise, the node takes part for the first time, or the session has been withdrawn for as
/// long as a pause may ever be.
std::optional<std::string> emergency(const Context& context, const Step& step);

/// Guard "damping".
std::optional<GuardResult> damping(const Context& context, const Step& step);

}  // namespace anycast::core
