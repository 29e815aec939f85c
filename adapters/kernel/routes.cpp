#include "adapters/kernel/routes.hpp"

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

namespace anycast::kernel {
namespace {

using Family = Address::Family;
constexpr std::array kFamilies{Family::v4, Family::v6};

std::uint8_t number_of(Family family) {
  return static_cast<std::uint8_t>(family_number({.family = family}));
}

template <std::size_t N, class Header>
std::optional<std::array<nlattr*, N>> parse(const nlmsghdr& message, const Header*& header) {
  std::array<nlattr*, N> out = {};
  auto* h = const_cast<nlmsghdr*>(&message);
  if (::nlmsg_parse(h, sizeof(Header), out.data(), N - 1, nullptr) < 0) return std::nullopt;
  header = static_cast<const Header*>(::nlmsg_data(h));
  return out;
}

/// Whatever is missing of it is zero.
Address address_in(const nlattr* attribute, Family family) {
  Address out{.family = family};
  if (attribute == nullptr) return out;
  const auto size = std::min(::nla_len(attribute), out.bits() / 8);
  std::memcpy(out.bytes.data(), ::nla_data(attribute), static_cast<std::size_t>(size));
  return out;
}

std::uint32_t u32(const nlattr* attribute) {
  return attribute == nullptr ? 0 : nla_get_u32(const_cast<nlattr*>(attribute));
}

/// A table that does not exist has no routes.
Result<void> whole(const Result<int>& answer, const char* what) {
  if (!answer) return tl::unexpected(answer.error());
  if (*answer == 0 || *answer == ENOENT) return {};
  return fail(Remedy::look_at_host,
              fmt::format("the kernel does not tell its {}: {}", what, std::strerror(*answer)));
}

// Next-hop objects

struct Group {
  std::vector<nexthop_grp> members = {};
  bool resilient = false;
};

/// Those of our protocol number.
struct Objects {
  std::map<std::uint32_t, NextHop> hops = {};
  std::map<std::uint32_t, Group> groups = {};
};

void take(const nlmsghdr& message, Objects& out) {
  const nhmsg* header = nullptr;
  const auto a = parse<NHA_MAX + 1>(message, header);
  if (!a || message.nlmsg_type != RTM_NEWNEXTHOP || header->nh_protocol != kRouteProtocol) return;
  const auto id = u32(a->at(NHA_ID));
  if (const auto* group = a->at(NHA_GROUP)) {
    auto& into = out.groups[id];
    into.members.resize(static_cast<std::size_t>(::nla_len(group)) / sizeof(nexthop_grp));
    std::memcpy(into.members.data(), ::nla_data(group), into.members.size() * sizeof(nexthop_grp));
    into.resilient = a->at(NHA_GROUP_TYPE) != nullptr &&
                     nla_get_u16(a->at(NHA_GROUP_TYPE)) == NEXTHOP_GRP_TYPE_RES;
  } else {
    const auto family = header->nh_family == AF_INET6 ? Family::v6 : Family::v4;
    out.hops[id] = {address_in(a->at(NHA_GATEWAY), family), link_name(u32(a->at(NHA_OIF)))};
  }
}

Result<Objects> read_objects(Netlink& route) {
  const Message question{::nlmsg_alloc_simple(RTM_GETNEXTHOP, 0)};
  const nhmsg any{};
  ::nlmsg_append(question.get(), const_cast<nhmsg*>(&any), sizeof any, NLMSG_ALIGNTO);
  Objects out;
  const auto error = route.dump(question, [&](const nlmsghdr& message) { take(message, out); });
  // A kernel before 5.3 has none.
  if (error && *error == EOPNOTSUPP) return out;
  if (auto done = whole(error, "next-hop objects"); !done) return tl::unexpected(done.error());
  return out;
}

/// What is not one of our groups has no next hop here, which nobody can want.
Multipath of_group(const Objects& objects, std::uint32_t id) {
  const auto found = objects.groups.find(id);
  if (found == objects.groups.end()) return {};
  Multipath out{.resilient = found->second.resilient};
  for (const auto& member : found->second.members) {
    const auto hop = objects.hops.find(member.id);
    out.hops[hop == objects.hops.end() ? NextHop{} : hop->second] = member.weight + 1;
  }
  return out;
}

// Routes

struct Entry {
  RouteKey key;
  std::map<NextHop, int> hops = {};
  std::uint32_t object = 0;  ///< 0: none
};

std::map<NextHop, int> hops_in(const nlattr* paths, Family family) {
  std::map<NextHop, int> out;
  auto left = ::nla_len(paths);
  const auto* hop = static_cast<const rtnexthop*>(::nla_data(paths));
  while (left >= static_cast<int>(sizeof *hop) && hop->rtnh_len >= sizeof *hop &&
         hop->rtnh_len <= left) {
    std::array<nlattr*, RTA_MAX + 1> a = {};
    ::nla_parse(a.data(), RTA_MAX,
                reinterpret_cast<nlattr*>(RTNH_DATA(const_cast<rtnexthop*>(hop))),
                hop->rtnh_len - static_cast<int>(sizeof *hop), nullptr);
    out[{address_in(a.at(RTA_GATEWAY), family),
         link_name(static_cast<std::uint32_t>(hop->rtnh_ifindex))}] = hop->rtnh_hops + 1;
    left -= RTNH_ALIGN(hop->rtnh_len);
    hop = RTNH_NEXT(hop);
  }
  return out;
}

std::optional<Entry> read(const nlmsghdr& message, Family family) {
  const rtmsg* header = nullptr;
  const auto a = parse<RTA_MAX + 1>(message, header);
  if (!a || message.nlmsg_type != RTM_NEWROUTE || header->rtm_protocol != kRouteProtocol)
    return std::nullopt;
  Entry out{
      .key = {{address_in(a->at(RTA_DST), family), header->rtm_dst_len}, u32(a->at(RTA_TABLE))},
      .object = u32(a->at(RTA_NH_ID))};
  if (const auto* paths = a->at(RTA_MULTIPATH)) {
    out.hops = hops_in(paths, family);
  } else {
    out.hops[{address_in(a->at(RTA_GATEWAY), family), link_name(u32(a->at(RTA_OIF)))}] = 1;
  }
  return out;
}

/// The kernel picks them out of its tables, which may hold the routes of the whole Internet.
Result<std::vector<Entry>> read_table(Netlink& route, std::uint32_t table) {
  std::vector<Entry> out;
  for (const auto family : kFamilies) {
    const Message question{::nlmsg_alloc_simple(RTM_GETROUTE, 0)};
    rtmsg ours{};
    ours.rtm_family = number_of(family);
    ours.rtm_protocol = kRouteProtocol;
    ::nlmsg_append(question.get(), &ours, sizeof ours, NLMSG_ALIGNTO);
    nla_put_u32(question.get(), RTA_TABLE, table);
    const auto error = route.dump(question, [&](const nlmsghdr& message) {
      auto entry = read(message, family);
      if (entry && entry->key.table == table) out.push_back(std::move(*entry));
    });
    if (auto done = whole(error, "routes"); !done) return tl::unexpected(done.error());
  }
  return out;
}

// Rules

std::optional<RouteRule> read_rule(const nlmsghdr& message, Family family) {
  const fib_rule_hdr* header = nullptr;
  const auto a = parse<FRA_MAX + 1>(message, header);
  if (!a || message.nlmsg_type != RTM_NEWRULE || a->at(FRA_PROTOCOL) == nullptr ||
      nla_get_u8(a->at(FRA_PROTOCOL)) != kRouteProtocol)
    return std::nullopt;
  return RouteRule{.priority = u32(a->at(FRA_PRIORITY)),
                   .from = {address_in(a->at(FRA_SRC), family), header->src_len},
                   .to = {address_in(a->at(FRA_DST), family), header->dst_len},
                   .table = u32(a->at(FRA_TABLE))};
}

Result<std::set<RouteRule>> read_rules(Netlink& route) {
  std::set<RouteRule> out;
  for (const auto family : kFamilies) {
    const Message question{::nlmsg_alloc_simple(RTM_GETRULE, 0)};
    fib_rule_hdr any{};
    any.family = number_of(family);
    ::nlmsg_append(question.get(), &any, sizeof any, NLMSG_ALIGNTO);
    const auto error = route.dump(question, [&](const nlmsghdr& message) {
      if (const auto rule = read_rule(message, family)) out.insert(*rule);
    });
    if (auto done = whole(error, "rules"); !done) return tl::unexpected(done.error());
  }
  return out;
}

// Requests

void put(nl_msg* message, int attribute, const Prefix& prefix) {
  if (prefix.length > 0)
    ::nla_put(message, attribute, prefix.address.bits() / 8, prefix.address.bytes.data());
}

Result<std::uint32_t> index_of(const NextHop& hop) {
  const auto index = ::if_nametoindex(hop.link.c_str());
  if (index != 0) return index;
  return fail(
      Remedy::look_at_host,
      fmt::format("there is no link \"{}\" on this host, expected one of 'ip link'", hop.link));
}

Message object_message(int type, std::uint32_t id, std::uint8_t family) {
  Message out{
      ::nlmsg_alloc_simple(type, type == RTM_NEWNEXTHOP ? NLM_F_CREATE | NLM_F_REPLACE : 0)};
  nhmsg body{};
  body.nh_family = family;
  body.nh_protocol = type == RTM_NEWNEXTHOP ? kRouteProtocol : 0;
  ::nlmsg_append(out.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_u32(out.get(), NHA_ID, id);
  return out;
}

/// The objects of a resilient route, the group last.
Result<std::vector<Message>> object_messages(const RouteChange& change) {
  std::vector<Message> out;
  std::vector<nexthop_grp> members;
  for (const auto& [hop, weight] : change.paths.hops) {
    const auto index = index_of(hop);
    if (!index) return tl::unexpected(index.error());
    const auto id = object_of(change.route, hop);
    out.push_back(object_message(RTM_NEWNEXTHOP, id, number_of(hop.via.family)));
    nla_put_u32(out.back().get(), NHA_OIF, *index);
    ::nla_put(out.back().get(), NHA_GATEWAY, hop.via.bits() / 8, hop.via.bytes.data());
    nexthop_grp member{};
    member.id = id;
    member.weight = static_cast<std::uint8_t>(weight - 1);
    members.push_back(member);
  }
  out.push_back(object_message(RTM_NEWNEXTHOP, group_of(change.route), AF_UNSPEC));
  auto* group = out.back().get();
  ::nla_put(group, NHA_GROUP, static_cast<int>(members.size() * sizeof(nexthop_grp)),
            members.data());
  nla_put_u16(group, NHA_GROUP_TYPE, NEXTHOP_GRP_TYPE_RES);
  auto* settings = ::nla_nest_start(group, NHA_RES_GROUP);
  nla_put_u16(group, NHA_RES_GROUP_BUCKETS, kBuckets);
  ::nla_nest_end(group, settings);
  return out;
}

Result<void> put_hops(nl_msg* message, const Multipath& paths) {
  std::string bytes;
  for (const auto& [hop, weight] : paths.hops) {
    const auto index = index_of(hop);
    if (!index) return tl::unexpected(index.error());
    const auto size = static_cast<std::uint16_t>(hop.via.bits() / 8);
    rtnexthop one{};
    one.rtnh_len = static_cast<std::uint16_t>(sizeof one + sizeof(rtattr) + size);
    one.rtnh_hops = static_cast<std::uint8_t>(weight - 1);
    one.rtnh_ifindex = static_cast<int>(*index);
    const rtattr gateway{.rta_len = static_cast<std::uint16_t>(sizeof gateway + size),
                         .rta_type = RTA_GATEWAY};
    bytes.append(reinterpret_cast<const char*>(&one), sizeof one);
    bytes.append(reinterpret_cast<const char*>(&gateway), sizeof gateway);
    bytes.append(reinterpret_cast<const char*>(hop.via.bytes.data()), size);
  }
  ::nla_put(message, RTA_MULTIPATH, static_cast<int>(bytes.size()), bytes.data());
  return {};
}

Message route_message(const RouteChange& change) {
  const auto verb = change.verb;
  Message out{::nlmsg_alloc_simple(verb == InsideVerb::remove ? RTM_DELROUTE : RTM_NEWROUTE,
                                   verb == InsideVerb::add    ? NLM_F_CREATE | NLM_F_EXCL
                                   : verb == InsideVerb::edit ? NLM_F_REPLACE
                                                              : 0)};
  const auto& [to, table] = change.route;
  rtmsg body{};
  body.rtm_family = number_of(to.address.family);
  body.rtm_dst_len = static_cast<std::uint8_t>(to.length);
  body.rtm_protocol = kRouteProtocol;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  ::nlmsg_append(out.get(), &body, sizeof body, NLMSG_ALIGNTO);
  put(out.get(), RTA_DST, to);
  nla_put_u32(out.get(), RTA_TABLE, table);
  return out;
}

/// Groups of these routes that they do not use, and next hops that are then in no group.
std::vector<std::uint32_t> unused(Objects& objects, const std::set<RouteKey>& changed,
                                  const std::set<std::uint32_t>& used) {
  std::vector<std::uint32_t> out;
  for (const auto& key : changed) {
    const auto id = group_of(key);
    if (!used.contains(id) && objects.groups.erase(id) != 0) out.push_back(id);
  }
  const auto holds = [](const Group& group, std::uint32_t id) {
    return std::ranges::any_of(group.members, [&](const auto& one) { return one.id == id; });
  };
  for (const auto& hop : objects.hops) {
    const bool member = std::ranges::any_of(
        objects.groups, [&](const auto& group) { return holds(group.second, hop.first); });
    if (!member) out.push_back(hop.first);
  }
  return out;
}

}  // namespace

Result<void> read_routes(Netlink& route, const std::set<std::uint32_t>& tables, Inside& out) {
  if (tables.empty()) return {};
  const auto objects = read_objects(route);
  if (!objects) return tl::unexpected(objects.error());
  for (const auto table : tables) {
    const auto entries = read_table(route, table);
    if (!entries) return tl::unexpected(entries.error());
    for (const auto& entry : *entries) {
      out.routes[entry.key] =
          entry.object != 0 ? of_group(*objects, entry.object) : Multipath{.hops = entry.hops};
    }
  }
  auto rules = read_rules(route);
  if (!rules) return tl::unexpected(rules.error());
  std::erase_if(*rules, [&](const RouteRule& rule) { return !tables.contains(rule.table); });
  out.rules = std::move(*rules);
  return {};
}

Result<std::vector<Message>> route_messages(const RouteChange& change) {
  std::vector<Message> out;
  auto last = route_message(change);
  if (change.verb != InsideVerb::remove && change.paths.resilient) {
    auto objects = object_messages(change);
    if (!objects) return tl::unexpected(objects.error());
    out = std::move(*objects);
    nla_put_u32(last.get(), RTA_NH_ID, group_of(change.route));
  } else if (change.verb != InsideVerb::remove) {
    if (auto done = put_hops(last.get(), change.paths); !done) return tl::unexpected(done.error());
  }
  out.push_back(std::move(last));
  return out;
}

Message rule_message(const RuleChange& change) {
  const bool adds = change.verb == InsideVerb::add;
  const auto& rule = change.rule;
  Message out{
      ::nlmsg_alloc_simple(adds ? RTM_NEWRULE : RTM_DELRULE, adds ? NLM_F_CREATE | NLM_F_EXCL : 0)};
  fib_rule_hdr body{};
  body.family = number_of(rule.to.address.family);
  body.dst_len = static_cast<std::uint8_t>(rule.to.length);
  body.src_len = static_cast<std::uint8_t>(rule.from.length);
  body.action = FR_ACT_TO_TBL;
  ::nlmsg_append(out.get(), &body, sizeof body, NLMSG_ALIGNTO);
  put(out.get(), FRA_DST, rule.to);
  put(out.get(), FRA_SRC, rule.from);
  nla_put_u32(out.get(), FRA_PRIORITY, rule.priority);
  nla_put_u32(out.get(), FRA_TABLE, rule.table);
  nla_put_u8(out.get(), FRA_PROTOCOL, kRouteProtocol);
  return out;
}

Result<void> sweep_objects(Netlink& route, const std::set<RouteKey>& changed) {
  auto objects = read_objects(route);
  if (!objects) return tl::unexpected(objects.error());
  if (objects->hops.empty() && objects->groups.empty()) return {};
  std::set<std::uint32_t> tables;
  for (const auto& key : changed) tables.insert(key.table);
  std::set<std::uint32_t> used;
  for (const auto table : tables) {
    const auto entries = read_table(route, table);
    if (!entries) return tl::unexpected(entries.error());
    for (const auto& entry : *entries) used.insert(entry.object);
  }
  std::vector<Message> messages;
  for (const auto id : unused(*objects, changed, used))
    messages.push_back(object_message(RTM_DELNEXTHOP, id, AF_UNSPEC));
  const auto errors = route.carry_out(messages);
  if (!errors) return tl::unexpected(errors.error());
  return {};
}

}  // namespace anycast::kernel
