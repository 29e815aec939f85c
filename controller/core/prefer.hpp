#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/core/context.hpp"

namespace anycast::core {

/// Policy prefer: for the whole fleet, the same on every node from the same evidence, the path that
/// each carrier's users are to take. Clocks run by the time of the evidence and stand still while
/// nothing is known. In this order, one carrier moves at a time:
///  4.1 rank          rank.hpp
///  4.2 first         a carrier without a primary gets the most attractive path of those in force,
///                    or else the best
///  4.3 gone          a primary that nobody announces for `confirm` is replaced likewise
///  4.4 contradicted  where another path has been the most attractive for 15 min, that is where the
///                    users are: it becomes the primary, at the next full 5 min
///  4.5 border        bad on every path: users stay, unless one of them is surely better by the
///                    margin, as everywhere else; and no path is repelled but the one that they
///                    leave
///  4.6 move          another path is surely better by the margin, for `confirm`, still is by the
///                    fast window's values, and the hold after the last move is over, which doubles
///                    with each move within 2 h of the one before; with a sure loss over
///                    `emergency_loss` at once, by any difference that is sure, after the shorter
///                    hold, but not at the border. Never to a path that was left within the hold
///                    and 2 min for the users to get there, be it by a move or because it was made
///                    less attractive, nor to a node beyond its capacity. Of several carriers the
///                    one moves whose users gain most
///  4.7 secondary     the best path on another node and another upstream, or else on one of both;
///                    it changes only for one that is surely better
/// Writes `context.state.choices`; the plan has every path's score, role and clock.
std::vector<CarrierPlan> prefer(Context& context);

/// What a session has to say so that the plan holds. Levels only count against each other, and what
/// is right already is left alone:
///  4.8 attract  a primary is announced plainly where another path is as attractive or more, and
///               that one cannot be made less attractive
///  4.9 repel    a path that is surely worse than the primary, by the margin and for `confirm`,
///               still is by the fast window, and is as attractive, unless the users by their own
///               pings have it better than the primary would give them: asked toward the carrier
///               through the mildest tested community if it is the secondary, through the strongest
///               otherwise, in each case beyond the primary
///  4.10 together  where there is no tested community the whole session prepends, if what all its
///               carriers gain and lose by that, by their weights, is a gain of the margin
struct Wish {
  Stance to = {};
  std::vector<std::string> carriers = {};  ///< whose users it is to move
  bool repels = false;
  Duration gain = {};  ///< of the score, by weights
  std::string why = {};
};
std::optional<Wish> wish(const Context& context, const SessionKey& place, const Stance& now);

/// How a session joins that takes users from no primary.
Stance beside(const Context& context, const SessionKey& place);

/// All nodes of the fleet that want a step, as far as their stances are known, sorted.
std::vector<std::string> wishing_nodes(const Context& context);

}  // namespace anycast::core
