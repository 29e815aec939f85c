#include "controller/model/inside.hpp"

#include <fmt/format.h>

#include "controller/base/text.hpp"
#include "controller/model/inside_change.hpp"

namespace anycast {
namespace {

std::string endpoint(const Address& address, std::uint16_t port) {
  return address.family == Address::Family::v4 ? fmt::format("{}:{}", to_string(address), port)
                                               : fmt::format("[{}]:{}", to_string(address), port);
}

std::string selector(const ServiceKey& key) {
  if (key.mark != 0)
    return fmt::format("-f {}{}", key.mark, key.address.family == Address::Family::v6 ? " -6" : "");
  const auto* option = key.protocol == Protocol::tcp   ? "-t"
                       : key.protocol == Protocol::udp ? "-u"
                                                       : "--sctp-service";
  return fmt::format("{} {}", option, endpoint(key.address, key.port));
}

std::string dotted(int bits) {
  Address out;
  out.bytes.fill(0xff);
  return to_string(Prefix{out, bits}.network().address);
}

std::string persistence(const ServiceKey& key, const Persistence& p) {
  auto out = fmt::format(" -p {}", p.timeout.count());
  const bool v4 = key.address.family == Address::Family::v4;
  if (p.mask != key.address.bits())
    out += v4 ? " -M " + dotted(p.mask) : fmt::format(" -M {}", p.mask);
  if (!p.engine.empty()) out += " --pe " + p.engine;
  return out;
}

std::string flag_word(const std::string& scheduler, ServiceFlag flag) {
  const bool hashing = scheduler == "sh" || scheduler == "mh";
  switch (flag) {
    case ServiceFlag::one_packet: return {};
    case ServiceFlag::first: return hashing ? scheduler + "-fallback" : "flag-1";
    case ServiceFlag::second: return hashing ? scheduler + "-port" : "flag-2";
    case ServiceFlag::third: return "flag-3";
  }
  return {};
}

std::string settings_words(const ServiceKey& key, const ServiceSettings& settings) {
  auto out = " -s " + settings.scheduler;
  if (settings.persistence) out += persistence(key, *settings.persistence);
  if (settings.flags.contains(ServiceFlag::one_packet)) out += " -o";
  std::vector<std::string> words;
  for (const auto flag : settings.flags) {
    if (auto word = flag_word(settings.scheduler, flag); !word.empty())
      words.push_back(std::move(word));
  }
  return words.empty() ? out : out + " -b " + join(words, ",");
}

std::string tunnel_words(const Tunnel& tunnel) {
  const auto* checksum = tunnel.checksum == Tunnel::Checksum::none   ? " --tun-nocsum"
                         : tunnel.checksum == Tunnel::Checksum::full ? " --tun-csum"
                                                                     : " --tun-remcsum";
  switch (tunnel.kind) {
    case Tunnel::Kind::ipip: return " --tun-type ipip";
    case Tunnel::Kind::gre: return fmt::format(" --tun-type gre{}", checksum);
    case Tunnel::Kind::gue:
      return fmt::format(" --tun-type gue --tun-port {}{}", tunnel.port, checksum);
  }
  return {};
}

std::string server_words(const RealServer& server) {
  const auto* forwarding = server.forwarding == Forwarding::nat  ? "-m"
                           : server.forwarding == Forwarding::dr ? "-g"
                                                                 : "-i";
  auto out = fmt::format(" {} -w {}", forwarding, server.weight);
  if (server.upper != 0) out += fmt::format(" -x {}", server.upper);
  if (server.lower != 0) out += fmt::format(" -y {}", server.lower);
  if (server.forwarding == Forwarding::tunnel) out += tunnel_words(server.tunnel);
  return out;
}

std::string command(const VipChange& change) {
  return fmt::format("ip address {} {} dev {}", change.verb == InsideVerb::add ? "add" : "del",
                     to_string(change.vip.prefix), change.vip.link);
}

std::string command(const ServiceChange& change) {
  const auto where = selector(change.service);
  if (change.verb == InsideVerb::remove) return "ipvsadm -D " + where;
  return fmt::format("ipvsadm {} {}{}", change.verb == InsideVerb::add ? "-A" : "-E", where,
                     settings_words(change.service, change.settings));
}

std::string command(const ServerChange& change) {
  const auto where = fmt::format("{} -r {}", selector(change.service),
                                 endpoint(change.server.address, change.server.port));
  if (change.verb == InsideVerb::remove) return "ipvsadm -d " + where;
  return fmt::format("ipvsadm {} {}{}", change.verb == InsideVerb::add ? "-a" : "-e", where,
                     server_words(change.settings));
}

std::string objects(const RouteChange& change) {
  std::string out;
  std::vector<std::string> group;
  for (const auto& [hop, weight] : change.paths.hops) {
    const auto id = object_of(change.route, hop);
    out += fmt::format("ip nexthop replace id {} via {} dev {} proto {}; ", id, to_string(hop.via),
                       hop.link, kRouteProtocol);
    group.push_back(fmt::format("{},{}", id, weight));
  }
  return out + fmt::format("ip nexthop replace id {} group {} type resilient buckets {} proto {}; ",
                           group_of(change.route), join(group, "/"), kBuckets, kRouteProtocol);
}

std::string command(const RouteChange& change) {
  const auto& [to, table] = change.route;
  const auto* family = to.address.family == Address::Family::v6 ? "ip -6" : "ip";
  const auto* verb = change.verb == InsideVerb::add    ? "add"
                     : change.verb == InsideVerb::edit ? "replace"
                                                       : "del";
  const auto what = fmt::format("{} route {} {} table {} proto {}", family, verb, to_string(to),
                                table, kRouteProtocol);
  if (change.verb == InsideVerb::remove) return what;
  if (change.paths.resilient)
    return objects(change) + fmt::format("{} nhid {}", what, group_of(change.route));
  std::string hops;
  for (const auto& [hop, weight] : change.paths.hops)
    hops += fmt::format(" nexthop via {} dev {} weight {}", to_string(hop.via), hop.link, weight);
  return what + hops;
}

std::string command(const RuleChange& change) {
  const auto& [priority, from, to, table] = change.rule;
  const auto* family = to.address.family == Address::Family::v6 ? "ip -6" : "ip";
  const auto* verb = change.verb == InsideVerb::add ? "add" : "del";
  return fmt::format("{} rule {} priority {} from {} to {} lookup {} protocol {}", family, verb,
                     priority, to_string(from), to_string(to), table, kRouteProtocol);
}

}  // namespace

ServiceKey ServiceKey::of_mark(Address::Family family, std::uint32_t mark) {
  return {.address = {.family = family}, .mark = mark};
}

std::string to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp: return "tcp";
    case Protocol::udp: return "udp";
    case Protocol::sctp: return "sctp";
  }
  return "?";
}

std::string to_string(const ServiceKey& key) {
  if (key.mark != 0) {
    return fmt::format("fwmark {}{}", key.mark,
                       key.address.family == Address::Family::v6 ? " (IPv6)" : "");
  }
  return fmt::format("{} {}", to_string(key.protocol), endpoint(key.address, key.port));
}

std::string to_string(const ServerKey& key) { return endpoint(key.address, key.port); }

std::string to_string(const InsideChange& change) {
  return std::visit([](const auto& one) { return command(one); }, change);
}

std::string text_of(const Inside& inside) {
  std::string out;
  const auto say = [&](const InsideChange& change) { out += to_string(change) + "\n"; };
  for (const auto& [key, paths] : inside.routes) say(RouteChange{InsideVerb::add, key, paths});
  for (const auto& rule : inside.rules) say(RuleChange{InsideVerb::add, rule});
  for (const auto& vip : inside.vips) say(VipChange{InsideVerb::add, vip});
  for (const auto& [key, service] : inside.services) {
    say(ServiceChange{InsideVerb::add, key, service.settings});
    for (const auto& [server, settings] : service.servers)
      say(ServerChange{InsideVerb::add, key, server, settings});
  }
  return out;
}

}  // namespace anycast
