#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "adapters/kernel/netlink.hpp"
#include "controller/model/inside_change.hpp"

namespace anycast::kernel {

/// Adds the routes and rules of our protocol number that concern these tables. What we have no word
/// for (a next hop of another kind) is told as a route that nobody can want.
Result<void> read_routes(Netlink& route, const std::set<std::uint32_t>& tables, Inside& out);

/// The requests that make one change, in order; a resilient route has one for each next-hop object.
/// Error: there is no such link.
Result<std::vector<Message>> route_messages(const RouteChange& change);
Message rule_message(const RuleChange& change);

/// Takes away the next-hop objects of ours that changes of these routes have left without a use. An
/// object that is in use is never asked to go: the kernel would take its routes with it.
Result<void> sweep_objects(Netlink& route, const std::set<RouteKey>& changed);

}  // namespace anycast::kernel
