#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/base/net.hpp"
#include "controller/base/time.hpp"

namespace anycast {

/// A host of ours whose traffic one upstream is to drop (RFC 7999), by a person's order, for a
/// time.
struct Blackhole {
  Prefix host;  ///< of full length, inside one of our prefixes
  std::string upstream;
  Time since = {};
  Time until = {};
  std::string reason = {};
  std::string actor = {};
  bool operator==(const Blackhole&) const = default;
};

/// By "203.0.113.7/32 cmi".
using Blackholes = std::map<std::string, Blackhole>;
std::string key_of(const Prefix& host, const std::string& upstream);

/// By upstream, sorted.
using HostRoutes = std::map<std::string, std::vector<Prefix>>;
HostRoutes host_routes(const Blackholes& blackholes);

/// 203.0.113.7/32 is a host of 203.0.113.0/24; a prefix of full length has none.
bool is_host_of(const Prefix& host, const Prefix& prefix);
struct Config;
/// Whether a route is a host of a configured prefix, and so no announcement of it.
bool is_blackhole(const Config& config, const Prefix& route);

struct Upstream;
/// By which the upstream is told to drop the traffic to a route, sorted; empty where its dictionary
/// does not say that it takes such routes.
std::vector<std::string> blackhole_communities(const Upstream& upstream);

}  // namespace anycast
