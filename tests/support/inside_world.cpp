#include "tests/support/inside_world.hpp"

namespace anycast::test {
namespace {

template <class T>
T one_of(const Below& below, std::vector<T> all) {
  return all.at(static_cast<std::size_t>(below(static_cast<int>(all.size()))));
}

const std::vector<std::string> kPrefixes{"198.51.100.1/32", "198.51.100.2/32", "2001:db8::1/128"};
const std::vector<std::string> kLinks{"lo", "vip0"};

Vip drawn_vip(const Below& below) {
  return {*Prefix::parse(one_of(below, kPrefixes)), one_of(below, kLinks)};
}

RealServer drawn_server(const Below& below, const ServiceKey& service) {
  RealServer out{.forwarding = one_of<Forwarding>(
                     below, {Forwarding::nat, Forwarding::dr, Forwarding::tunnel}),
                 .weight = below(4)};
  if (below(3) == 0) out.upper = 100;
  if (out.upper != 0 && below(2) == 0) out.lower = 40;
  // Only what can carry packets of the service's family.
  if (out.forwarding == Forwarding::tunnel && service.address.family == Address::Family::v4 &&
      below(2) == 0)
    out.tunnel = {Tunnel::Kind::gue, 6080, Tunnel::Checksum::full};
  return out;
}

VirtualService drawn_service(const Below& below, const ServiceKey& key) {
  VirtualService out;
  out.settings.scheduler = one_of<std::string>(below, {"rr", "wrr", "wlc", "sh", "mh"});
  if (out.settings.scheduler == "mh" && below(2) == 0)
    out.settings.flags = {ServiceFlag::first, ServiceFlag::second};
  if (key.protocol == Protocol::udp && below(2) == 0)
    out.settings.flags.insert(ServiceFlag::one_packet);
  if (below(3) == 0) out.settings.persistence = {seconds{60 * (1 + below(3))}, key.address.bits()};
  const bool v4 = key.address.family == Address::Family::v4;
  for (int i = 1; i <= 4; ++i) {
    if (below(2) == 0) continue;
    const auto text = (v4 ? "192.0.2." : "2001:db8:1::") + std::to_string(10 + i);
    out.servers[{*Address::parse(text), key.port}] = drawn_server(below, key);
  }
  return out;
}

std::vector<ServiceKey> world_services() {
  const auto v4 = *Address::parse("198.51.100.1");
  const auto v6 = *Address::parse("2001:db8::1");
  return {{Protocol::tcp, v4, 80},
          {Protocol::udp, v4, 53},
          {Protocol::sctp, *Address::parse("198.51.100.2"), 36412},
          {Protocol::tcp, v6, 80},
          ServiceKey::of_mark(Address::Family::v4, 7)};
}

}  // namespace

std::set<Vip> drawn_vips() {
  std::set<Vip> out;
  for (const auto& prefix : kPrefixes) {
    for (const auto& link : kLinks) out.insert({*Prefix::parse(prefix), link});
  }
  return out;
}

Inside drawn_inside(const Below& below) {
  Inside out;
  for (int i = below(4); i > 0; --i) out.vips.insert(drawn_vip(below));
  for (const auto& key : world_services()) {
    if (below(2) == 0) out.services[key] = drawn_service(below, key);
  }
  return out;
}

Inside unnamed(const Inside& state, const Inside& named) {
  Inside out;
  for (const auto& vip : state.vips) {
    if (!named.vips.contains(vip)) out.vips.insert(vip);
  }
  for (const auto& [key, service] : state.services) {
    const auto known = named.services.find(key);
    if (known == named.services.end()) {
      out.services[key] = service;
      continue;
    }
    for (const auto& [address, settings] : service.servers) {
      if (!known->second.servers.contains(address)) out.services[key].servers[address] = settings;
    }
  }
  return out;
}

void name(Inside& named, const Inside& wish) {
  named.vips.insert(wish.vips.begin(), wish.vips.end());
  for (const auto& [key, service] : wish.services)
    named.services[key].servers.insert(service.servers.begin(), service.servers.end());
}

Inside expected(const Inside& wish, const Inside& foreign, const Inside& kernel) {
  Inside out = wish;
  out.vips.insert(foreign.vips.begin(), foreign.vips.end());
  for (const auto& [key, service] : foreign.services) {
    auto& both = out.services[key];
    // A service that is neither wanted nor only ours keeps its settings.
    if (!wish.services.contains(key)) both.settings = kernel.services.at(key).settings;
    both.servers.insert(service.servers.begin(), service.servers.end());
  }
  return out;
}

}  // namespace anycast::test
