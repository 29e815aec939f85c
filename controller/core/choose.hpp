#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/core/context.hpp"

namespace anycast::core {

/// The stance of a rung: 0 is the plain announcement, n is policy.carrier_bad[n - 1]. Policy prefer
/// has no ladder: there 0 is plain, and 1 is whatever else is announced.
Stance stance_of(const Policy& policy, int rung);
/// The rung whose stance it is, or the first rung that is no more attractive; the top rung
/// otherwise.
int rung_of(const Policy& policy, const Stance& stance);

/// "mobile bad: 231ms > 180ms, 6.8% > 3.0% in 3 of 3 regions, congestion".
std::string describe_bad(const Config& config, const PathReport& path);

/// What each session of this node should say next, one step at most per session, worst first. The
/// first rule that fits a session decides:
///  3.0 undo     users are worse off by the last step: back, one step
///  3.1 drain    a person drains this node: GRACEFUL_SHUTDOWN, then withdraw
///  3.2 pin      a person pinned the session
///  3.3 dead     a service of this node is down: withdraw, whatever the evidence says
///  3.4 return   the session stands where neither a rung nor a standing order wants it: back to
///               its rung
///  3.5 alive    withdrawn because a service was down, and it is up again: back to its rung
///  3.6 startup  adopted as withdrawn, nothing known against it: announce
///  3.7 degrade  a carried path is bad and moving helps: one rung up
///  3.8 weak     a service of this node stays low: at least the first rung, if that still announces
///  3.9 restore  all carried paths are measured clear: one rung down
/// With policy prefer 3.7 to 3.9 are the rules of prefer.hpp, which know no weak node, and 3.6
/// joins without taking users from any primary. Guards decide later whether a step may be taken.
std::vector<Step> choose(const Context& context);

}  // namespace anycast::core
