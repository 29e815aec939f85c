#include "controller/core/effect.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/core/estimate.hpp"
#include "controller/core/felt.hpp"
#include "controller/core/readings.hpp"

namespace anycast::core {
namespace {

/// Window in which a second prediction that fails by much freezes the node.
constexpr Duration kTwice = hours{2};
constexpr std::size_t kFarOff = 2;

/// One aim against what came: the change of the users' score less that of the others.
struct Measured {
  std::string carrier;
  Aim aim;
  Bounded<Duration> change = {};
  Duration now = {};                    ///< score
  std::optional<Duration> stayed = {};  ///< score now of the path that they were to leave
};

struct Comparison {
  std::vector<Measured> aims;
  Duration others = {};  ///< mean change of what was not touched
  std::vector<std::string> names;
};

/// What the users of the carrier would meet had they stayed on a path that the step made less
/// attractive for them: it is measured whether anybody is on it or not.
std::optional<Duration> stayed(const Config& config, const Seen& seen, const PathKey& path,
                               Estimate ProbeReading::*window) {
  if (!seen.evidence.value) return std::nullopt;
  std::vector<const Estimate*> regions;
  const auto probes =
      probes_for(probes_of(*seen.evidence.value, path.node), path.upstream, path.carrier);
  for (const auto& region : config.regions) {
    const auto* probe = probes.of(region);
    if (probe != nullptr && (probe->*window).sent > 0) regions.push_back(&(probe->*window));
  }
  if (regions.empty()) return std::nullopt;
  return score(users(pool(regions)));
}

/// The last look is at the whole window, the early one at the fast one.
enum class When { early, last };

std::optional<Comparison> compare(const Config& config, const Seen& seen,
                                  const Prediction& prediction, const std::string& upstream,
                                  When when) {
  const auto window = when == When::last ? &Felt::main : &Felt::fast;
  const auto probe_window = when == When::last ? &ProbeReading::main : &ProbeReading::fast;
  Comparison out;
  for (const auto& [carrier, then] : prediction.controls) {
    const auto now = felt(config, seen, carrier).*window;
    if (!now) continue;
    out.others += score(*now) - then;
    out.names.push_back(carrier);
  }
  if (out.names.empty()) return std::nullopt;
  out.others /= static_cast<std::int64_t>(out.names.size());
  for (const auto& [carrier, aim] : prediction.aims) {
    const auto now = felt(config, seen, carrier).*window;
    if (!now && aim.meant) return std::nullopt;
    if (!now) continue;
    auto moved = change(aim.before, *now);
    // In a minute of pings a few losses come in a row by chance: it has to prove twice as much, an
    // outage or another RTT, and leaves some per cent of loss to the last look.
    if (when == When::early) moved.low -= moved.value - moved.low;
    out.aims.push_back({.carrier = carrier,
                        .aim = aim,
                        .change = {.value = moved.value - out.others,
                                   .low = moved.low - out.others,
                                   .high = moved.high - out.others},
                        .now = score(*now)});
    if (handicap(prediction.to, carrier) <= handicap(prediction.from, carrier)) continue;
    out.aims.back().stayed = stayed(config, seen, {config.self, upstream, carrier}, probe_window);
  }
  return out;
}

/// Nothing was to be gained for these users: they were well, on another path. Now they feel what
/// this one is like: a step that was to send users away drew them onto it.
bool drawn(const EffectGuard& limits, const Measured& m, Duration most) {
  if (!m.aim.meant || m.aim.expected < -limits.harm || !m.stayed) return false;
  return std::chrono::abs(m.now - *m.stayed) <= std::max(most, *m.stayed / 5);
}

bool harmed(const EffectGuard& limits, const Measured& m) {
  const auto most =
      std::max(limits.harm, Duration{score(m.aim.before).count() * limits.harm_share / kAll});
  if (m.change.value <= most || m.change.low <= Duration{0}) return false;
  // Others who fare better for reasons of their own are no harm done to these.
  if (m.now <= score(m.aim.before) + most) return false;
  if (drawn(limits, m, most)) return true;
  // Worse than before, but not by the step: the path that they left is as bad by now, or it has
  // become well again since, which a return has to wait for like any other.
  if (m.stayed && m.now <= *m.stayed + most) return false;
  return !m.stayed || *m.stayed >= score(m.aim.before) - most;
}

Effect judged(const EffectGuard& limits, const Comparison& comparison) {
  if (std::ranges::any_of(comparison.aims, [&](const Measured& m) { return harmed(limits, m); }))
    return Effect::harmful;
  bool all = true;
  bool none = true;
  bool any = false;
  for (const auto& m : comparison.aims) {
    // Where nothing was to be gained nothing can be missing.
    if (!m.aim.meant || m.aim.expected > -limits.harm) continue;
    const Duration enough{m.aim.expected.count() * limits.enough / kAll};
    any = true;
    all = all && m.change.value <= enough && m.change.high < Duration{0};
    none = none && m.change.low > enough;
  }
  if (!any) return Effect::unclear;
  return all ? Effect::sufficient : none ? Effect::none : Effect::unclear;
}

bool far_off(const EffectGuard& limits, const Comparison& comparison) {
  return std::ranges::any_of(comparison.aims, [&](const Measured& m) {
    return m.aim.meant && m.change.low > m.aim.expected + limits.far_off;
  });
}

/// "mobile predicted -120ms, measured -114ms (telecom, unicom meanwhile +1ms)".
std::string words(const Comparison& comparison) {
  std::vector<std::string> parts;
  for (const auto& m : comparison.aims) {
    if (m.aim.meant) {
      parts.push_back(fmt::format("{} predicted {}, measured {}", m.carrier,
                                  signed_ms(m.aim.expected), signed_ms(m.change.value)));
    } else {
      parts.push_back(fmt::format("{} measured {}", m.carrier, signed_ms(m.change.value)));
    }
  }
  return fmt::format("{} ({} meanwhile {})", join(parts, "; "), join(comparison.names, ", "),
                     signed_ms(comparison.others));
}

std::string consequence(Effect effect) {
  switch (effect) {
    case Effect::harmful: return "taken back and backed off";
    case Effect::none: return "it stays, but counts as ineffective";
    case Effect::sufficient: return "it stays, and suffices";
    case Effect::unmeasured:
    case Effect::unclear:
    case Effect::open: return "nothing is concluded";
  }
  return {};
}

/// The carriers that a lesson is about.
std::vector<std::string> concerned(const EffectGuard& limits, const Comparison& comparison,
                                   Effect effect) {
  std::vector<std::string> out;
  for (const auto& m : comparison.aims) {
    if (m.aim.meant || (effect == Effect::harmful && harmed(limits, m))) out.push_back(m.carrier);
  }
  return out;
}

class Teacher {
 public:
  Teacher(const Config& config, const Seen& seen, State& state, std::vector<Event>& events)
      : config_{config},
        limits_{config.guards.effect},
        seen_{seen},
        state_{state},
        events_{events} {}

  void forget() {
    auto& learned = state_.learned;
    std::erase_if(learned.far_off, [&](Time t) { return seen_.now - t > kTwice; });
    // A row of harmful ones is remembered for a day beyond its end, to double the next pause.
    std::erase_if(learned.lessons,
                  [&](const auto& entry) { return seen_.now > entry.second.until + hours{24}; });
    std::erase_if(learned.findings,
                  [&](const auto& entry) { return !state_.sessions.contains(entry.first); });
  }

  /// True once the prediction has been answered.
  bool look(const std::string& upstream, Prediction& prediction) {
    const auto session = state_.sessions.find(upstream);
    if (session == state_.sessions.end()) return true;
    if (session->second.decision != prediction.decision) {
      close(upstream, prediction, Effect::unmeasured, "another step followed");
      return true;
    }
    const auto elapsed = seen_.now - prediction.at;
    const bool last = elapsed >= late_look(config_);
    if (!last && (prediction.looked || elapsed < early_look(config_))) return false;
    prediction.looked = true;
    const auto comparison =
        compare(config_, seen_, prediction, upstream, last ? When::last : When::early);
    if (!comparison) {
      if (last) close(upstream, prediction, Effect::unmeasured, "no evidence of the users");
      return last;
    }
    const auto effect = judged(limits_, *comparison);
    if (!last && effect == Effect::unclear) return false;
    learn(upstream, prediction, *comparison, effect);
    close(upstream, prediction, effect, words(*comparison));
    return true;
  }

 private:
  void learn(const std::string& upstream, const Prediction& prediction,
             const Comparison& comparison, Effect effect) {
    if (far_off(limits_, comparison)) state_.learned.far_off.push_back(seen_.now);
    if (effect == Effect::unclear) return;
    for (const auto& carrier : concerned(limits_, comparison, effect)) {
      auto& lesson = state_.learned.lessons[lesson_key(upstream, prediction.to, carrier)];
      // With policy prefer one failure may be another's doing: twice in a row it is the path's.
      const bool counts = effect == Effect::harmful ||
                          (effect == Effect::none && config_.policy.kind == Policy::Kind::prefer);
      const int times = counts ? (lesson.effect == effect ? lesson.times : 0) + 1 : 0;
      auto span = limits_.ineffective;
      if (effect == Effect::none && times == 1) span = std::min(span, limits_.back_off.after);
      if (effect == Effect::harmful) {
        span = limits_.back_off.after;
        for (int i = 1; i < times && span < limits_.back_off.most; ++i) span *= 2;
        span = std::min(span, limits_.back_off.most);
      }
      lesson = {.effect = effect,
                .at = seen_.now,
                .until = seen_.now + span,
                .times = times,
                .text = words(comparison)};
    }
  }

  void close(const std::string& upstream, const Prediction& prediction, Effect effect,
             const std::string& text) {
    state_.learned.findings[upstream] = {.effect = effect,
                                         .at = seen_.now,
                                         .decision = prediction.decision,
                                         .back = prediction.from,
                                         .rung = prediction.rung,
                                         .text = fmt::format("{}: {}", to_string(effect), text)};
    const bool loud = effect == Effect::harmful || effect == Effect::none;
    events_.push_back(
        {.kind = "effect",
         .priority = loud ? 4 : 6,
         .text = fmt::format("{} on {} at {} was {}: {}; next: {} [#{}]", state_word(prediction.to),
                             upstream, config_.self, to_string(effect), text, consequence(effect),
                             prediction.decision),
         .upstream = upstream,
         .node = config_.self,
         .from = to_string(prediction.from),
         .to = to_string(effect),
         .decision = prediction.decision});
  }

  const Config& config_;
  const EffectGuard& limits_;
  const Seen& seen_;
  State& state_;
  std::vector<Event>& events_;
};

/// Predictions that fail by much, twice in a short time: the model of the world is wrong.
void freeze_if_diverged(const Config& config, const Seen& seen, State& state,
                        std::vector<Event>& events) {
  auto& learned = state.learned;
  const auto until = seen.now + config.guards.effect.clean;
  const bool ours = state.freeze && state.freeze->actor == kEngine;
  // The hour has to be a clean one: what cannot be seen is not.
  if (ours && !seen.evidence.value) state.freeze->until = until;
  if (learned.far_off.size() < kFarOff || (state.freeze && !ours)) return;
  learned.far_off.clear();
  if (ours) {
    state.freeze->until = until;
    return;
  }
  state.freeze = Standing{.since = seen.now,
                          .until = until,
                          .reason = "divergence: two predictions were far off within 2h",
                          .actor = kEngine};
  events.push_back(
      {.kind = "frozen",
       .priority = 3,
       .text = fmt::format("frozen: two predictions were far off within 2h; next: acts "
                           "again at {} or after anycastctl unfreeze",
                           format_clock(until)),
       .node = config.self});
}

}  // namespace

void measure(const Config& config, const Seen& seen, State& state, std::vector<Event>& events) {
  Teacher teacher{config, seen, state, events};
  auto& open = state.learned.open;
  for (auto entry = open.begin(); entry != open.end();)
    entry = teacher.look(entry->first, entry->second) ? open.erase(entry) : std::next(entry);
  teacher.forget();
  freeze_if_diverged(config, seen, state, events);
}

}  // namespace anycast::core
