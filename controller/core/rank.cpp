#include "controller/core/rank.hpp"

#include <algorithm>
#include <tuple>

#include "controller/core/score.hpp"

namespace anycast::core {
namespace {

/// What a node's capacity makes of its users.
class Loads {
 public:
  explicit Loads(const Context& context)
      : config_{context.config}, choices_{context.state.choices} {
    any_ = std::ranges::any_of(config_.nodes,
                               [](const auto& node) { return node.second.capacity.has_value(); });
    if (any_) by_node_ = loads(config_, choices_);
  }

  /// The term for the node, were the carrier's users there.
  Duration term(const std::string& node, const std::string& carrier) const {
    if (!any_) return {};
    const auto& capacity = config_.nodes.at(node).capacity;
    if (!capacity || *capacity == 0) return {};
    const auto known = by_node_.find(node);
    auto users = known == by_node_.end() ? Ppm{0} : known->second;
    const auto choice = choices_.find(carrier);
    const bool there =
        choice != choices_.end() && choice->second.primary && choice->second.primary->node == node;
    if (!there) users += weight(config_, carrier);
    return load_term(users * kAll / *capacity);
  }

 private:
  const Config& config_;
  const std::map<std::string, Choice>& choices_;
  bool any_ = false;
  std::map<std::string, Ppm> by_node_ = {};
};

Ranked ranked(const Context& context, const Loads& loads, std::size_t index, const Stance* stance) {
  const auto& path = context.paths[index];
  Ranked out{.path = index};
  if (stance != nullptr) out.level = handicap(*stance, path.key.carrier);
  if (!path.unknown_why.empty()) return out;
  out.score = score(path);
  out.extra = context.config.upstreams.at(path.key.upstream).cost +
              loads.term(path.key.node, path.key.carrier);
  out.score.value += out.extra;
  out.score.low += out.extra;
  out.score.high += out.extra;
  if (stance != nullptr) out.role = Role::backup;
  return out;
}

}  // namespace

const Stance* in_force(const Context& context, const std::string& node,
                       const std::string& upstream) {
  const auto& seen = context.seen;
  if (node == context.config.self) {
    const auto session = context.state.sessions.find(upstream);
    if (session == context.state.sessions.end() || !seen.router.value) return nullptr;
    const auto view = seen.router.value->sessions.find(upstream);
    const bool down = view != seen.router.value->sessions.end() && !view->second.up;
    return down || !session->second.stance.announces() ? nullptr : &session->second.stance;
  }
  if (!seen.fleet.value) return nullptr;
  const auto view = seen.fleet.value->find(node);
  if (view == seen.fleet.value->end()) return nullptr;
  const auto stance = view->second.stances.find(upstream);
  const bool silent = stance == view->second.stances.end() || !stance->second.announces();
  return silent ? nullptr : &stance->second;
}

std::map<std::string, Ppm> loads(const Config& config,
                                 const std::map<std::string, Choice>& choices) {
  std::map<std::string, Ppm> out;
  for (const auto& [carrier, choice] : choices) {
    if (choice.primary) out[choice.primary->node] += weight(config, carrier);
  }
  return out;
}

std::vector<CarrierPlan> rank(const Context& context) {
  std::vector<CarrierPlan> out;
  out.reserve(context.config.carriers.size());
  for (const auto& carrier : context.config.carriers) {
    out.push_back({.carrier = carrier});
    out.back().ranked.reserve(context.paths.size() / context.config.carriers.size() + 1);
  }
  const Loads loads{context};
  const PathKey* last = nullptr;
  const Stance* stance = nullptr;
  for (std::size_t i = 0; i < context.paths.size(); ++i) {
    const auto& key = context.paths[i].key;
    // The paths of a session are neighbours.
    if (last == nullptr || last->upstream != key.upstream || last->node != key.node)
      stance = in_force(context, key.node, key.upstream);
    last = &key;
    const auto plan = std::ranges::find(out, key.carrier, &CarrierPlan::carrier);
    plan->ranked.push_back(ranked(context, loads, i, stance));
  }
  for (auto& plan : out) {
    std::ranges::sort(plan.ranked, {}, [](const Ranked& r) {
      return std::tuple{r.role == Role::unranked, r.score.value, r.path};
    });
  }
  return out;
}

SessionKey session_of(const Context& context, const Ranked& ranked) {
  const auto& key = context.paths[ranked.path].key;
  return {key.node, key.upstream};
}

const Ranked* find_ranked(const Context& context, const CarrierPlan& plan,
                          const SessionKey& place) {
  const auto* path = context.path(place.node, place.upstream, plan.carrier);
  if (path == nullptr) return nullptr;
  const auto number = static_cast<std::size_t>(path - context.paths.data());
  const auto found = std::ranges::find(plan.ranked, number, &Ranked::path);
  return found == plan.ranked.end() ? nullptr : &*found;
}

const Ranked* with_role(const CarrierPlan& plan, Role role) {
  const auto found = std::ranges::find(plan.ranked, role, &Ranked::role);
  return found == plan.ranked.end() ? nullptr : &*found;
}

const Ranked* most_attractive(const CarrierPlan& plan) {
  const Ranked* best = nullptr;
  bool alone = false;
  for (const auto& one : plan.ranked) {
    if (one.level == kSilent) continue;
    alone = best == nullptr || one.level < best->level || (alone && one.level > best->level);
    if (best == nullptr || one.level < best->level) best = &one;
  }
  return alone ? best : nullptr;
}

}  // namespace anycast::core
