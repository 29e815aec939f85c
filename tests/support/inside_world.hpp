#pragma once

#include <rapidcheck.h>

#include "controller/model/inside.hpp"

namespace anycast::test {

/// A few links, services and real servers from which states are drawn, so that states overlap.
inline Vip drawn_vip() {
  const auto* prefix = *rc::gen::element("198.51.100.1/32", "198.51.100.2/32", "2001:db8::1/128");
  return {*Prefix::parse(prefix), *rc::gen::element<std::string>("lo", "vip0")};
}

inline RealServer drawn_server(const ServiceKey& service) {
  RealServer out{
      .forwarding = *rc::gen::element(Forwarding::nat, Forwarding::dr, Forwarding::tunnel),
      .weight = *rc::gen::inRange(0, 4)};
  if (*rc::gen::inRange(0, 3) == 0) out.upper = 100;
  if (out.upper != 0 && *rc::gen::inRange(0, 2) == 0) out.lower = 40;
  // Only what can carry packets of the service's family.
  if (out.forwarding == Forwarding::tunnel && service.address.family == Address::Family::v4 &&
      *rc::gen::inRange(0, 2) == 0)
    out.tunnel = {Tunnel::Kind::gue, 6080, Tunnel::Checksum::full};
  return out;
}

inline VirtualService drawn_service(const ServiceKey& key) {
  VirtualService out;
  out.settings.scheduler = *rc::gen::element<std::string>("rr", "wrr", "wlc", "sh", "mh");
  if (out.settings.scheduler == "mh" && *rc::gen::inRange(0, 2) == 0)
    out.settings.flags = {ServiceFlag::first, ServiceFlag::second};
  if (key.protocol == Protocol::udp && *rc::gen::inRange(0, 2) == 0)
    out.settings.flags.insert(ServiceFlag::one_packet);
  if (*rc::gen::inRange(0, 3) == 0)
    out.settings.persistence = {seconds{*rc::gen::inRange(1, 4) * 60}, key.address.bits()};
  const bool v4 = key.address.family == Address::Family::v4;
  for (int i = 1; i <= 4; ++i) {
    if (*rc::gen::inRange(0, 2) == 0) continue;
    const auto text = (v4 ? "192.0.2." : "2001:db8:1::") + std::to_string(10 + i);
    out.servers[{*Address::parse(text), key.port}] = drawn_server(key);
  }
  return out;
}

inline std::vector<ServiceKey> world_services() {
  const auto v4 = *Address::parse("198.51.100.1");
  const auto v6 = *Address::parse("2001:db8::1");
  return {{Protocol::tcp, v4, 80},
          {Protocol::udp, v4, 53},
          {Protocol::sctp, *Address::parse("198.51.100.2"), 36412},
          {Protocol::tcp, v6, 80},
          ServiceKey::of_mark(Address::Family::v4, 7)};
}

inline Inside drawn_inside() {
  Inside out;
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) out.vips.insert(drawn_vip());
  for (const auto& key : world_services()) {
    if (*rc::gen::inRange(0, 2) == 0) out.services[key] = drawn_service(key);
  }
  return out;
}

}  // namespace anycast::test
