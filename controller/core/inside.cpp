#include "controller/core/inside.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace anycast::core {
namespace {

using Drains = std::map<ServerKey, std::optional<Time>>;

class Builder {
 public:
  Builder(const InsideWish& wish, const InsideView& seen, const InsideOurs& ours, Time now)
      : wish_{wish}, seen_{seen}, ours_{ours}, now_{now} {}

  InsideStep run() {
    if (seen_.no_services) {
      // What was ours still is; nothing is known that could be changed.
      out_.ours.services = ours_.services;
      for (const auto& [key, service] : wish_.inside.services) claim(key, service);
    } else {
      for (const auto& [key, service] : wish_.inside.services) want(key, service);
      for (const auto& [key, servers] : ours_.services) {
        if (!wish_.inside.services.contains(key)) leave(key, servers);
      }
    }
    routes();
    for (const auto& vip : wish_.inside.vips) want(vip);
    for (const auto& vip : ours_.vips) {
      if (!wish_.inside.vips.contains(vip)) leave(vip);
    }
    for (auto* part : {&additions_, &raises_, &settings_, &falls_, &arrivals_, &removals_,
                       &service_removals_, &departures_})
      std::ranges::move(*part, std::back_inserter(out_.changes));
    return std::move(out_);
  }

 private:
  void claim(const ServiceKey& key, const VirtualService& service) {
    auto& servers = out_.ours.services[key];
    for (const auto& [server, settings] : service.servers) servers[server] = std::nullopt;
  }

  void want(const ServiceKey& key, const VirtualService& service) {
    claim(key, service);
    const auto found = seen_.inside.services.find(key);
    if (found == seen_.inside.services.end()) {
      additions_.emplace_back(ServiceChange{InsideVerb::add, key, service.settings});
      for (const auto& [server, settings] : service.servers)
        additions_.emplace_back(ServerChange{InsideVerb::add, key, server, settings});
      return;
    }
    const auto& has = found->second;
    if (has.settings != service.settings)
      settings_.emplace_back(ServiceChange{InsideVerb::edit, key, service.settings});
    for (const auto& [server, settings] : service.servers) {
      const auto there = has.servers.find(server);
      if (there == has.servers.end()) {
        additions_.emplace_back(ServerChange{InsideVerb::add, key, server, settings});
      } else if (there->second != settings) {
        auto& part = settings.weight < there->second.weight ? falls_ : raises_;
        part.emplace_back(ServerChange{InsideVerb::edit, key, server, settings});
      }
    }
    const auto before = ours_.services.find(key);
    for (const auto& [server, settings] : has.servers) {
      if (service.servers.contains(server)) continue;
      if (before == ours_.services.end() || !before->second.contains(server)) {
        foreign(key, server);
      } else {
        drain(key, server, before->second.at(server));
      }
    }
  }

  void leave(const ServiceKey& key, const Drains& servers) {
    const auto found = seen_.inside.services.find(key);
    if (found == seen_.inside.services.end()) return;
    out_.ours.services[key];
    bool stays = false;
    for (const auto& [server, settings] : found->second.servers) {
      const auto mine = servers.find(server);
      if (mine == servers.end()) {
        foreign(key, server);
        stays = true;
      } else if (!drain(key, server, mine->second)) {
        leaving_.insert(key.address);
        stays = true;
      }
    }
    if (!stays) service_removals_.emplace_back(ServiceChange{InsideVerb::remove, key});
  }

  /// Whether the real server goes now.
  bool drain(const ServiceKey& key, const ServerKey& server, std::optional<Time> since) {
    auto settings = seen_.inside.services.at(key).servers.at(server);
    const auto began = since.value_or(now_);
    const bool over = dead(key, server) || now_ - began >= wish_.drain;
    if (over || (settings.weight == 0 && since && connections(key, server) == 0)) {
      removals_.emplace_back(ServerChange{InsideVerb::remove, key, server});
      out_.ours.services[key][server] = began;
      return true;
    }
    if (settings.weight != 0) {
      settings.weight = 0;
      falls_.emplace_back(ServerChange{InsideVerb::edit, key, server, settings});
    }
    out_.ours.services[key][server] = began;
    const auto end = began + wish_.drain;
    out_.next = std::min(out_.next.value_or(end), end);
    return false;
  }

  bool dead(const ServiceKey& key, const ServerKey& server) const {
    const auto found = wish_.dead.find(key);
    return found != wish_.dead.end() && found->second.contains(server);
  }

  std::uint64_t connections(const ServiceKey& key, const ServerKey& server) const {
    const auto service = seen_.load.find(key);
    if (service == seen_.load.end()) return 0;
    const auto load = service->second.servers.find(server);
    if (load == service->second.servers.end()) return 0;
    return std::uint64_t{load->second.active} + load->second.inactive;
  }

  void foreign(const ServiceKey& key, const ServerKey& server) {
    say("foreign-real-server", fmt::format("{} has a real server {} that is not ours; it stays",
                                           to_string(key), to_string(server)));
  }

  /// All that the kernel shows of them is ours: the protocol number says so.
  void routes() {
    for (const auto& [key, paths] : wish_.inside.routes) {
      out_.ours.tables.insert(key.table);
      const auto there = seen_.inside.routes.find(key);
      if (there == seen_.inside.routes.end()) {
        additions_.emplace_back(RouteChange{InsideVerb::add, key, paths});
      } else if (there->second != paths) {
        settings_.emplace_back(RouteChange{InsideVerb::edit, key, paths});
      }
    }
    for (const auto& rule : wish_.inside.rules) {
      out_.ours.tables.insert(rule.table);
      if (!seen_.inside.rules.contains(rule))
        arrivals_.emplace_back(RuleChange{InsideVerb::add, rule});
    }
    for (const auto& rule : seen_.inside.rules) {
      if (wish_.inside.rules.contains(rule)) continue;
      out_.ours.tables.insert(rule.table);
      removals_.emplace_back(RuleChange{InsideVerb::remove, rule});
    }
    for (const auto& [key, paths] : seen_.inside.routes) {
      if (wish_.inside.routes.contains(key)) continue;
      out_.ours.tables.insert(key.table);
      service_removals_.emplace_back(RouteChange{InsideVerb::remove, key, paths});
    }
  }

  void want(const Vip& vip) {
    out_.ours.vips.insert(vip);
    bool blocked = false;
    for (const auto& there : seen_.inside.vips) {
      if (there.prefix.address != vip.prefix.address || there == vip) continue;
      // An IPv6 address is on a link once, whatever its length.
      blocked |= there.link == vip.link && vip.prefix.address.family == Address::Family::v6;
      if (ours_.vips.contains(there)) continue;
      say("foreign-address",
          fmt::format("{} is on {} as {} too, from elsewhere; it stays",
                      to_string(vip.prefix.address), there.link, to_string(there.prefix)));
    }
    if (!blocked && !seen_.inside.vips.contains(vip))
      arrivals_.emplace_back(VipChange{InsideVerb::add, vip});
  }

  void leave(const Vip& vip) {
    if (!seen_.inside.vips.contains(vip)) return;
    out_.ours.vips.insert(vip);
    if (!leaving_.contains(vip.prefix.address))
      departures_.emplace_back(VipChange{InsideVerb::remove, vip});
  }

  void say(std::string code, std::string text) {
    out_.notices.push_back({Notice::Level::warning, std::move(code), std::move(text)});
  }

  const InsideWish& wish_;
  const InsideView& seen_;
  const InsideOurs& ours_;
  Time now_;
  InsideStep out_ = {};
  std::set<Address> leaving_ = {};  ///< of services whose real servers drain
  std::vector<InsideChange> additions_ = {};
  std::vector<InsideChange> raises_ = {};
  std::vector<InsideChange> settings_ = {};
  std::vector<InsideChange> falls_ = {};
  std::vector<InsideChange> arrivals_ = {};
  std::vector<InsideChange> removals_ = {};
  std::vector<InsideChange> service_removals_ = {};
  std::vector<InsideChange> departures_ = {};
};

}  // namespace

InsideStep inside_step(const InsideWish& wish, const InsideView& seen, const InsideOurs& ours,
                       Time now) {
  return Builder{wish, seen, ours, now}.run();
}

InsideOurs after(InsideOurs ours, const InsideChange& done) {
  if (const auto* vip = std::get_if<VipChange>(&done)) {
    if (vip->verb == InsideVerb::remove) ours.vips.erase(vip->vip);
  } else if (const auto* service = std::get_if<ServiceChange>(&done)) {
    if (service->verb == InsideVerb::remove) ours.services.erase(service->service);
  } else if (const auto* server = std::get_if<ServerChange>(&done)) {
    const auto found = ours.services.find(server->service);
    if (server->verb == InsideVerb::remove && found != ours.services.end())
      found->second.erase(server->server);
  }
  return ours;
}

}  // namespace anycast::core
