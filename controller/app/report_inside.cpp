#include <map>
#include <nlohmann/json.hpp>

#include "controller/app/report_parts.hpp"
#include "controller/core/local.hpp"

namespace anycast::report {
namespace {

Json vips(const Published& p) {
  auto all = p.state.inside.vips;
  all.merge(core::configured_vips(*p.config));
  Json out = Json::array();
  for (const auto& vip : all) {
    Json bound = nullptr;
    if (p.inside.value) bound = p.inside.value->inside.vips.contains(vip);
    out.push_back({{"address", to_string(vip.prefix)}, {"link", vip.link}, {"bound", bound}});
  }
  return out;
}

/// The columns of `ipvsadm -Ln --stats`.
void put(Json& out, const TrafficCount& count) {
  out["connections"] = count.connections;
  out["packets_in"] = count.packets_in;
  out["packets_out"] = count.packets_out;
  out["bytes_in"] = count.bytes_in;
  out["bytes_out"] = count.bytes_out;
}

Json real_servers(const VirtualService& service, const ServiceLoad& load) {
  Json out = Json::array();
  for (const auto& [key, server] : service.servers) {
    const auto found = load.servers.find(key);
    const auto counted = found == load.servers.end() ? ServerLoad{} : found->second;
    Json one = {{"address", to_string(key)},
                {"weight", server.weight},
                {"active", counted.active},
                {"inactive", counted.inactive}};
    put(one, counted.count);
    out.push_back(std::move(one));
  }
  return out;
}

/// Whose a virtual service is.
std::map<ServiceKey, std::string> owners(const Published& p) {
  std::map<ServiceKey, std::string> out;
  for (const auto& [key, servers] : p.state.inside.services) out[key] = "anycastd";
  for (const auto& [name, service] : p.config->me().services) {
    for (const auto& lvs : service.lvs)
      out[lvs.key()] = lvs.owner == Lvs::Owner::anycastd ? "anycastd" : "keepalived";
  }
  return out;
}

Json virtual_service(const Published& p, const ServiceKey& key, const std::string& owner) {
  Json out = {{"name", to_string(key)}, {"owner", owner}, {"there", nullptr}};
  const VirtualService* service = nullptr;
  ServiceLoad load;
  if (p.inside.value && !p.inside.value->no_services) {
    const auto& view = *p.inside.value;
    const auto found = view.inside.services.find(key);
    const auto counted = view.load.find(key);
    if (found != view.inside.services.end()) service = &found->second;
    if (counted != view.load.end()) load = counted->second;
    out["there"] = service != nullptr;
  }
  if (service != nullptr) out["scheduler"] = service->settings.scheduler;
  put(out, load.count);
  out["servers"] = service != nullptr ? real_servers(*service, load) : Json::array();
  return out;
}

Json virtual_services(const Published& p) {
  Json out = Json::array();
  for (const auto& [key, owner] : owners(p)) out.push_back(virtual_service(p, key, owner));
  return out;
}

/// A next hop of the configuration: whether the kernel sends packets there, or unknown.
Json next_hop(const Ecmp::Hop& hop, const Multipath* paths) {
  Json used = nullptr;
  if (paths != nullptr) used = paths->hops.contains(hop.key());
  return {{"via", to_string(hop.via)}, {"link", hop.link}, {"weight", hop.weight}, {"used", used}};
}

Json routes(const Published& p) {
  Json out = Json::array();
  for (const auto& ecmp : p.config->me().local.routes) {
    const Multipath* paths = nullptr;
    Json there = nullptr;
    if (p.inside.value) {
      const auto found = p.inside.value->inside.routes.find(ecmp.key());
      if (found != p.inside.value->inside.routes.end()) paths = &found->second;
      there = paths != nullptr;
    }
    Json hops = Json::array();
    for (const auto& hop : ecmp.nexthops) hops.push_back(next_hop(hop, paths));
    out.push_back({{"to", to_string(ecmp.to)},
                   {"table", ecmp.table},
                   {"resilient", ecmp.resilient},
                   {"there", there},
                   {"nexthops", std::move(hops)}});
  }
  return out;
}

Json commands(const std::vector<InsideChange>& changes) {
  Json out = Json::array();
  for (const auto& change : changes) out.push_back(to_string(change));
  return out;
}

/// What is there from elsewhere, and in the way.
Json foreign(const Published& p) {
  Json out = Json::array();
  for (const auto& notice : p.plan.notices) {
    if (notice.code.starts_with("foreign-")) out.push_back(notice.text);
  }
  return out;
}

/// Why nothing, or only a part, is known of the kernel.
Json error(const Published& p) {
  if (p.inside.error) return p.inside.error->text;
  if (p.inside.value && p.inside.value->no_services && !owners(p).empty())
    return p.inside.value->no_services->text;
  return nullptr;
}

}  // namespace

Json inside(const Published& p) {
  if (!core::keeps_inside(*p.config, p.state.inside)) return nullptr;
  const auto& waits = p.plan.inside.waits;
  return {{"vips", vips(p)},
          {"virtual_services", virtual_services(p)},
          {"routes", routes(p)},
          {"error", error(p)},
          {"faults", p.inside_faults},
          {"foreign", foreign(p)},
          {"planned", commands(p.plan.inside.changes)},
          {"proposal", commands(p.plan.inside.proposal)},
          {"waits", waits.empty() ? Json(nullptr) : Json(waits)}};
}

}  // namespace anycast::report
