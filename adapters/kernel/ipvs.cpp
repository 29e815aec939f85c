#include "adapters/kernel/ipvs.hpp"

#include <arpa/inet.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace anycast::kernel {
namespace {

// A weight that no configuration can name: the kernel's entry is something else than we can say.
constexpr int kUnsaid = -1;

std::uint16_t number_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp: return IPPROTO_TCP;
    case Protocol::udp: return IPPROTO_UDP;
    case Protocol::sctp: return IPPROTO_SCTP;
  }
  return 0;
}

constexpr std::array<std::pair<ServiceFlag, std::uint32_t>, 4> kFlags{
    {{ServiceFlag::one_packet, IP_VS_SVC_F_ONEPACKET},
     {ServiceFlag::first, IP_VS_SVC_F_SCHED1},
     {ServiceFlag::second, IP_VS_SVC_F_SCHED2},
     {ServiceFlag::third, IP_VS_SVC_F_SCHED3}}};

constexpr std::array<std::pair<Forwarding, std::uint32_t>, 3> kForwarding{
    {{Forwarding::nat, IP_VS_CONN_F_MASQ},
     {Forwarding::dr, IP_VS_CONN_F_DROUTE},
     {Forwarding::tunnel, IP_VS_CONN_F_TUNNEL}}};

Message message_of(int family, std::uint8_t command) {
  // Room for the longest of ours; libnl's default is a page, which a thousand messages would feel.
  Message out{::nlmsg_alloc_size(512)};
  ::genlmsg_put(out.get(), NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, command, IPVS_GENL_VERSION);
  return out;
}

std::uint8_t command_of(InsideVerb verb, std::uint8_t add, std::uint8_t edit, std::uint8_t remove) {
  return verb == InsideVerb::add ? add : verb == InsideVerb::edit ? edit : remove;
}

void put_address(nl_msg* m, int attribute, const Address& address) {
  ::nla_put(m, attribute, static_cast<int>(address.bytes.size()), address.bytes.data());
}

void put_key(nl_msg* m, const ServiceKey& key) {
  nla_put_u16(m, IPVS_SVC_ATTR_AF, family_number(key.address));
  if (key.mark != 0) {
    nla_put_u32(m, IPVS_SVC_ATTR_FWMARK, key.mark);
    return;
  }
  nla_put_u16(m, IPVS_SVC_ATTR_PROTOCOL, number_of(key.protocol));
  put_address(m, IPVS_SVC_ATTR_ADDR, key.address);
  nla_put_u16(m, IPVS_SVC_ATTR_PORT, htons(key.port));
}

/// The kernel wants a netmask of IPv4 as such, and of IPv6 as a length.
std::uint32_t netmask_of(Address::Family family, int bits) {
  if (family == Address::Family::v6) return static_cast<std::uint32_t>(bits);
  return bits == 0 ? 0 : htonl(~std::uint32_t{0} << static_cast<unsigned>(32 - bits));
}

int mask_bits(Address::Family family, std::uint32_t netmask) {
  if (family == Address::Family::v6) return static_cast<int>(netmask);
  const auto bits = std::popcount(netmask);
  return netmask_of(family, bits) == netmask ? bits : kUnsaid;
}

void put_settings(nl_msg* m, const ServiceKey& key, const ServiceSettings& settings) {
  ip_vs_flags flags{.flags = 0, .mask = ~0U};
  for (const auto& [flag, bit] : kFlags) {
    if (settings.flags.contains(flag)) flags.flags |= bit;
  }
  const Persistence none{.timeout = seconds{0}, .mask = key.address.bits()};
  const auto& persistence = settings.persistence.value_or(none);
  if (settings.persistence) flags.flags |= IP_VS_SVC_F_PERSISTENT;
  nla_put_string(m, IPVS_SVC_ATTR_SCHED_NAME, settings.scheduler.c_str());
  if (!persistence.engine.empty())
    nla_put_string(m, IPVS_SVC_ATTR_PE_NAME, persistence.engine.c_str());
  ::nla_put(m, IPVS_SVC_ATTR_FLAGS, sizeof flags, &flags);
  nla_put_u32(m, IPVS_SVC_ATTR_TIMEOUT, static_cast<std::uint32_t>(persistence.timeout.count()));
  nla_put_u32(m, IPVS_SVC_ATTR_NETMASK, netmask_of(key.address.family, persistence.mask));
}

std::uint8_t number_of(Tunnel::Kind kind) {
  switch (kind) {
    case Tunnel::Kind::ipip: return IP_VS_CONN_F_TUNNEL_TYPE_IPIP;
    case Tunnel::Kind::gue: return IP_VS_CONN_F_TUNNEL_TYPE_GUE;
    case Tunnel::Kind::gre: return IP_VS_CONN_F_TUNNEL_TYPE_GRE;
  }
  return 0;
}

std::uint16_t number_of(Tunnel::Checksum checksum) {
  switch (checksum) {
    case Tunnel::Checksum::none: return IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM;
    case Tunnel::Checksum::full: return IP_VS_TUNNEL_ENCAP_FLAG_CSUM;
    case Tunnel::Checksum::remote: return IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM;
  }
  return 0;
}

void put_settings(nl_msg* m, const RealServer& server) {
  const auto* method =
      std::ranges::find(kForwarding, server.forwarding, [](const auto& f) { return f.first; });
  nla_put_u32(m, IPVS_DEST_ATTR_FWD_METHOD, method->second);
  nla_put_u32(m, IPVS_DEST_ATTR_WEIGHT, static_cast<std::uint32_t>(server.weight));
  nla_put_u32(m, IPVS_DEST_ATTR_U_THRESH, server.upper);
  nla_put_u32(m, IPVS_DEST_ATTR_L_THRESH, server.lower);
  // Kernels before 5.2 know no kinds of tunnels, and ipip is what they have.
  if (server.tunnel == Tunnel{}) return;
  nla_put_u8(m, IPVS_DEST_ATTR_TUN_TYPE, number_of(server.tunnel.kind));
  nla_put_u16(m, IPVS_DEST_ATTR_TUN_PORT, htons(server.tunnel.port));
  nla_put_u16(m, IPVS_DEST_ATTR_TUN_FLAGS, number_of(server.tunnel.checksum));
}

/// The attributes of one level. Those that are missing or too short read as zero.
template <int Max>
class Attributes {
 public:
  explicit Attributes(const nlattr* nest) {
    if (nest != nullptr)
      ::nla_parse(table_.data(), Max, static_cast<nlattr*>(::nla_data(nest)), ::nla_len(nest),
                  nullptr);
  }
  const nlattr* at(int attribute) const { return table_.at(static_cast<std::size_t>(attribute)); }
  bool has(int attribute) const { return at(attribute) != nullptr; }
  template <class T>
  T number(int attribute) const {
    T out{};
    const auto* found = at(attribute);
    if (found != nullptr && ::nla_len(found) >= static_cast<int>(sizeof out))
      std::memcpy(&out, ::nla_data(found), sizeof out);
    return out;
  }
  std::string text(int attribute) const {
    const auto* found = at(attribute);
    if (found == nullptr) return {};
    const std::string_view bytes{static_cast<const char*>(::nla_data(found)),
                                 static_cast<std::size_t>(::nla_len(found))};
    return std::string{bytes.substr(0, bytes.find('\0'))};
  }
  Address address(int attribute, std::uint16_t family) const {
    Address out{.family = family == AF_INET6 ? Address::Family::v6 : Address::Family::v4};
    const auto size = static_cast<std::size_t>(out.bits() / 8);
    const auto* found = at(attribute);
    if (found != nullptr && ::nla_len(found) >= static_cast<int>(size))
      std::memcpy(out.bytes.data(), ::nla_data(found), size);
    return out;
  }

 private:
  std::array<nlattr*, static_cast<std::size_t>(Max) + 1> table_ = {};
};

const nlattr* nest_of(const nlmsghdr& message, int attribute) {
  std::array<nlattr*, IPVS_CMD_ATTR_MAX + 1> table = {};
  // libnl reads the header without changing it, and has no const.
  auto* header = const_cast<nlmsghdr*>(&message);
  if (::genlmsg_parse(header, 0, table.data(), IPVS_CMD_ATTR_MAX, nullptr) < 0) return nullptr;
  return table.at(static_cast<std::size_t>(attribute));
}

TrafficCount count_of(const nlattr* nest) {
  const Attributes<IPVS_STATS_ATTR_MAX> a{nest};
  return {.connections = a.number<std::uint64_t>(IPVS_STATS_ATTR_CONNS),
          .packets_in = a.number<std::uint64_t>(IPVS_STATS_ATTR_INPKTS),
          .packets_out = a.number<std::uint64_t>(IPVS_STATS_ATTR_OUTPKTS),
          .bytes_in = a.number<std::uint64_t>(IPVS_STATS_ATTR_INBYTES),
          .bytes_out = a.number<std::uint64_t>(IPVS_STATS_ATTR_OUTBYTES)};
}

using ServiceAttributes = Attributes<IPVS_SVC_ATTR_MAX>;
using ServerAttributes = Attributes<IPVS_DEST_ATTR_MAX>;

std::optional<ServiceKey> key_of(const ServiceAttributes& a) {
  const auto family = a.number<std::uint16_t>(IPVS_SVC_ATTR_AF);
  ServiceKey out{.address = a.address(IPVS_SVC_ATTR_ADDR, family)};
  if (a.has(IPVS_SVC_ATTR_FWMARK))
    return ServiceKey::of_mark(out.address.family, a.number<std::uint32_t>(IPVS_SVC_ATTR_FWMARK));
  out.port = ntohs(a.number<std::uint16_t>(IPVS_SVC_ATTR_PORT));
  const auto number = a.number<std::uint16_t>(IPVS_SVC_ATTR_PROTOCOL);
  for (const auto protocol : {Protocol::tcp, Protocol::udp, Protocol::sctp}) {
    if (number_of(protocol) != number) continue;
    out.protocol = protocol;
    return out;
  }
  return std::nullopt;
}

ServiceSettings settings_of(const ServiceAttributes& a, Address::Family family) {
  const auto bits = a.number<ip_vs_flags>(IPVS_SVC_ATTR_FLAGS).flags;
  ServiceSettings out{.scheduler = a.text(IPVS_SVC_ATTR_SCHED_NAME)};
  for (const auto& [flag, bit] : kFlags) {
    if ((bits & bit) != 0) out.flags.insert(flag);
  }
  if ((bits & IP_VS_SVC_F_PERSISTENT) != 0)
    out.persistence = {seconds{a.number<std::uint32_t>(IPVS_SVC_ATTR_TIMEOUT)},
                       mask_bits(family, a.number<std::uint32_t>(IPVS_SVC_ATTR_NETMASK)),
                       a.text(IPVS_SVC_ATTR_PE_NAME)};
  return out;
}

std::optional<Tunnel> tunnel_of(const ServerAttributes& a) {
  for (const auto kind : {Tunnel::Kind::ipip, Tunnel::Kind::gue, Tunnel::Kind::gre}) {
    for (const auto sum :
         {Tunnel::Checksum::none, Tunnel::Checksum::full, Tunnel::Checksum::remote}) {
      if (number_of(kind) == a.number<std::uint8_t>(IPVS_DEST_ATTR_TUN_TYPE) &&
          number_of(sum) == a.number<std::uint16_t>(IPVS_DEST_ATTR_TUN_FLAGS))
        return Tunnel{kind, ntohs(a.number<std::uint16_t>(IPVS_DEST_ATTR_TUN_PORT)), sum};
    }
  }
  return std::nullopt;
}

RealServer settings_of(const ServerAttributes& a) {
  RealServer out{.weight = static_cast<int>(a.number<std::uint32_t>(IPVS_DEST_ATTR_WEIGHT)),
                 .upper = a.number<std::uint32_t>(IPVS_DEST_ATTR_U_THRESH),
                 .lower = a.number<std::uint32_t>(IPVS_DEST_ATTR_L_THRESH)};
  const auto method = a.number<std::uint32_t>(IPVS_DEST_ATTR_FWD_METHOD) & IP_VS_CONN_F_FWD_MASK;
  const auto* known =
      std::ranges::find(kForwarding, method, [](const auto& f) { return f.second; });
  const auto tunnel = tunnel_of(a);
  if (known == kForwarding.end() || !tunnel) {
    out.weight = kUnsaid;
    return out;
  }
  out.forwarding = known->first;
  out.tunnel = *tunnel;
  return out;
}

}  // namespace

Message service_message(int family, const ServiceChange& change) {
  auto out = message_of(family, command_of(change.verb, IPVS_CMD_NEW_SERVICE, IPVS_CMD_SET_SERVICE,
                                           IPVS_CMD_DEL_SERVICE));
  auto* nest = ::nla_nest_start(out.get(), IPVS_CMD_ATTR_SERVICE);
  put_key(out.get(), change.service);
  if (change.verb != InsideVerb::remove) put_settings(out.get(), change.service, change.settings);
  ::nla_nest_end(out.get(), nest);
  return out;
}

Message server_message(int family, const ServerChange& change) {
  auto out = message_of(
      family, command_of(change.verb, IPVS_CMD_NEW_DEST, IPVS_CMD_SET_DEST, IPVS_CMD_DEL_DEST));
  auto* service = ::nla_nest_start(out.get(), IPVS_CMD_ATTR_SERVICE);
  put_key(out.get(), change.service);
  ::nla_nest_end(out.get(), service);
  auto* server = ::nla_nest_start(out.get(), IPVS_CMD_ATTR_DEST);
  nla_put_u16(out.get(), IPVS_DEST_ATTR_ADDR_FAMILY, family_number(change.server.address));
  put_address(out.get(), IPVS_DEST_ATTR_ADDR, change.server.address);
  nla_put_u16(out.get(), IPVS_DEST_ATTR_PORT, htons(change.server.port));
  if (change.verb != InsideVerb::remove) put_settings(out.get(), change.settings);
  ::nla_nest_end(out.get(), server);
  return out;
}

Message services_question(int family) { return message_of(family, IPVS_CMD_GET_SERVICE); }

Message servers_question(int family, const ServiceKey& service) {
  auto out = message_of(family, IPVS_CMD_GET_DEST);
  auto* nest = ::nla_nest_start(out.get(), IPVS_CMD_ATTR_SERVICE);
  put_key(out.get(), service);
  ::nla_nest_end(out.get(), nest);
  return out;
}

std::optional<ServiceEntry> read_service(const nlmsghdr& message) {
  const auto* nest = nest_of(message, IPVS_CMD_ATTR_SERVICE);
  if (nest == nullptr) return std::nullopt;
  const ServiceAttributes a{nest};
  const auto key = key_of(a);
  if (!key) return std::nullopt;
  return ServiceEntry{*key, settings_of(a, key->address.family),
                      count_of(a.at(IPVS_SVC_ATTR_STATS64))};
}

std::optional<ServerEntry> read_server(const nlmsghdr& message, const ServiceKey& service) {
  const auto* nest = nest_of(message, IPVS_CMD_ATTR_DEST);
  if (nest == nullptr) return std::nullopt;
  const ServerAttributes a{nest};
  // Kernels before 3.18 do not say it: there it is always the service's.
  const std::uint16_t family = a.has(IPVS_DEST_ATTR_ADDR_FAMILY)
                                   ? a.number<std::uint16_t>(IPVS_DEST_ATTR_ADDR_FAMILY)
                                   : family_number(service.address);
  return ServerEntry{
      {a.address(IPVS_DEST_ATTR_ADDR, family), ntohs(a.number<std::uint16_t>(IPVS_DEST_ATTR_PORT))},
      settings_of(a),
      {.active = a.number<std::uint32_t>(IPVS_DEST_ATTR_ACTIVE_CONNS),
       .inactive = a.number<std::uint32_t>(IPVS_DEST_ATTR_INACT_CONNS),
       .persistent = a.number<std::uint32_t>(IPVS_DEST_ATTR_PERSIST_CONNS),
       .count = count_of(a.at(IPVS_DEST_ATTR_STATS64))}};
}

}  // namespace anycast::kernel
