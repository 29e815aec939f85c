#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "controller/base/text.hpp"
#include "controller/config/rules.hpp"

namespace anycast::config {
namespace {

// Of linux/rtnetlink.h: unspecified, default, main, local.
constexpr std::array kShared{0, 253, 254, 255};

void check_table(const Checked& c, const Ecmp& route, const std::string& path) {
  if (std::ranges::find(kShared, route.table) == kShared.end()) return;
  c.report.error(c.bound.at(path + ".table"), "table-shared",
                 fmt::format("table {} is not ours alone", route.table),
                 {"write another number, and 'rule' for packets to look into it"});
}

void check_families(const Checked& c, const Ecmp& route, const std::string& path) {
  const auto family = route.to.address.family;
  const auto differs = [&](const std::string& key, const std::string& what) {
    c.report.error(c.bound.at(key), "ip-family",
                   fmt::format("{} and {} are not of one family", what, to_string(route.to)));
  };
  if (route.from && route.from->address.family != family)
    differs(path + ".from", to_string(*route.from));
  for (std::size_t i = 0; i < route.nexthops.size(); ++i) {
    const auto& via = route.nexthops[i].via;
    if (via.family != family) differs(fmt::format("{}.nexthops.{}.via", path, i), to_string(via));
  }
}

void check_nexthops(const Checked& c, const Ecmp& route, const std::string& path) {
  constexpr std::size_t kMost = 64;
  const auto all = c.bound.at(path + ".nexthops");
  if (route.nexthops.empty()) c.report.error(all, "missing", "a route needs a next hop");
  if (route.nexthops.size() > kMost) {
    c.report.error(all, "range",
                   fmt::format("{} next hops, at most {}", route.nexthops.size(), kMost));
  }
  std::set<NextHop> seen;
  for (std::size_t i = 0; i < route.nexthops.size(); ++i) {
    const auto key = route.nexthops[i].key();
    if (!seen.insert(key).second) {
      c.report.error(c.bound.at(fmt::format("{}.nexthops.{}.via", path, i)), "nexthop-twice",
                     fmt::format("{} on {} is there twice", to_string(key.via), key.link));
    }
  }
}

/// A next hop of which no check speaks would be taken for alive for ever.
void check_service(const Checked& c, const Node& node, const Ecmp& route, const std::string& path) {
  if (route.service.empty()) return;
  const auto found = node.services.find(route.service);
  if (found == node.services.end()) {
    c.report.error(c.bound.at(path + ".service"), "reference",
                   fmt::format("'{}' is no service of this node", route.service));
    return;
  }
  for (std::size_t i = 0; i < route.nexthops.size(); ++i) {
    const auto& via = route.nexthops[i].via;
    const bool asked = std::ranges::any_of(found->second.servers, [&](const Service::Real& real) {
      return real.endpoint.address == via;
    });
    if (asked) continue;
    c.report.error(c.bound.at(fmt::format("{}.nexthops.{}.via", path, i)), "nexthop-unchecked",
                   fmt::format("{} is no real server of '{}'", to_string(via), route.service),
                   {"add it to the service, or leave out 'service' of the route"});
  }
}

}  // namespace

void check_routes(const Checked& c) {
  for (const auto& [name, node] : c.config.nodes) {
    const auto list = fmt::format("nodes.{}.local.routes", name);
    if (!c.bound.good(list) || !c.bound.good(fmt::format("nodes.{}.services", name))) continue;
    std::map<RouteKey, std::string> seen;
    for (std::size_t i = 0; i < node.local.routes.size(); ++i) {
      const auto& route = node.local.routes[i];
      const auto path = fmt::format("{}.{}", list, i);
      check_table(c, route, path);
      check_families(c, route, path);
      check_nexthops(c, route, path);
      check_service(c, node, route, path);
      if (route.rule && route.to.length == 0 && !route.from) {
        c.report.error(c.bound.at(path + ".rule"), "rule-all",
                       "a rule for all packets would come before this host's own networks",
                       {"write 'from', the prefix whose packets it is for"});
      }
      if (route.from && !route.rule) {
        c.report.error(c.bound.at(path + ".from"), "missing",
                       "'from' says for which packets the rule is, and there is no 'rule'");
      }
      const auto at = c.bound.at(path + ".to");
      const auto [first, fresh] = seen.emplace(route.key(), path + ".to");
      if (!fresh) {
        c.report.error(at, "route-twice", fmt::format("{} is there twice", to_string(route.key())),
                       {"first at " + c.report.refer(c.bound.at(first->second), at)});
      }
    }
  }
}

}  // namespace anycast::config
