#include "controller/model/blackhole.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/model/config.hpp"

namespace anycast {

std::string key_of(const Prefix& host, const std::string& upstream) {
  return fmt::format("{} {}", to_string(host), upstream);
}

HostRoutes host_routes(const Blackholes& blackholes) {
  HostRoutes out;
  for (const auto& [key, one] : blackholes) out[one.upstream].push_back(one.host);
  for (auto& [upstream, hosts] : out) std::ranges::sort(hosts);
  return out;
}

bool is_host_of(const Prefix& host, const Prefix& prefix) {
  return host.length == host.address.bits() && prefix.length < host.length && prefix.contains(host);
}

std::vector<std::string> blackhole_communities(const Upstream& upstream) {
  std::vector<std::string> out;
  for (const auto& community : upstream.communities) {
    if (community.does == Community::Does::blackhole) out.push_back(community.value);
  }
  std::ranges::sort(out);
  return out;
}

bool is_blackhole(const Config& config, const Prefix& route) {
  return std::ranges::any_of(config.prefixes,
                             [&](const AnycastPrefix& p) { return is_host_of(route, p.prefix); });
}

}  // namespace anycast
