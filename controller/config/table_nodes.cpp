#include "controller/config/table_nodes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/config/scalars.hpp"
#include "controller/config/table_parts.hpp"
#include "controller/config/table_services.hpp"

namespace anycast::config {
namespace {

Table entry(Community& c) {
  const auto set = [&c](int i) { c.does = static_cast<Community::Does>(i); };
  const auto get = [&c] { return static_cast<int>(c.does); };
  auto times = count(c.count, 1, 10);
  times.write = [&c]() -> std::optional<std::string> {
    if (c.does != Community::Does::prepend_to) return std::nullopt;
    return std::to_string(c.count);
  };
  return {
      {{"value",
        "\"64501:1001\", or a large one as \"64501:1:2\"",
        {community(c.value)},
        kRequired},
       {"do",
        "what the upstream does then",
        {choice(set, get, {"prepend_to", "local_pref", "no_export_to", "blackhole"})},
        kRequired},
       {"count", "how often it prepends", {times}},
       {"carrier", "toward whom; default: all that it carries", {name(c.carrier)}},
       {"tested", "seen to work; automation uses no other", {flag(c.tested)}},
       {"notes", "where it is documented, who tested it, for people", {text(c.notes, check_any)}}}};
}

Value communities(std::vector<Community>& target) {
  auto value = list(target, [](Community& c) { return entry(c); });
  std::get<List>(value.is).append = [&target] {
    target.push_back({.does = Community::Does::local_pref});
    return Value{entry(target.back())};
  };
  return value;
}

Table session(Session& s) {
  return {{{"neighbor", "its address", {address(s.neighbor)}, kRequired},
           {"local", "ours", {address(s.local)}, kRequired},
           {"multihop",
            "hops to the neighbour, where it is not on a common link",
            {optional_count(s.multihop, 1, 255)}},
           {"protocol",
            "name of the BGP protocol in the routing daemon; default: the upstream's name",
            {text(s.protocol, check_ident, "^[A-Za-z_][A-Za-z0-9_]*$")}},
           {"probe_target",
            "unicast address that is reached over this session only",
            {optional_address(s.probe_target)}}}};
}

constexpr auto* kLinkPattern = "^[!-~]{1,15}$";

std::optional<Wrong> check_link(const std::string& value) {
  // IFNAMSIZ of linux/if.h has room for 15 bytes; the kernel takes neither '/' nor spaces.
  const bool known = std::ranges::all_of(
      value, [](char c) { return c > ' ' && c < '\x7f' && c != '/' && c != ':' && c != '"'; });
  if (known && !value.empty() && value.size() <= 15) return std::nullopt;
  return Wrong{"link",
               fmt::format("'{}' is not the name of a link", printable(value)),
               {"write one of 'ip link', \"lo\" where nothing speaks against it"}};
}

Table nexthop(Ecmp::Hop& h) {
  return {{{"via", "address of the neighbour", {address(h.via)}, kRequired},
           {"link", "on which it is", {text(h.link, check_link, kLinkPattern)}, kRequired},
           {"weight", "its share of the flows", {count(h.weight, 1, 256)}}}};
}

Table route(Ecmp& e) {
  return {{{"to", "destination; 0.0.0.0/0 or ::/0: all", {prefix(e.to)}, kRequired},
           {"table",
            "number of a routing table in which nobody else keeps this route",
            {count(e.table, 1, 2'000'000'000)},
            kRequired},
           {"rule",
            "priority of a rule that sends packets to 'to' there; default: no rule",
            {optional_count(e.rule, 1, 32'765)}},
           {"from", "the rule is for packets from here only", {optional_prefix(e.from)}},
           {"resilient",
            "flows stay on their next hop when another goes (Linux 5.13)",
            {flag(e.resilient)}},
           {"service",
            "of this node, by whose checks a next hop is left out that answers none of them",
            {name(e.service)}},
           {"nexthops", "where the packets go, each flow by its hash", list(e.nexthops, nexthop),
            kRequired}}};
}

std::optional<Wrong> check_instance(const std::string& value) {
  // It stands between quotes on the lines of the notify FIFO.
  const bool plain = std::ranges::all_of(
      value, [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; });
  if (plain && !value.empty() && value.size() <= 64) return std::nullopt;
  return Wrong{"instance",
               fmt::format("'{}' is not the name of a vrrp_instance", printable(value)),
               {"write it as Keepalived's configuration has it"}};
}

Value keepalived(Keepalived& k) {
  return {Table{
      {{"fifo",
        "the vrrp_notify_fifo to which it writes; default: there is no Keepalived",
        {text(k.fifo, check_any)}},
       {"instance",
        "name of the vrrp_instance; this host serves while that is MASTER",
        {text(k.instance, check_instance)}},
       {"address", "virtual address of that instance", {optional_address(k.address)}},
       {"track_file",
        "track_file of that instance, to which anycastd writes; default: none",
        {text(k.track_file, check_any)}},
       {"config", "its configuration, which 'doctor' looks at", {text(k.config, check_any)}}}}};
}

Value local(Local& l) {
  auto drain = duration(l.drain, seconds{0}, hours{24});
  return {Table{{{"link",
                  "where it keeps the vips of all prefixes; default: somebody else keeps them",
                  {text(l.link, check_link, kLinkPattern)}},
                 {"drain",
                  "what has to go, an address or a real server, stays for so long",
                  {std::move(drain)}},
                 {"routes", "ECMP routes in tables of our own", list(l.routes, route)},
                 {"keepalived", "a Keepalived that settles with another host's which one serves",
                  keepalived(l.keepalived)}}}};
}

Value shares(std::map<std::string, Ppm>& target) {
  return named(target, [](Ppm& weight) { return share(weight); });
}

}  // namespace

Table upstream(Upstream& u) {
  return {{{"asn", "its AS number", {asn(u.asn)}, kRequired},
           {"carries", "carriers whose users reach us through it",
            list(u.carries, [](std::string& carrier) { return name(carrier); }), kRequired},
           {"prepend_max", "longest prepending that it accepts", {count(u.prepend_max, 0, 10)}},
           {"cost",
            "counts as so much RTT against its paths, for policy prefer",
            {duration(u.cost, seconds{0}, seconds{10})}},
           {"communities", "what it does for a route that carries one of these",
            communities(u.communities)}}};
}

Table node(Node& n) {
  return {{{"site", "where it is, for people", {text(n.site, check_any)}},
           {"probe_target",
            "unicast address of this node, not the anycast one",
            {optional_address(n.probe_target)}},
           {"capacity",
            "share of all users that it can serve in the busiest hour; default: all",
            {optional_share(n.capacity)}},
           {"sessions", "BGP sessions by upstream", named(n.sessions, session), kRequired},
           {"services", "what has to work here, by name: else the node attracts less, or nobody",
            named(n.services, service)},
           {"local", "what anycastd keeps in the kernel of this host", local(n.local)},
           {"egress",
            "upstreams over which packets to a carrier may leave, the preferred one first, by "
            "carrier",
            named(n.egress, [](std::vector<std::string>& order) {
              return list(order, [](std::string& upstream) { return name(upstream); });
            })}}};
}

Table egress(EgressConfig& e) {
  const auto carrier = [](EgressCarrier& c) {
    return Table{{{"as_path", "a route whose AS path has one of these leads to its users",
                   list(c.as_path, [](Asn& number) { return asn(number); }), kRequired}}};
  };
  auto preference = count(e.local_preference, 1, 2'000'000'000);
  auto settle = duration(e.settle, minutes{1}, hours{24});
  for (auto* one : {&preference, &settle}) {
    one->write = [&e, write = one->write]() -> std::optional<std::string> {
      if (e.carriers.empty()) return std::nullopt;
      return write();
    };
  }
  return {{{"carriers", "carriers for whose users' packets an upstream may be chosen",
            named(e.carriers, carrier)},
           {"local_preference",
            "of routes over the upstream that is used; others keep their own; default: 200",
            {std::move(preference)}},
           {"settle",
            "from a change until it is known what came of it; default: 10m, or evidence.window",
            {std::move(settle)}}}};
}

Table weights(Weights& w) {
  return {{{"carriers", "users of each carrier, as a share of all", shares(w.carriers)},
           {"regions", "users in each region, as a share of all", shares(w.regions)}}};
}

}  // namespace anycast::config
