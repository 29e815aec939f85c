#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/base/net.hpp"

namespace anycast {

/// The protocol number (rtm_protocol, as in /etc/iproute2/rt_protos) of our routes, rules and next
/// hops. Whatever has another one is somebody else's.
constexpr std::uint8_t kRouteProtocol = 119;

/// How finely a resilient group deals flows out: each next hop has its share of so many buckets.
constexpr std::uint16_t kBuckets = 512;

/// One way of a route: a neighbour on a link.
struct NextHop {
  Address via = {};
  std::string link = {};
  auto operator<=>(const NextHop&) const = default;
};

/// What makes a route that one and no other, at the kernel's usual metric.
struct RouteKey {
  Prefix to = {};  ///< of length 0: the default
  std::uint32_t table = 0;
  auto operator<=>(const RouteKey&) const = default;
};

/// Where the packets of a route go, each flow by its hash.
struct Multipath {
  std::map<NextHop, int> hops = {};  ///< with weights from 1 to 256; a single one has none: 1
  /// By a group of next-hop objects that moves no flow but those of a next hop that goes (Linux
  /// 5.13). Without it, flows are dealt anew whenever a next hop comes or goes.
  bool resilient = false;
  bool operator==(const Multipath&) const = default;
};

/// Which packets look into a table, before those of larger numbers.
struct RouteRule {
  std::uint32_t priority = 0;
  Prefix from = {};  ///< of length 0: from anywhere
  Prefix to = {};    ///< of length 0: to anywhere
  std::uint32_t table = 0;
  auto operator<=>(const RouteRule&) const = default;
};

/// A route of the configuration, with what it needs around it.
struct Ecmp {
  struct Hop {
    Address via = {};
    std::string link = {};
    int weight = 1;
    NextHop key() const { return {via, link}; }
  };
  Prefix to = {};
  int table = 0;
  std::optional<int> rule = {};     ///< priority of a rule that leads to it; nothing: no rule
  std::optional<Prefix> from = {};  ///< only packets from here look for it
  bool resilient = false;
  std::string service = {};  ///< whose checks say which next hop is dead; empty: nobody says
  std::vector<Hop> nexthops = {};

  RouteKey key() const { return {to, static_cast<std::uint32_t>(table)}; }
};

/// The number of a next-hop object of ours, from what it is: the same on each start.
std::uint32_t object_of(const RouteKey& route, const NextHop& hop);
/// The number of the group of a route.
std::uint32_t group_of(const RouteKey& route);

/// "203.0.113.1/32 in table 100".
std::string to_string(const RouteKey& route);

}  // namespace anycast
