#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/config/rules.hpp"

namespace anycast::config {
namespace {

std::string rung_path(std::size_t i) { return fmt::format("policy.carrier_bad.{}", i); }

void check_count(const Checked& c, std::size_t i) {
  const auto& stance = c.config.policy.carrier_bad[i].stance;
  const auto count = rung_path(i) + ".count";
  const bool prepends = stance.kind == Stance::Kind::prepend;
  if (prepends && !c.bound.set(count)) {
    c.report.error(c.bound.at(rung_path(i)), "missing", "'prepend' needs a 'count'",
                   {"count: how often our AS is prepended, 1 to 10"});
  } else if (!prepends && c.bound.set(count)) {
    c.report.error(c.bound.at(count), "type", "only 'prepend' has a 'count'");
  }
  if (!prepends || !c.bound.good("upstreams")) return;
  for (const auto& [name, upstream] : c.config.upstreams) {
    if (stance.prepend <= upstream.prepend_max) continue;
    const auto at = c.bound.at(count);
    const auto limit = "upstreams." + name + ".prepend_max";
    const auto where = c.bound.set(limit) ? "set at " + c.report.refer(c.bound.at(limit), at)
                                          : std::string{"the default"};
    c.report.error(at, "prepend-max",
                   fmt::format("prepend {} is more than '{}' accepts", stance.prepend, name),
                   {fmt::format("its prepend_max is {} ({})", upstream.prepend_max, where)});
    return;
  }
}

void check_ladder(const Checked& c) {
  const auto& rungs = c.config.policy.carrier_bad;
  if (!c.bound.good("policy.carrier_bad")) return;
  const bool ladder = c.config.policy.kind == Policy::Kind::ladder;
  if (ladder && rungs.empty() && c.config.mode != Mode::observe) {
    c.report.warning(c.bound.at("policy"), "policy-empty",
                     fmt::format("mode {} without a rung in policy.carrier_bad never changes "
                                 "anything",
                                 to_string(c.config.mode)));
  }
  for (std::size_t i = 0; i < rungs.size(); ++i) {
    check_count(c, i);
    if (i > 0 && rungs[i].stance <= rungs[i - 1].stance) {
      c.report.error(c.bound.at(rung_path(i) + ".do"), "ladder-order",
                     fmt::format("'{}' does not repel more than the rung before it ('{}')",
                                 to_string(rungs[i].stance), to_string(rungs[i - 1].stance)),
                     {"rungs go from the least to the most: prepend 1, 2, ..., drain, withdraw"});
    }
    const auto enough = c.config.evidence.window / 4;
    if (!c.bound.good("evidence.window") || rungs[i].settle >= enough) continue;
    c.report.warning(
        c.bound.at(rung_path(i) + ".settle"), "settle-short",
        fmt::format("{} is too short to see what the rung did", print_duration(rungs[i].settle)),
        {fmt::format("a quarter of evidence.window ({}) is the least", print_duration(enough))});
  }
}

/// Policy prefer where an upstream leads to several carriers and knows no way to tell them apart.
void check_prefer(const Checked& c) {
  if (c.config.policy.kind != Policy::Kind::prefer || !c.bound.good("upstreams")) return;
  for (const auto& [name, upstream] : c.config.upstreams) {
    std::vector<std::string> without;
    for (const auto& carrier : upstream.carries) {
      if (levers(upstream, carrier).empty()) without.push_back(carrier);
    }
    if (without.empty() || upstream.carries.size() < 2) continue;
    c.report.warning(
        c.bound.at("upstreams." + name), "prefer-together",
        fmt::format("no tested community of '{}' toward {}", name, join(without, ", ")),
        {"users of all its carriers move together then, by prepending; see communities"});
  }
}

void check_min_nodes(const Checked& c) {
  const auto nodes = static_cast<int>(c.config.nodes.size());
  if (!c.bound.good("nodes") || !c.bound.good("guards.min_nodes")) return;
  if (c.config.guards.min_nodes < nodes) return;
  const auto at = c.bound.at("guards.min_nodes");
  const auto text = std::string{"no node could ever be withdrawn"};
  if (nodes > 1) {
    c.report.error(at, "guard-deadlock", text,
                   {fmt::format("the fleet has {} nodes, so min_nodes {} refuses every withdraw; "
                                "use {} or less",
                                nodes, c.config.guards.min_nodes, nodes - 1)});
  } else {
    c.report.warning(at, "guard-deadlock", text, {"the fleet has one node: it is the last one"});
  }
}

void check_min_paths(const Checked& c) {
  if (!c.bound.good("guards.min_paths_per_carrier") || !c.bound.good("nodes")) return;
  if (!c.bound.good("upstreams") || !c.bound.good("carriers")) return;
  const auto least = c.config.guards.min_paths_per_carrier;
  for (const auto& carrier : c.config.carriers) {
    int paths = 0;
    for (const auto& [name, node] : c.config.nodes) {
      for (const auto& [upstream, session] : node.sessions) {
        const auto known = c.config.upstreams.find(upstream);
        if (known == c.config.upstreams.end()) continue;
        paths += static_cast<int>(std::ranges::count(known->second.carries, carrier));
      }
    }
    if (paths == 0 || least < paths) continue;
    const auto at = c.bound.at("guards.min_paths_per_carrier");
    const auto text = fmt::format("no path of '{}' could ever be withdrawn", carrier);
    if (paths > 1) {
      c.report.error(
          at, "guard-deadlock", text,
          {fmt::format("it has {} (node, upstream) paths; use {} or less", paths, paths - 1)});
    } else {
      c.report.warning(at, "guard-deadlock", text, {"it has one path: that is the last one"});
    }
  }
}

void check_anchors(const Checked& c) {
  const auto& g = c.config.guards;
  if (!c.bound.good("guards.anchors") || !c.bound.good("nodes")) return;
  const auto is_anchor = [&](const auto& node) { return c.config.is_anchor(node.first); };
  if (g.anchors.empty() || !std::ranges::all_of(c.config.nodes, is_anchor)) return;
  c.report.warning(c.bound.at("guards.anchors"), "guard-deadlock",
                   "every node is an anchor, so automation never withdraws anything",
                   {"one or two anchors hold the floor"});
}

void check_confirm(const Checked& c) {
  const auto& g = c.config.guards;
  if (!c.bound.good("guards.confirm") || !c.bound.good("guards.hold_after_change")) return;
  if (g.confirm <= g.hold_after_change) return;
  c.report.error(
      c.bound.at(c.bound.set("guards.confirm") ? "guards.confirm" : "guards.hold_after_change"),
      "confirm-long",
      fmt::format("confirm ({}) must not be longer than hold_after_change ({})",
                  print_duration(g.confirm), print_duration(g.hold_after_change)),
      {"the next change would come while the last one is still on probation"});
}

/// The smallest suppress threshold that is still a vendor's default (Cisco; RFC 7196 table 1).
constexpr int kSmallestThreshold = 2'000;

void check_damping(const Checked& c) {
  const auto& d = c.config.guards.damping;
  if (!c.bound.good("guards.damping")) return;
  const auto at = [&](const char* key) {
    const auto path = std::string{"guards.damping."} + key;
    return c.bound.at(c.bound.set(path) ? path : "guards.damping");
  };
  if (d.ceiling < d.normal) {
    c.report.error(at("ceiling"), "damping-order",
                   fmt::format("ceiling ({}) is less than normal ({})", d.ceiling, d.normal),
                   {"the ceiling is normal plus the reserve for emergencies"});
  } else if (d.ceiling >= kSmallestThreshold) {
    c.report.warning(at("ceiling"), "damping-high",
                     fmt::format("routers that damp at {} may suppress the prefix for an hour",
                                 kSmallestThreshold),
                     {"1500 leaves room for the updates that path exploration adds"});
  }
  if (d.normal < 1'000) {
    c.report.warning(at("normal"), "damping-low",
                     "automation never withdraws outside an emergency: that costs 1000");
  }
}

void check_pause(const Checked& c, const Pause& pause, const std::string& path) {
  if (!c.bound.good(path) || pause.after <= pause.most) return;
  c.report.error(c.bound.at(c.bound.set(path + ".most") ? path + ".most" : path), "pause-order",
                 fmt::format("most ({}) is less than after ({})", print_duration(pause.most),
                             print_duration(pause.after)));
}

}  // namespace

void check_policy(const Checked& c) {
  check_ladder(c);
  check_prefer(c);
  check_min_nodes(c);
  check_min_paths(c);
  check_anchors(c);
  check_confirm(c);
  check_damping(c);
  check_pause(c, c.config.guards.reannounce, "guards.reannounce");
  check_pause(c, c.config.guards.reversal, "guards.reversal");
  check_pause(c, c.config.policy.prefer.hold, "policy.prefer.hold");
  check_pause(c, c.config.guards.effect.back_off, "guards.effect.back_off");
}

}  // namespace anycast::config
