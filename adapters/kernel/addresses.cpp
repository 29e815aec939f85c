#include "adapters/kernel/addresses.hpp"

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

namespace anycast::kernel {
namespace {

std::optional<Address> address_of(const nlattr* attribute, int family) {
  Address out{.family = family == AF_INET ? Address::Family::v4 : Address::Family::v6};
  const auto size = static_cast<std::size_t>(out.bits() / 8);
  if (attribute == nullptr || ::nla_len(attribute) < static_cast<int>(size)) return std::nullopt;
  std::memcpy(out.bytes.data(), ::nla_data(attribute), size);
  return out;
}

struct Found {
  Prefix prefix;
  unsigned link;
};

std::optional<Found> read(const nlmsghdr& message) {
  std::array<nlattr*, IFA_MAX + 1> a = {};
  auto* header = const_cast<nlmsghdr*>(&message);
  if (message.nlmsg_type != RTM_NEWADDR ||
      ::nlmsg_parse(header, sizeof(ifaddrmsg), a.data(), IFA_MAX, nullptr) < 0)
    return std::nullopt;
  const auto* body = static_cast<const ifaddrmsg*>(::nlmsg_data(header));
  if (body->ifa_family != AF_INET && body->ifa_family != AF_INET6) return std::nullopt;
  // On a link between two hosts IFA_ADDRESS is the other one's.
  const auto* own = a.at(IFA_LOCAL) != nullptr ? a.at(IFA_LOCAL) : a.at(IFA_ADDRESS);
  const auto address = address_of(own, body->ifa_family);
  if (!address) return std::nullopt;
  return Found{{*address, body->ifa_prefixlen}, body->ifa_index};
}

}  // namespace

Result<std::set<Vip>> read_addresses(Netlink& route) {
  const Message question{::nlmsg_alloc_simple(RTM_GETADDR, 0)};
  ifaddrmsg any{};
  ::nlmsg_append(question.get(), &any, sizeof any, NLMSG_ALIGNTO);
  std::set<Vip> out;
  std::map<unsigned, std::string> links;
  const auto error = route.dump(question, [&](const nlmsghdr& message) {
    const auto found = read(message);
    if (!found) return;
    const auto [link, is_new] = links.try_emplace(found->link);
    if (is_new) link->second = link_name(found->link);
    // A link that is gone by now has taken its addresses with it.
    if (!link->second.empty()) out.insert({found->prefix, link->second});
  });
  if (!error) return tl::unexpected(error.error());
  if (*error != 0)
    return fail(Remedy::look_at_host,
                fmt::format("the kernel does not tell its addresses: {}", std::strerror(*error)));
  return out;
}

Result<Message> address_message(const VipChange& change) {
  const auto& [prefix, name] = change.vip;
  const auto link = ::if_nametoindex(name.c_str());
  if (link == 0)
    return fail(
        Remedy::look_at_host,
        fmt::format("there is no link \"{}\" on this host, expected one of 'ip link'", name));
  const bool adds = change.verb == InsideVerb::add;
  Message out{
      ::nlmsg_alloc_simple(adds ? RTM_NEWADDR : RTM_DELADDR, adds ? NLM_F_CREATE | NLM_F_EXCL : 0)};
  ifaddrmsg body{};
  body.ifa_family = static_cast<std::uint8_t>(family_number(prefix.address));
  body.ifa_prefixlen = static_cast<std::uint8_t>(prefix.length);
  body.ifa_scope = RT_SCOPE_UNIVERSE;
  body.ifa_index = link;
  ::nlmsg_append(out.get(), &body, sizeof body, NLMSG_ALIGNTO);
  const auto size = prefix.address.bits() / 8;
  ::nla_put(out.get(), IFA_LOCAL, size, prefix.address.bytes.data());
  ::nla_put(out.get(), IFA_ADDRESS, size, prefix.address.bytes.data());
  if (adds && prefix.address.family == Address::Family::v6)
    nla_put_u32(out.get(), IFA_FLAGS, IFA_F_NODAD);
  return out;
}

Result<AddressMonitor> AddressMonitor::open() {
  Fd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0)
    return fail(
        Remedy::look_at_host,
        fmt::format("netlink: cannot listen for changes of addresses: {}", std::strerror(errno)));
  return AddressMonitor{std::move(fd)};
}

bool AddressMonitor::heard() {
  // What has changed is not read from here: whoever hears of a change looks at everything.
  std::array<char, 4096> message = {};
  bool any = false;
  for (;;) {
    const auto got = ::recv(fd_.get(), message.data(), message.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != ENOBUFS) return any;
    any = true;
  }
}

}  // namespace anycast::kernel
