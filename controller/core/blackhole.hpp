#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/core/context.hpp"

namespace anycast::core {

/// Why a person's order to let an upstream drop a host's traffic is refused, or nothing: only hosts
/// of our own prefixes, by an upstream whose dictionary says that it takes them, for a time that
/// ends, few at a time, and never the last address that serves. ROAs are asked about the prefix
/// that covers the host and not about its length, for which they are not made (RFC 9319 6); where
/// they say nothing it is not held.
std::optional<std::string> refused_blackhole(const Context& context, const Order& order);

/// Ends those whose time is over, or that have no place in the configuration any more.
void end_blackholes(const Config& config, Time now, State& state, std::vector<Event>& events);

/// What becomes of host routes.
struct HostChange {
  std::string text;  ///< "blackhole 203.0.113.7/32 on cmi, no longer blackhole 203.0.113.8/32 ..."
  std::vector<std::string> upstreams = {};
};

/// The difference between the running fragment and this one where it is one of host routes alone.
/// Nothing where there is no difference, or another one too.
std::optional<HostChange> only_blackholes(const Config& config, const RouterView& router,
                                          const Fragment& fragment);

/// Says which hosts are still dropped though nobody wants that any more, where nothing may be
/// handed over now.
void notice_lingering(const Config& config, const Seen& seen, const State& next, Plan& plan);

}  // namespace anycast::core
