#pragma once

#include <string>

#include "controller/core/context.hpp"

namespace anycast::core {

/// Sentences about decisions, each built in one place, so that journal, history, status and page
/// agree.

/// "prepended 2 on cmi for 203.0.113.0/24 on hk-idc-1: <why> (<evidence>); guards ok; next: <next>
/// [#7]".
std::string step_done(const Config& config, const Plan& plan, const Step& step,
                      const SessionState& after);
/// "did not withdraw cmi on hk-idc-1: <guard>; wanted because <why>; next: ...".
std::string step_refused(const Config& config, const Plan& plan, const Step& step);
/// What the session waits for and when, given this cycle's step for it (or none).
SessionReport session_report(const Config& config, const Plan& plan, const std::string& upstream,
                             const SessionState& session);
/// "mobile at hk-idc-1 via cmi went ok -> bad: 231ms, 6.8%; next: ...".
std::string verdict_changed(const Config& config, const PathReport& path, Verdict before);

}  // namespace anycast::core
