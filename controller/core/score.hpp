#pragma once

#include "controller/model/config.hpp"
#include "controller/model/plan.hpp"

namespace anycast::core {

/// Fewer probes than this say nothing about the short window of a path.
inline constexpr int kLeastSent = 20;

// What a path is worth to its users: median RTT + 20 ms per % loss + jitter/2, less is better. A
// short transfer of ten packets meets a loss with ten times its share and then waits for 200 ms.

/// With one-sided 95 % bounds; the errors of its parts combine as squares. Nothing but losses
/// counts as an RTT of a second.
Bounded<Duration> score(const Estimate& estimate);

/// By all three windows of the path: the main one, narrowed by the slow one as long as nothing
/// newer contradicts it, and never below what the fast one proves.
Bounded<Duration> score(const PathReport& path);

/// What is added to the scores of a node that is to serve this share of its capacity: nothing up to
/// 70 %, 100 ms at all of it, and on in the same proportion.
Duration load_term(Ppm load);

/// The carrier's users as a share of all; the same for all where no weights are configured.
Ppm weight(const Config& config, const std::string& carrier);

/// True if `a` is surely better than `b` by the margin.
bool surely_better(const Prefer& prefer, const Bounded<Duration>& a, const Bounded<Duration>& b);

/// Whether the path loses over `emergency_loss` for sure in the fast window, by an alarm of the
/// regions together: a burst at one probe is no emergency.
bool losing_now(const Prefer& limits, const PathReport& path);

/// Whether the path, with `extra` on its score, is over `than` in the fast window as well, by its
/// value: what has ended since is no reason any more.
bool still_worse(const PathReport& path, Duration extra, Duration than);

}  // namespace anycast::core
