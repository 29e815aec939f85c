#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "controller/base/text.hpp"
#include "controller/base/time.hpp"
#include "controller/config/rules.hpp"

namespace anycast::config {
namespace {

using Names = std::vector<std::string>;

bool listed_in(const Names& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

void check_egress_carriers(const Checked& c) {
  for (const auto& [carrier, known] : c.config.egress.carriers) {
    const auto path = "egress.carriers." + carrier;
    const auto at = c.bound.at(path);
    if (!listed_in(c.config.carriers, carrier) && c.bound.keys_known("carriers")) {
      c.report.error(at, "reference", fmt::format("'{}' is not in 'carriers'", carrier),
                     {defined(c, at, carrier, "carriers", c.config.carriers)});
    }
    if (!c.bound.good(path + ".as_path")) continue;
    std::set<Asn> seen;
    for (std::size_t i = 0; i < known.as_path.size(); ++i) {
      if (seen.insert(known.as_path[i]).second) continue;
      c.report.error(c.bound.at(fmt::format("{}.as_path.{}", path, i)), "duplicate",
                     fmt::format("AS {} is there twice", known.as_path[i]));
    }
  }
  const auto& [carriers, preference, settle] = c.config.egress;
  if (carriers.empty() || !c.bound.good("egress.settle") || !c.bound.good("evidence.window"))
    return;
  const auto window = c.config.evidence.window;
  if (settle >= window) return;
  c.report.error(c.bound.at("egress.settle"), "egress-settle",
                 fmt::format("after {} the evidence of {} still holds what was before",
                             format_age(settle), format_age(window)),
                 {"write more than evidence.window"});
}

/// One place of an order.
void check_place(const Checked& c, const Node& node, const Names& order, std::size_t i,
                 const std::string& carrier, const std::string& path) {
  const auto& upstream = order[i];
  const auto at = c.bound.at(fmt::format("{}.{}", path, i));
  const auto session = node.sessions.find(upstream);
  if (session == node.sessions.end()) {
    Names names;
    for (const auto& [name, unused] : node.sessions) names.push_back(name);
    c.report.error(at, "reference", fmt::format("this node has no session to '{}'", upstream),
                   {"it has sessions to " + join(names, ", ")});
    return;
  }
  const auto known = c.config.upstreams.find(upstream);
  if (known != c.config.upstreams.end() && !listed_in(known->second.carries, carrier)) {
    c.report.error(at, "egress-carrier", fmt::format("'{}' does not carry '{}'", upstream, carrier),
                   {fmt::format("add it to upstreams.{}.carries, or leave it out here", upstream)});
  }
  if (std::find(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(i), upstream) !=
      order.begin() + static_cast<std::ptrdiff_t>(i)) {
    c.report.error(at, "duplicate", fmt::format("'{}' is there twice", upstream));
  }
  const auto first = node.sessions.find(order.front());
  if (first == node.sessions.end() ||
      first->second.neighbor.family == session->second.neighbor.family)
    return;
  c.report.error(
      at, "ip-family",
      fmt::format("the sessions to '{}' and '{}' are not of one family", order.front(), upstream),
      {"an order is of upstreams that can stand in for each other"});
}

/// BIRD has one name space for filters and functions.
void check_symbols(const Checked& c, const std::string& name, const Node& node) {
  if (c.config.router.kind != "bird" || node.egress.empty()) return;
  for (const auto& [upstream, session] : node.sessions) {
    if (!session.protocol.starts_with("egress_")) continue;
    c.report.error(c.bound.at(fmt::format("nodes.{}.sessions.{}", name, upstream)), "names",
                   fmt::format("'anycastd_{}' would be the name of a filter and of a function",
                               session.protocol),
                   {"another 'protocol' than egress_... where the node has an 'egress'"});
  }
}

}  // namespace

void check_egress(const Checked& c) {
  check_egress_carriers(c);
  Names known;
  for (const auto& [carrier, unused] : c.config.egress.carriers) known.push_back(carrier);
  for (const auto& [name, node] : c.config.nodes) {
    const auto list = fmt::format("nodes.{}.egress", name);
    if (!c.bound.good(list) || !c.bound.good(fmt::format("nodes.{}.sessions", name))) continue;
    check_symbols(c, name, node);
    for (const auto& [carrier, order] : node.egress) {
      const auto path = list + "." + carrier;
      const auto at = c.bound.at(path);
      if (!listed_in(known, carrier)) {
        c.report.error(at, "reference", fmt::format("'{}' is not in 'egress.carriers'", carrier),
                       {"write egress.carriers." + carrier +
                        ".as_path, by which its routes are "
                        "known"});
      }
      if (!listed_in(c.config.carriers, carrier)) continue;
      for (std::size_t i = 0; i < order.size(); ++i) check_place(c, node, order, i, carrier, path);
    }
  }
}

}  // namespace anycast::config
