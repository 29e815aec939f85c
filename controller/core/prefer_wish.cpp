#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "controller/base/text.hpp"
#include "controller/core/effect.hpp"
#include "controller/core/felt.hpp"
#include "controller/core/prefer.hpp"
#include "controller/core/rank.hpp"
#include "controller/core/score.hpp"

namespace anycast::core {
namespace {

constexpr int kPrependMost = 3;
constexpr Duration kPatience = minutes{5};

/// One carrier of the session: its plan, where this path stands in it, and what is wanted.
struct Part {
  const CarrierPlan* plan = nullptr;
  const Ranked* me = nullptr;
  const Ranked* primary = nullptr;
  std::vector<Ask> levers = {};
  bool confirmed = false;  ///< surely worse than the primary for long enough
};

/// What the other paths of a carrier offer: their lowest level, and the worst score there.
struct Others {
  int level = kSilent;
  std::optional<Duration> score = {};
};

class Wisher {
 public:
  Wisher(const Context& context, const SessionKey& place, const Stance& now)
      : context_{context},
        limits_{context.config.policy.prefer},
        place_{place},
        upstream_{context.config.upstreams.at(place.upstream)},
        now_{now} {
    for (const auto& carrier : upstream_.carries) parts_[carrier] = part(carrier);
  }

  std::optional<Wish> run() {
    Wish out;
    out.to = target(prepends());
    for (const auto& [carrier, part] : parts_) explain(carrier, part, out);
    // What nobody's users hang on waits for a step that moves some.
    if (out.carriers.empty() || out.to == now_) return std::nullopt;
    return out;
  }

 private:
  Part part(const std::string& carrier) const {
    Part out{.levers = usable(carrier)};
    const auto plan = std::ranges::find(*context_.carriers, carrier, &CarrierPlan::carrier);
    if (plan == context_.carriers->end()) return out;
    out.plan = &*plan;
    out.me = find_ranked(context_, *plan, place_);
    out.primary = with_role(*plan, Role::primary);
    const bool worse = out.me != nullptr && out.me->worse_since;
    if (!worse || out.primary == nullptr || out.me == out.primary) return out;
    const auto& path = context_.paths[out.me->path];
    const bool urgent = losing_now(limits_, path);
    const auto lasted = context_.seen.evidence.value->at - *out.me->worse_since;
    const bool lasts = lasted >= limits_.confirm &&
                       still_worse(path, out.me->extra, out.primary->score.high) &&
                       !better_off(carrier, *out.primary);
    out.confirmed = urgent || lasts;
    return out;
  }

  /// Users who have it better by their own pings than the primary would give them: what is wrong
  /// with this path is over, or they are not on it.
  bool better_off(const std::string& carrier, const Ranked& primary) const {
    const auto now = felt(context_.config, context_.seen, carrier).fast;
    return now && score(*now) < primary.score.low - primary.extra;
  }

  /// Of this node's own levers those that had no effect lately do not count.
  std::vector<Ask> usable(const std::string& carrier) const {
    auto out = levers(upstream_, carrier);
    if (place_.node != context_.config.self) return out;
    std::erase_if(out, [&](const Ask& ask) {
      const auto found = context_.state.learned.lessons.find(
          lesson_key(place_.upstream, {.asks = {{carrier, ask}}}, carrier));
      return found != context_.state.learned.lessons.end() &&
             found->second.effect == Effect::none && context_.seen.now < found->second.until;
    });
    return out;
  }

  Others others(const Part& part) const {
    Others out;
    for (const auto& one : part.plan->ranked) {
      if (&one == part.me || one.level == kSilent || one.level > out.level) continue;
      if (one.level < out.level) out = {.level = one.level};
      if (one.role != Role::unranked)
        out.score = std::max(out.score.value_or(one.score.value), one.score.value);
    }
    return out;
  }

  /// Whether the path can be made less attractive than `level` for the carrier alone.
  bool can_rise(const Ranked& one, const std::string& carrier, int level) const {
    const auto& key = context_.paths[one.path].key;
    const auto asks = levers(context_.config.upstreams.at(key.upstream), carrier);
    return std::ranges::any_of(asks, [&](const Ask& ask) {
      return handicap({.asks = {{carrier, ask}}}, carrier) > level;
    });
  }

  // 4.8
  bool attracts(const std::string& carrier, const Part& part) const {
    const int level = handicap(now_, carrier);
    if (part.me == nullptr || part.me != part.primary || level == 0) return false;
    return std::ranges::any_of(part.plan->ranked, [&](const Ranked& one) {
      if (&one == part.me || one.level > level || !one.worse_since) return false;
      // Whoever can be asked to step aside costs one update instead of two, if he does it.
      const auto moved = context_.state.choices.at(carrier).since;
      const bool late = context_.seen.evidence.value->at - moved >= kPatience;
      return late || !can_rise(one, carrier, level);
    });
  }

  // 4.9
  bool repels(const std::string& carrier, const Part& part) const {
    if (part.me == nullptr || !part.confirmed) return false;
    return handicap(now_, carrier) <= part.primary->level;
  }

  /// The ask that puts the carrier's level beyond `over` on top of `base`.
  static std::optional<Ask> beyond(const Part& part, const std::string& carrier, const Stance& base,
                                   int over) {
    std::optional<Ask> out;
    for (const auto& ask : part.levers) {
      auto with = base;
      with.asks = {{carrier, ask}};
      if (handicap(with, carrier) <= over) continue;
      out = ask;
      if (part.me->role == Role::secondary) break;
    }
    return out;
  }

  /// The stance with so many prepends of ours: each carrier as its rule wants, the others as they
  /// are.
  Stance target(int prepend) const {
    Stance out{.kind = prepend > 0 ? Stance::Kind::prepend : Stance::Kind::announce,
               .prepend = prepend};
    const Stance base = out;
    for (const auto& [carrier, part] : parts_) {
      const auto asked = now_.asks.find(carrier);
      std::optional<Ask> ask;
      if (asked != now_.asks.end()) ask = asked->second;
      if (part.me != nullptr && part.primary != nullptr) {
        const bool aside = handicap(now_, carrier) > part.primary->level;
        if (attracts(carrier, part)) {
          ask.reset();
        } else if (part.me != part.primary && (aside || repels(carrier, part))) {
          if (const auto better = beyond(part, carrier, base, part.primary->level)) ask = better;
        }
      }
      if (ask) out.asks[carrier] = *ask;
    }
    return out;
  }

  bool comes(const std::string& carrier, const Stance& to, int others) const {
    const int before = handicap(now_, carrier);
    const int after = handicap(to, carrier);
    return (before > others && after <= others) || (before == others && after < others);
  }

  /// Ours are not needed where every carrier can be asked for, but stay as long as the session
  /// would draw others' users without them.
  int prepends() const {
    const bool selective =
        std::ranges::none_of(parts_, [](const auto& part) { return part.second.levers.empty(); });
    if (!selective) return together();
    if (now_.prepend == 0) return 0;
    const auto without = target(0);
    const bool draws = std::ranges::any_of(parts_, [&](const auto& entry) {
      const auto& [carrier, part] = entry;
      return part.me != nullptr && part.me != part.primary &&
             comes(carrier, without, others(part).level);
    });
    return draws ? now_.prepend : 0;
  }

  // 4.10
  int together() const {
    int best = now_.prepend;
    Duration most{0};
    for (int n = 0; n <= std::min(kPrependMost, upstream_.prepend_max); ++n) {
      const auto gained = gain(n);
      if (gained <= most) continue;
      most = gained;
      best = n;
    }
    return best;
  }

  /// What all carriers together gain by another number of prepends, less the margin; nothing where
  /// one would go that is not surely better off.
  Duration gain(int prepend) const {
    Duration sum{0};
    Ppm moved = 0;
    const auto with = target(prepend);
    for (const auto& [carrier, part] : parts_) {
      if (part.me == nullptr || part.me->role == Role::unranked || part.primary == nullptr)
        continue;
      const auto left = others(part);
      const int before = handicap(now_, carrier);
      const int after = handicap(with, carrier);
      const bool goes = before <= left.level && after > left.level;
      const bool come = comes(carrier, with, left.level);
      if ((!goes && !come) || !left.score) continue;
      const auto share = weight(context_.config, carrier);
      const auto change =
          goes ? part.me->score.value - *left.score : *left.score - part.me->score.value;
      if (goes && change > Duration{0} && !part.confirmed) return Duration{0};
      if (come && change > Duration{0} && part.me != part.primary) return Duration{0};
      sum += change * share / kAll;
      moved += share;
    }
    return sum - limits_.margin * moved / kAll;
  }

  void explain(const std::string& carrier, const Part& part, Wish& out) const {
    if (part.me == nullptr || part.primary == nullptr) return;
    const int before = handicap(now_, carrier);
    const int after = handicap(out.to, carrier);
    const auto left = others(part);
    const bool goes = before <= left.level && after > left.level;
    if (!goes && !comes(carrier, out.to, left.level)) return;
    out.carriers.push_back(carrier);
    out.repels = out.repels || goes;
    const auto& better = goes ? *part.primary : *part.me;
    const auto worse = goes ? part.me->score.value : left.score.value_or(better.score.value);
    out.gain += (worse - better.score.value) * weight(context_.config, carrier) / kAll;
    if (!out.why.empty()) out.why += "; ";
    const auto& key = context_.paths[better.path].key;
    if (goes) {
      out.why += fmt::format("{} is to use {} {}, {} (up to {}) against {} (at least {}) here",
                             carrier, key.node, key.upstream, format_ms(better.score.value),
                             format_ms(better.score.high), format_ms(part.me->score.value),
                             format_ms(part.me->score.low));
    } else {
      out.why += fmt::format("{} is to come here, {} against {}", carrier,
                             format_ms(better.score.value), format_ms(worse));
    }
  }

  const Context& context_;
  const Prefer& limits_;
  const SessionKey& place_;
  const Upstream& upstream_;
  const Stance& now_;
  std::map<std::string, Part> parts_ = {};
};

/// Whether 4.8 or 4.9 could have anything to say about a path of that level.
bool stirs(const CarrierPlan& plan, const Ranked& me, int level) {
  if (me.role == Role::primary) return level > 0;
  if (!me.worse_since) return false;
  const auto* primary = with_role(plan, Role::primary);
  return primary != nullptr && level <= primary->level;
}

/// By path: whether its session could want a step. On most cycles few could.
std::vector<bool> stirring(const Context& context) {
  std::vector<bool> out(context.paths.size());
  for (const auto& plan : *context.carriers) {
    for (const auto& one : plan.ranked) out[one.path] = stirs(plan, one, one.level);
  }
  return out;
}

/// Whether the session could want a step.
bool stirs(const Context& context, const SessionKey& place, const Stance& now) {
  const auto& carries = context.config.upstreams.at(place.upstream).carries;
  return std::ranges::any_of(carries, [&](const std::string& carrier) {
    const auto plan = std::ranges::find(*context.carriers, carrier, &CarrierPlan::carrier);
    if (plan == context.carriers->end()) return false;
    const auto* me = find_ranked(context, *plan, place);
    return me != nullptr && stirs(*plan, *me, handicap(now, carrier));
  });
}

}  // namespace

std::optional<Wish> wish(const Context& context, const SessionKey& place, const Stance& now) {
  const bool ours = now.kind == Stance::Kind::announce || now.kind == Stance::Kind::prepend;
  if (context.carriers == nullptr || !context.seen.evidence.value || context.blind || !ours)
    return std::nullopt;
  if (!stirs(context, place, now)) return std::nullopt;
  return Wisher{context, place, now}.run();
}

Stance beside(const Context& context, const SessionKey& place) {
  Stance out{};
  if (context.carriers == nullptr) return out;
  const auto& upstream = context.config.upstreams.at(place.upstream);
  for (const auto& carrier : upstream.carries) {
    const auto choice = context.state.choices.find(carrier);
    const bool known = choice != context.state.choices.end() && choice->second.primary;
    const auto asks = levers(upstream, carrier);
    if (known && *choice->second.primary != place && !asks.empty()) out.asks[carrier] = asks.back();
  }
  return out;
}

std::vector<std::string> wishing_nodes(const Context& context) {
  std::vector<std::string> out;
  if (context.carriers == nullptr) return out;
  const auto stirred = stirring(context);
  const PathKey* last = nullptr;
  for (std::size_t i = 0; i < context.paths.size(); ++i) {
    const auto& key = context.paths[i].key;
    // What this node says may have moved along since its paths were ranked.
    if (!stirred[i] && key.node != context.config.self) continue;
    if (!out.empty() && out.back() == key.node) continue;
    if (last != nullptr && last->node == key.node && last->upstream == key.upstream) continue;
    last = &key;
    const auto* stance = in_force(context, key.node, key.upstream);
    if (stance != nullptr && wish(context, {key.node, key.upstream}, *stance))
      out.push_back(key.node);
  }
  return out;
}

}  // namespace anycast::core
