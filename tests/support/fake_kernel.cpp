#include "tests/support/fake_kernel.hpp"

#include <algorithm>

namespace anycast::test {
namespace {

tl::unexpected<Error> there() { return fail(Remedy::look_at_host, "it is there already"); }
tl::unexpected<Error> absent() { return fail(Remedy::look_at_host, "it is not there"); }

/// Whether an address can be put on the link: IPv6 allows it once there, IPv4 once per length.
bool occupied(const std::set<Vip>& vips, const Vip& vip) {
  return std::ranges::any_of(vips, [&](const Vip& other) {
    return other.link == vip.link && other.prefix.address == vip.prefix.address &&
           (other.prefix.length == vip.prefix.length ||
            vip.prefix.address.family == Address::Family::v6);
  });
}

bool takes_away(const ServerChange& change) {
  return change.verb == InsideVerb::remove || change.settings.weight == 0;
}

}  // namespace

Result<InsideView> FakeKernel::inside(const std::set<std::uint32_t>& tables) {
  auto out = view;
  std::erase_if(out.inside.routes, [&](const auto& r) { return !tables.contains(r.first.table); });
  std::erase_if(out.inside.rules, [&](const auto& r) { return !tables.contains(r.table); });
  return out;
}

std::vector<Result<void>> FakeKernel::carry_out(const std::vector<InsideChange>& changes) {
  std::vector<Result<void>> out;
  std::set<ServiceKey> failed;
  for (const auto& change : changes) {
    const auto* service = std::get_if<ServiceChange>(&change);
    const auto* server = std::get_if<ServerChange>(&change);
    const auto waits = [&] {
      if (service != nullptr && service->verb == InsideVerb::remove)
        return failed.contains(service->service);
      return server != nullptr && takes_away(*server) && failed.contains(server->service);
    };
    out.push_back(waits() ? fail(Remedy::wait, "it waits for a change that has failed")
                          : carry_out(change));
    if (out.back()) continue;
    if (service != nullptr) failed.insert(service->service);
    if (server != nullptr) failed.insert(server->service);
  }
  return out;
}

Result<void> FakeKernel::carry_out(const InsideChange& change) {
  return std::visit([&](const auto& one) { return carry_out(one); }, change);
}

Result<void> FakeKernel::carry_out(const VipChange& change) {
  auto& vips = view.inside.vips;
  if (!links.contains(change.vip.link)) return fail(Remedy::look_at_host, "there is no such link");
  if (change.verb == InsideVerb::add) {
    if (occupied(vips, change.vip)) return there();
    vips.insert(change.vip);
  } else if (vips.erase(change.vip) == 0) {
    return absent();
  }
  return {};
}

Result<void> FakeKernel::carry_out(const ServiceChange& change) {
  auto& services = view.inside.services;
  if (view.no_services) return tl::unexpected(*view.no_services);
  const auto found = services.find(change.service);
  if ((found != services.end()) == (change.verb == InsideVerb::add))
    return found == services.end() ? absent() : there();
  if (change.verb == InsideVerb::remove) {
    services.erase(found);
    view.load.erase(change.service);
  } else {
    if (!schedulers.contains(change.settings.scheduler)) return absent();
    services[change.service].settings = change.settings;
    view.load[change.service];
  }
  return {};
}

Result<void> FakeKernel::carry_out(const ServerChange& change) {
  if (view.no_services) return tl::unexpected(*view.no_services);
  const auto service = view.inside.services.find(change.service);
  if (service == view.inside.services.end()) return absent();
  auto& servers = service->second.servers;
  const auto found = servers.find(change.server);
  if ((found != servers.end()) == (change.verb == InsideVerb::add))
    return found == servers.end() ? absent() : there();
  if (change.verb == InsideVerb::remove) {
    servers.erase(found);
    view.load[change.service].servers.erase(change.server);
  } else {
    servers[change.server] = change.settings;
    view.load[change.service].servers[change.server];
  }
  return {};
}

Result<void> FakeKernel::carry_out(const RouteChange& change) {
  auto& routes = view.inside.routes;
  const bool is_there = routes.contains(change.route);
  if (is_there == (change.verb == InsideVerb::add)) return is_there ? there() : absent();
  if (change.verb == InsideVerb::remove) {
    routes.erase(change.route);
    return {};
  }
  for (const auto& [hop, weight] : change.paths.hops) {
    if (!links.contains(hop.link)) return fail(Remedy::look_at_host, "there is no such link");
  }
  routes[change.route] = change.paths;
  return {};
}

Result<void> FakeKernel::carry_out(const RuleChange& change) {
  auto& rules = view.inside.rules;
  if (change.verb == InsideVerb::remove)
    return rules.erase(change.rule) == 0 ? absent() : Result<void>{};
  return rules.insert(change.rule).second ? Result<void>{} : there();
}

}  // namespace anycast::test
