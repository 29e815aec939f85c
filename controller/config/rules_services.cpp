#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "controller/config/rules.hpp"

namespace anycast::config {
namespace {

void check_watermarks(const Checked& c, const Service& service, const std::string& path) {
  if (!c.bound.good(path + ".high") || !c.bound.good(path + ".low")) return;
  if (service.low <= service.high) return;
  const auto low = path + (c.bound.set(path + ".low") ? ".low" : ".high");
  c.report.error(c.bound.at(low), "watermarks",
                 fmt::format("'low' ({}) is more than 'high' ({})", print_share(service.low),
                             print_share(service.high)),
                 {"a service that has just come up would be too weak at once"});
}

void check_times(const Checked& c, const Service& service, const std::string& path) {
  if (!c.bound.good(path + ".check")) return;
  const auto& check = service.check;
  const auto at = [&](const std::string& key) { return c.bound.at(path + ".check." + key); };
  if (check.timeout > check.interval) {
    c.report.error(at("timeout"), "timeout",
                   fmt::format("'timeout' ({}) is longer than 'interval' ({})",
                               print_duration(check.timeout), print_duration(check.interval)),
                   {"tries of one real server do not overlap"});
  }
  if (check.fast_interval > check.interval && c.bound.set(path + ".check.fast_interval")) {
    c.report.error(
        at("fast_interval"), "timeout",
        fmt::format("'fast_interval' ({}) is longer than 'interval' ({})",
                    print_duration(check.fast_interval), print_duration(check.interval)));
  }
}

/// Values that would change nothing with this kind of check.
void check_kind(const Checked& c, const Service& service, const std::string& path) {
  if (!c.bound.good(path + ".check")) return;
  const anycast::Check plain{};
  const auto& check = service.check;
  struct Key {
    const char* name;
    bool differs;
    bool https;  ///< else of http too
  };
  const std::array keys = {Key{"path", check.path != plain.path, false},
                           Key{"host", check.host != plain.host, false},
                           Key{"status", check.status != plain.status, false},
                           Key{"body", check.body != plain.body, false},
                           Key{"redirects", check.redirects != plain.redirects, false},
                           Key{"ca_file", check.ca_file != plain.ca_file, true},
                           Key{"verify", check.verify != plain.verify, true}};
  for (const auto& key : keys) {
    const bool serves = check.kind == anycast::Check::Kind::https ||
                        (check.kind == anycast::Check::Kind::http && !key.https);
    if (serves || !key.differs) continue;
    const auto full = fmt::format("{}.check.{}", path, key.name);
    c.report.error(
        c.bound.at(full), "check-kind",
        fmt::format("a check of kind {} has no '{}'", to_string(check.kind), key.name),
        {fmt::format("write kind: https{}, or leave it out", key.https ? "" : " or http")});
  }
}

void check_servers(const Checked& c, const Service& service, const std::string& path) {
  if (!c.bound.good(path + ".servers") || !c.bound.good("prefixes")) return;
  if (service.servers.empty()) {
    c.report.error(c.bound.at(path + ".servers"), "missing", "a service needs a real server");
    return;
  }
  std::map<ServerKey, std::string> seen;
  for (std::size_t i = 0; i < service.servers.size(); ++i) {
    const auto& endpoint = service.servers[i].endpoint;
    const auto key = fmt::format("{}.servers.{}.address", path, i);
    const auto at = c.bound.at(key);
    const auto [first, fresh] = seen.emplace(endpoint, key);
    if (!fresh) {
      c.report.error(at, "server-twice", fmt::format("{} is there twice", to_string(endpoint)),
                     {"first at " + c.report.refer(c.bound.at(first->second), at)});
    }
    for (const auto& prefix : c.config.prefixes) {
      if (!prefix.prefix.contains(endpoint.address)) continue;
      c.report.error(at, "server-anycast",
                     fmt::format("{} is inside the anycast prefix {}", to_string(endpoint.address),
                                 to_string(prefix.prefix)),
                     {"a check of it would ask whichever node BGP has picked"});
    }
    const auto& source = service.check.source;
    if (!source || source->family == endpoint.address.family) continue;
    c.report.error(
        at, "ip-family",
        fmt::format("{} cannot be asked from {}", to_string(endpoint), to_string(*source)),
        {"'source' and the real servers are all IPv4 or all IPv6"});
  }
}

/// What IPVS cannot do, or would do to another address.
void check_lvs(const Checked& c, const Service& service, const std::string& path,
               std::map<ServiceKey, std::string>& seen) {
  for (std::size_t i = 0; i < service.lvs.size(); ++i) {
    const auto& lvs = service.lvs[i];
    const auto key = fmt::format("{}.lvs.{}.address", path, i);
    if (!c.bound.good(key) || !c.bound.good(path + ".servers") || !c.bound.good("prefixes"))
      continue;
    const auto at = c.bound.at(key);
    const auto [first, fresh] = seen.emplace(lvs.key(), key);
    if (!fresh) {
      c.report.error(at, "lvs-twice", fmt::format("{} is there twice", to_string(lvs.key())),
                     {"first at " + c.report.refer(c.bound.at(first->second), at)});
    }
    const bool ours = std::ranges::any_of(c.config.prefixes, [&](const AnycastPrefix& p) {
      return std::ranges::find(p.vips, lvs.address.address) != p.vips.end();
    });
    if (!ours) {
      c.report.error(
          at, "lvs-address",
          fmt::format("{} is none of the prefixes' vips", to_string(lvs.address.address)),
          {"users reach this node by these only"});
    }
    for (const auto& real : service.servers) {
      const bool translated = lvs.forwarding == Forwarding::nat;
      if (real.endpoint.address.family != lvs.address.address.family) {
        c.report.error(
            at, "ip-family",
            fmt::format("{} cannot lead to {}", to_string(lvs.address), to_string(real.endpoint)),
            {"a virtual service and its real servers are all IPv4 or all IPv6"});
      } else if (!translated && real.endpoint.port != lvs.address.port) {
        c.report.error(at, "lvs-port",
                       fmt::format("{} leads to {}, another port, and only nat can translate",
                                   to_string(lvs.address), to_string(real.endpoint)),
                       {"write the port of the service, or forwarding: nat"});
      }
    }
  }
}

/// Without one of them nobody could tell who serves.
void check_keepalived(const Checked& c, const Keepalived& keepalived, const std::string& path) {
  if (!c.bound.good(path)) return;
  struct Key {
    const char* name;
    bool there;
  };
  const std::array keys = {Key{"fifo", !keepalived.fifo.empty()},
                           Key{"instance", !keepalived.instance.empty()},
                           Key{"address", keepalived.address.has_value()}};
  const auto there = [](const Key& key) { return key.there; };
  if (std::ranges::none_of(keys, there) && keepalived.track_file.empty()) return;
  for (const auto& key : keys) {
    if (key.there) continue;
    c.report.error(c.bound.at(path), "keepalived", fmt::format("'{}' is missing", key.name),
                   {"'fifo', 'instance' and 'address' together tell who serves"});
  }
}

}  // namespace

void check_services(const Checked& c) {
  for (const auto& [node, entry] : c.config.nodes) {
    check_keepalived(c, entry.local.keepalived, fmt::format("nodes.{}.local.keepalived", node));
    std::map<ServiceKey, std::string> lvs;
    for (const auto& [name, service] : entry.services) {
      const auto path = fmt::format("nodes.{}.services.{}", node, name);
      check_watermarks(c, service, path);
      check_times(c, service, path);
      check_kind(c, service, path);
      check_servers(c, service, path);
      check_lvs(c, service, path, lvs);
    }
  }
}

}  // namespace anycast::config
