#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/app/published.hpp"

/// Building blocks that several reports share.
namespace anycast::report {

using Json = nlohmann::ordered_json;

Json head(const char* kind, const Published& p);
Json time(std::optional<Time> t);
Json bounded(const Bounded<Duration>& b);
Json estimate(const Estimate& e);
Json regions(const PathReport& path);
/// Thresholds of a carrier, each with the place that set it or null where it is the default.
Json limits(const Config& config, const std::string& carrier);
Json steps(const Published& p, const std::string& upstream);
/// `asks` is there only where the upstream is asked for something.
Json stance(const Stance& stance);
Json router(const Published& p);
Json last_apply(const Published& p);
/// This node's services; of their real servers only those that are not up.
Json services(const Published& p);
/// What this node keeps in its kernel, or null where that is nothing.
Json inside(const Published& p);
Json keepalived(const Published& p);
/// What the checks of real servers cost, or null where there are none.
Json checks(const Published& p);
/// What is handed to the routing daemon, or null.
Json change(const std::optional<Change>& handed);
Json notices(const Published& p);
/// Hosts that an upstream is to drop, with who ordered it and the time that is left.
Json blackholes(const Published& p);

/// Over which upstream packets to each carrier leave this node, of those that have an order.
Json egress(const Published& p);

/// Where the shadow has come to something else than what is in force; there has to be one.
Json shadow(const Published& p);

/// Place of the most special entry of `keys` that the files set, or nullptr.
const Place* origin(const Config& config, const std::vector<std::string>& keys);
Json place(const Place* where);

/// Paths of a cell in the plan's order.
std::vector<const PathReport*> paths_of(const Published& p, const std::string& node,
                                        const std::string& carrier);
/// The path that a cell shows: the worst, ties to the first.
const PathReport* worst(const std::vector<const PathReport*>& paths);
int severity(Verdict verdict);

/// What a session really says, judged from its exports; none where the router did not answer.
struct Actual {
  std::string state;  ///< announced, prepended, drained, withdrawn, mixed, down
  Stance stance = {};
  int exported = 0;
};
std::optional<Actual> actual(const Published& p, const std::string& upstream);
/// Whether the session exports exactly what the fragment wants; none where nobody can know.
std::optional<bool> in_sync(const Published& p, const std::string& upstream);

/// Changes of ours that the budget still allows at the time of the cycle.
int budget_left(const Published& p);
/// Damping points on a counter (an upstream or a prefix) now.
int penalty(const Published& p, const std::string& counter);
/// ok, degraded, blind, frozen, fault.
std::string health(const Published& p);
/// Upstreams on which a node announces, or none where that is not known.
std::optional<std::vector<std::string>> announces(const Published& p, const std::string& node);

}  // namespace anycast::report
