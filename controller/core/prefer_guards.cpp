#include "controller/core/prefer_guards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "controller/base/text.hpp"
#include "controller/core/prefer.hpp"
#include "controller/core/rank.hpp"

namespace anycast::core {
namespace {

const CarrierPlan* plan_of(const Context& context, const std::string& carrier) {
  if (context.carriers == nullptr) return nullptr;
  const auto found = std::ranges::find(*context.carriers, carrier, &CarrierPlan::carrier);
  return found == context.carriers->end() ? nullptr : &*found;
}

/// The nodes that still announce, each with what it can serve of all users.
Ppm capacity_of(const Context& context, const Announcers& announcers) {
  std::set<std::string> nodes;
  for (const auto& [node, upstream] : announcers) nodes.insert(node);
  Ppm sum = 0;
  for (const auto& node : nodes) sum += context.config.nodes.at(node).capacity.value_or(kAll);
  return sum;
}

bool limited(const Config& config) {
  return std::ranges::any_of(config.nodes,
                             [](const auto& node) { return node.second.capacity.has_value(); });
}

Word capacity_that_stays(const Context& context, const Step& step) {
  auto left = context.announcing;
  left.erase({context.config.self, step.upstream});
  const auto before = capacity_of(context, context.announcing);
  const auto after = capacity_of(context, left);
  return decide(after >= kAll || after == before, "capacity",
                fmt::format("nodes that announce can serve {} -> {} of all users",
                            format_share(before), format_share(after)),
                "nodes");
}

}  // namespace

Word preferred_destination(const Context& context, const Step& step) {
  std::vector<std::string> parts;
  for (const auto& carrier : step.carriers) {
    if (handicap(step.to, carrier) <= handicap(step.from, carrier)) continue;
    const auto* plan = plan_of(context, carrier);
    const auto* primary = plan == nullptr ? nullptr : with_role(*plan, Role::primary);
    if (primary == nullptr) {
      return refuse("destination",
                    fmt::format("no announced path of {} is known to be the best", carrier));
    }
    const SessionKey here{context.config.self, step.upstream};
    const auto* me = find_ranked(context, *plan, here);
    const auto there = to_string(session_of(context, *primary));
    if (primary->level >= handicap(step.to, carrier)) {
      return refuse("destination",
                    fmt::format("{} is not announced more attractively to {} yet", there, carrier));
    }
    if (me == nullptr || primary->score.high >= me->score.low) {
      return refuse("destination",
                    fmt::format("{} is not proven to be better for {}", there, carrier));
    }
    parts.push_back(
        fmt::format("{} has {}, {} at most", carrier, there, format_ms(primary->score.high)));
  }
  return pass("destination", parts.empty() ? "nobody is sent away" : join(parts, "; "));
}

Word capacity(const Context& context, const Step& step) {
  // A dead node serves nobody: what it could serve is no loss.
  if (!automatic(step) || own_death(step) || !limited(context.config)) return std::nullopt;
  if (removes(step)) return capacity_that_stays(context, step);
  const bool steers = step.cause == Cause::carrier || step.cause == Cause::restore;
  if (!steers || context.carriers == nullptr) return std::nullopt;
  const auto users = loads(context.config, context.state.choices);
  std::vector<std::string> parts;
  bool enough = true;
  for (const auto& carrier : step.carriers) {
    const auto choice = context.state.choices.find(carrier);
    if (choice == context.state.choices.end() || !choice->second.primary) continue;
    const auto& node = choice->second.primary->node;
    const auto& most = context.config.nodes.at(node).capacity;
    if (!most) continue;
    const auto load = users.at(node);
    enough = enough && load <= *most;
    const auto part = fmt::format("{} is to serve {} of all users, can {}", node,
                                  format_share(load), format_share(*most));
    if (std::ranges::find(parts, part) == parts.end()) parts.push_back(part);
  }
  if (parts.empty()) return std::nullopt;
  return decide(enough, "capacity", join(parts, "; "), "nodes");
}

Word preferred_turn(const Context& context, const Step& step) {
  const bool steers = step.cause == Cause::carrier || step.cause == Cause::restore;
  if (!steers || context.carriers == nullptr) return std::nullopt;
  std::set<std::string> nodes{context.config.self};
  for (auto& node : wishing_nodes(context)) nodes.insert(std::move(node));
  if (nodes.size() < 2) return std::nullopt;
  const auto mine = std::distance(nodes.begin(), nodes.find(context.config.self));
  const auto length = context.config.guards.turn.count();
  const auto round = length * static_cast<std::int64_t>(nodes.size());
  const auto now = context.seen.now.time_since_epoch().count();
  const auto begins = now - now % round + mine * length;
  const bool is = now >= begins && now < begins + length / 2;
  const auto next = Time{Duration{now < begins ? begins : begins + round}};
  return decide(is, "turn",
                is ? fmt::format("it is this node's turn of {} that want a step", nodes.size())
                   : fmt::format("turn {} of {} that want a step comes at {}", mine + 1,
                                 nodes.size(), format_clock(next)),
                "guards.turn", next);
}

}  // namespace anycast::core
