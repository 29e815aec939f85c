#include <set>

#include "controller/app/metrics_families.hpp"
#include "controller/core/local.hpp"
#include "controller/core/vrrp.hpp"

namespace anycast::metrics {
namespace {

double one_if(bool value) { return value ? 1.0 : 0.0; }

std::set<ServiceKey> services_of(const Published& p) {
  std::set<ServiceKey> out;
  for (const auto& [key, servers] : p.state.inside.services) out.insert(key);
  for (const auto& [name, service] : p.config->me().services) {
    for (const auto& lvs : service.lvs) out.insert(lvs.key());
  }
  return out;
}

void vips(Exposition& out, const Published& p) {
  auto all = p.state.inside.vips;
  all.merge(core::configured_vips(*p.config));
  out.family("anycast_vip_bound", "gauge",
             "1 if an address that is kept by anycastd is on its link, else 0.");
  for (const auto& vip : all) {
    out.sample({{"address", to_string(vip.prefix)}, {"link", vip.link}},
               one_if(p.inside.value->inside.vips.contains(vip)));
  }
}

void nexthops(Exposition& out, const Published& p) {
  const auto& routes = p.config->me().local.routes;
  if (routes.empty()) return;
  out.family("anycast_ecmp_nexthop_used", "gauge",
             "1 if the kernel sends packets of a route to a next hop, else 0.");
  for (const auto& ecmp : routes) {
    const auto found = p.inside.value->inside.routes.find(ecmp.key());
    for (const auto& hop : ecmp.nexthops) {
      const bool used =
          found != p.inside.value->inside.routes.end() && found->second.hops.contains(hop.key());
      out.sample({{"to", to_string(ecmp.to)},
                  {"table", std::to_string(ecmp.table)},
                  {"via", to_string(hop.via)},
                  {"link", hop.link}},
                 one_if(used));
    }
  }
}

/// Real servers of virtual services that are there.
void real_servers(Exposition& out, const Published& p, const std::set<ServiceKey>& services) {
  const auto& view = *p.inside.value;
  const auto each = [&](const auto& value) {
    for (const auto& [key, service] : view.inside.services) {
      const auto load = view.load.find(key);
      if (!services.contains(key) || load == view.load.end()) continue;
      for (const auto& [server, settings] : service.servers) {
        const auto found = load->second.servers.find(server);
        const auto counted = found == load->second.servers.end() ? ServerLoad{} : found->second;
        out.sample({{"service", to_string(key)}, {"server", to_string(server)}},
                   static_cast<double>(value(settings, counted)));
      }
    }
  };
  out.family("anycast_real_server_weight", "gauge", "Weight of a real server in the kernel.");
  each([](const RealServer& settings, const ServerLoad&) { return settings.weight; });
  out.family("anycast_real_server_active_connections", "gauge",
             "Established connections of a real server, as IPVS counts them.");
  each([](const RealServer&, const ServerLoad& load) { return load.active; });
  out.family("anycast_real_server_connections_total", "counter",
             "Connections that IPVS has given a real server.");
  each([](const RealServer&, const ServerLoad& load) { return load.count.connections; });
  out.family("anycast_real_server_in_bytes_total", "counter",
             "Bytes that IPVS has sent to a real server.");
  each([](const RealServer&, const ServerLoad& load) { return load.count.bytes_in; });
}

}  // namespace

void keepalived(Exposition& out, const Published& p) {
  const auto& instance = p.config->me().local.keepalived.instance;
  if (p.config->me().local.keepalived.fifo.empty()) return;
  const auto now = core::vrrp(*p.config, {.now = p.now, .inside = p.inside, .vrrp = p.vrrp});
  out.family("anycast_vrrp_master", "gauge",
             "1 while Keepalived says that this host serves, 0 while another does, -1 while nobody "
             "knows.");
  out.sample({{"instance", instance}},
             now.level == Level::unknown ? -1.0 : one_if(now.level == Level::up));
}

void egress(Exposition& out, const Published& p) {
  if (p.config->me().egress.empty()) return;
  out.family("anycast_egress", "gauge",
             "1 for the upstream over which packets to a carrier's users leave, else 0.");
  for (const auto& [carrier, order] : p.config->me().egress) {
    const auto found = p.state.egress.find(carrier);
    for (const auto& upstream : order) {
      const bool used = found != p.state.egress.end() && found->second.upstream == upstream;
      out.sample({{"node", p.config->self}, {"carrier", carrier}, {"upstream", upstream}},
                 one_if(used));
    }
  }
}

void inside(Exposition& out, const Published& p) {
  if (!core::keeps_inside(*p.config, p.state.inside)) return;
  out.family("anycast_inside_faults", "gauge", "Changes that the kernel refused in this cycle.");
  out.sample({}, static_cast<double>(p.inside_faults.size()));
  if (!p.inside.value) return;
  vips(out, p);
  nexthops(out, p);
  if (p.inside.value->no_services) return;
  const auto services = services_of(p);
  out.family("anycast_virtual_service_up", "gauge",
             "1 if a virtual service of the configuration is in the kernel, else 0.");
  for (const auto& key : services)
    out.sample({{"service", to_string(key)}},
               one_if(p.inside.value->inside.services.contains(key)));
  real_servers(out, p, services);
}

}  // namespace anycast::metrics
