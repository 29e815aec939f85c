#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/core/context.hpp"

namespace anycast::core {

/// `Ranked::level` of a session that announces nothing.
inline constexpr int kSilent = 100;

/// What the session says now, as far as this node knows; null where it announces nothing, is down
/// or unknown.
const Stance* in_force(const Context& context, const std::string& node,
                       const std::string& upstream);

/// Users by node, as a share of all, if every carrier's are where `choices` has them.
std::map<std::string, Ppm> loads(const Config& config,
                                 const std::map<std::string, Choice>& choices);

/// 4.1 Every carrier's paths by their score: those that are announced and known, best first, ties
/// by name; then the others. The score holds the upstream's cost and, where capacities are
/// configured, the load that the node would have with this carrier. Roles are not given yet.
std::vector<CarrierPlan> rank(const Context& context);

/// Where a path leads.
SessionKey session_of(const Context& context, const Ranked& ranked);
/// The carrier's entry for a place, or null.
const Ranked* find_ranked(const Context& context, const CarrierPlan& plan, const SessionKey& place);
/// The entry with that role, or null.
const Ranked* with_role(const CarrierPlan& plan, Role role);
/// Of the carrier's announced paths the one that is more attractive than all others, or null.
const Ranked* most_attractive(const CarrierPlan& plan);

}  // namespace anycast::core
