#pragma once

#include <vector>

#include "controller/core/context.hpp"
#include "controller/core/guard_words.hpp"

namespace anycast::core {

struct EgressPlan {
  std::vector<EgressReport> reports = {};
  Egresses before = {};  ///< what is remembered without the moves of this cycle
};

/// Rung 0, egress: over which upstream packets to a carrier's users leave this node. It is
/// the direction that congests, no neighbour hears of a move, and no connection breaks. The first
/// rule that fits a carrier decides:
///  8.1 order    nothing is known of it yet, or what is used is not in the order any more: the
///               first of the order
///  8.2 down     the session over which it leaves is not up: BGP goes another way by itself
///  8.3 trial    what came of a move is not known yet, and no path that a return took has turned
///  bad
///               since then: nothing, and the ladder waits as well
///  8.4 border   the carrier is bad at all nodes, or no path of it is proven good: no egress helps
///  8.5 bad      the carrier is bad over the upstream that is used: the next of the order that is
///               up, announces us, can be asked for its routes again and was not tried in vain
///               lately; one that is not bad itself before one that is
///  8.6 vain     all were tried: the first of the order, and nothing until the pause is over
///  8.7 kept     it is not bad over the upstream on trial: that stays
///  8.8 return   the first of the order, once its pause is over (guards.reversal, doubling) and its
///               path is not bad
/// Where a path is unknown, all stays. What may move in this cycle is moved in the context's state,
/// the reports say what would be moved and what holds it.
EgressPlan steer_egress(Context& context, std::vector<Event>& events);

/// Guard "egress": while a carrier's egress is on trial, no session is made less attractive for
/// it alone.
Word egress(const Context& context, const Step& step);

/// "packets to telecom over ntt", of the moves of this cycle.
std::vector<std::string> egress_moves(const std::vector<EgressReport>& reports);

}  // namespace anycast::core
