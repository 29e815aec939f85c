#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "controller/config/rules.hpp"

namespace anycast::config {
namespace {

struct KnownAs {
  std::string_view name;
  Asn asn;
  std::string_view title;
};
// Well-known ISPs by the names that people give them here (public registries, 2026). A table like
// this ages, so it only warns.
constexpr std::array kKnown = {KnownAs{"cmi", 58453, "CMI"},
                               KnownAs{"cn2", 4809, "China Telecom CN2"},
                               KnownAs{"telecom", 4134, "ChinaNet"},
                               KnownAs{"unicom", 4837, "China Unicom"},
                               KnownAs{"cug", 10099, "China Unicom Global"},
                               KnownAs{"cmcc", 9808, "China Mobile"},
                               KnownAs{"ntt", 2914, "NTT"},
                               KnownAs{"hkbn", 9269, "HKBN"},
                               KnownAs{"pccw", 3491, "PCCW"},
                               KnownAs{"hkt", 4760, "HKT"},
                               KnownAs{"hgc", 9304, "HGC"},
                               KnownAs{"arelion", 1299, "Arelion"},
                               KnownAs{"telia", 1299, "Arelion"},
                               KnownAs{"lumen", 3356, "Lumen"},
                               KnownAs{"gtt", 3257, "GTT"},
                               KnownAs{"cogent", 174, "Cogent"},
                               KnownAs{"tata", 6453, "Tata"},
                               KnownAs{"telstra", 4637, "Telstra"},
                               KnownAs{"singtel", 7473, "Singtel"},
                               KnownAs{"he", 6939, "Hurricane Electric"}};

std::string prefix_path(const AnycastPrefix& p) { return "prefixes." + to_string(p.prefix); }

void check_origin(const Checked& c, const AnycastPrefix& p) {
  const auto path = prefix_path(p) + ".origin_asn";
  if (!c.bound.good(path) || !is_private_asn(p.origin_asn)) return;
  c.report.error(c.bound.at(path), "asn-private",
                 fmt::format("{} is a private ASN (RFC 6996)", p.origin_asn),
                 {"no ROA can authorise it, and most networks drop the announcement"});
}

void check_vips(const Checked& c, const AnycastPrefix& p) {
  for (std::size_t i = 0; i < p.vips.size(); ++i) {
    const auto path = fmt::format("{}.vips.{}", prefix_path(p), i);
    if (!c.bound.good(path) || p.prefix.contains(p.vips[i])) continue;
    c.report.error(c.bound.at(path), "vip-outside",
                   fmt::format("{} is not in {}", to_string(p.vips[i]), to_string(p.prefix)),
                   {"users would never reach it: only the prefix is announced"});
  }
}

void check_prefix_overlap(const Checked& c) {
  const auto& all = c.config.prefixes;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool overlap =
          all[i].prefix.contains(all[j].prefix) || all[j].prefix.contains(all[i].prefix);
      if (!overlap) continue;
      const auto at = c.bound.at(prefix_path(all[i]));
      c.report.error(
          at, "prefix",
          fmt::format("{} overlaps {}", to_string(all[i].prefix), to_string(all[j].prefix)),
          {"one stance holds for all prefixes, so the longer one only hides the other"});
      return;
    }
  }
}

/// The anycast prefix around the address, or null.
const AnycastPrefix* around(const Checked& c, const Address& address) {
  const auto it = std::ranges::find_if(c.config.prefixes,
                                       [&](const auto& p) { return p.prefix.contains(address); });
  return it == c.config.prefixes.end() ? nullptr : &*it;
}

void check_target(const Checked& c, const std::string& node, const std::string& path,
                  const std::optional<Address>& target,
                  std::map<Address, std::pair<std::string, std::string>>& seen) {
  if (!target || !c.bound.good(path)) return;
  const auto at = c.bound.at(path);
  if (around(c, *target) != nullptr) {
    c.report.error(
        at, "probe-anycast", "probe_target is in the anycast prefix",
        {fmt::format("a ping to it measures whichever node BGP picks, not {}", node),
         "give a unicast address of this node, or one in a prefix only this node announces"});
  }
  const auto [first, is_new] = seen.emplace(*target, std::pair{path, node});
  if (is_new || first->second.second == node) return;
  c.report.error(
      at, "probe-twice",
      fmt::format("{} is also the probe_target of {}", to_string(*target), first->second.second),
      {fmt::format("set at {}; each node needs a target of its own",
                   c.report.refer(c.bound.at(first->second.first), at))});
}

void check_probe_targets(const Checked& c) {
  std::map<Address, std::pair<std::string, std::string>> seen;
  for (const auto& [name, node] : c.config.nodes) {
    const auto path = "nodes." + name;
    check_target(c, name, path + ".probe_target", node.probe_target, seen);
    for (const auto& [upstream, session] : node.sessions) {
      const auto inner = path + ".sessions." + upstream + ".probe_target";
      check_target(c, name, inner, session.probe_target, seen);
      if (session.probe_target && c.config.evidence.labels.upstream.empty()) {
        c.report.warning(c.bound.at(inner), "probe-label",
                         "the samples of this target cannot be told from the node's",
                         {"name the label that says the upstream: evidence.labels.upstream"});
      }
    }
    const auto bare = std::ranges::find_if(
        node.sessions, [](const auto& s) { return !s.second.probe_target.has_value(); });
    if (node.probe_target || bare == node.sessions.end() || !c.bound.good(path)) continue;
    c.report.error(c.bound.at(path), "probe-missing",
                   fmt::format("nothing measures {} over {}", name, bare->first),
                   {"give the node a probe_target, or each of its sessions"});
  }
}

void check_session_addresses(const Checked& c) {
  for (const auto& [name, node] : c.config.nodes) {
    std::map<Address, std::string> neighbors;
    for (const auto& [upstream, s] : node.sessions) {
      const auto path = "nodes." + name + ".sessions." + upstream;
      if (!c.bound.good(path)) continue;
      if (s.neighbor.family != s.local.family) {
        c.report.error(c.bound.at(path + ".local"), "ip-family",
                       fmt::format("local {} and neighbor {} are not of one family",
                                   to_string(s.local), to_string(s.neighbor)));
      } else if (s.neighbor == s.local) {
        c.report.error(c.bound.at(path + ".local"), "neighbor", "local and neighbor are the same");
      }
      const auto [first, is_new] = neighbors.emplace(s.neighbor, upstream);
      if (is_new) continue;
      c.report.error(
          c.bound.at(path + ".neighbor"), "neighbor",
          fmt::format("{} is also the neighbor of '{}'", to_string(s.neighbor), first->second));
    }
  }
}

void check_asn_names(const Checked& c) {
  for (const auto& [name, upstream] : c.config.upstreams) {
    const auto path = "upstreams." + name + ".asn";
    if (!c.bound.good(path) || is_documentation(upstream.asn)) continue;
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char ch) { return static_cast<char>(std::tolower(ch)); });
    const auto known = std::ranges::find(kKnown, lower, &KnownAs::name);
    if (known == kKnown.end() || known->asn == upstream.asn) continue;
    const auto other = std::ranges::find(kKnown, upstream.asn, &KnownAs::asn);
    const auto text = other == kKnown.end()
                          ? fmt::format("{} is {}, not {}", known->title, known->asn, upstream.asn)
                          : fmt::format("{} is {}; {} is {}", upstream.asn, other->title,
                                        known->title, known->asn);
    c.report.warning(c.bound.at(path), "asn-name", text,
                     {"on purpose? anycastctl check-config --allow asn-name"});
  }
}

void check_documentation(const Checked& c) {
  if (c.config.mode != Mode::automatic) return;
  const std::string hint = "an example stands here for a real value; fine in a lab, not in service";
  for (const auto& p : c.config.prefixes) {
    if (is_documentation(p.prefix)) {
      c.report.warning(
          c.bound.at(prefix_path(p)), "doc-address",
          fmt::format("{} is for documentation (RFC 5737, RFC 3849)", to_string(p.prefix)), {hint});
    }
    if (is_documentation(p.origin_asn)) {
      c.report.warning(c.bound.at(prefix_path(p) + ".origin_asn"), "doc-address",
                       fmt::format("AS {} is for documentation (RFC 5398)", p.origin_asn), {hint});
    }
  }
  for (const auto& [name, upstream] : c.config.upstreams) {
    if (!is_documentation(upstream.asn)) continue;
    c.report.warning(c.bound.at("upstreams." + name + ".asn"), "doc-address",
                     fmt::format("AS {} is for documentation (RFC 5398)", upstream.asn), {hint});
  }
}

/// Who writes `router: false` has it switched off.
void check_rpki(const Checked& c) {
  const auto& rpki = c.config.rpki;
  if (!c.bound.set("rpki") || !c.bound.good("rpki")) return;
  if (!rpki.asked() && !c.bound.set("rpki.router")) {
    c.report.error(c.bound.at("rpki"), "rpki-nobody", "'rpki' asks nobody",
                   {"router: true, or validator: FILE, or leave 'rpki' out"});
  }
  if (c.config.router.kind == "frr" && !rpki.protocol.empty()) {
    c.report.warning(c.bound.at("rpki.protocol"), "rpki-frr",
                     "only BIRD has an RPKI protocol, and the router is FRR",
                     {"FRR's own cache is asked: leave it out"});
  }
}

}  // namespace

void check_addresses(const Checked& c) {
  for (const auto& p : c.config.prefixes) {
    check_origin(c, p);
    check_vips(c, p);
  }
  check_prefix_overlap(c);
  check_probe_targets(c);
  check_session_addresses(c);
  check_asn_names(c);
  check_documentation(c);
  check_rpki(c);
}

}  // namespace anycast::config
