#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/core/choose.hpp"
#include "controller/core/damping.hpp"
#include "controller/core/effect.hpp"
#include "controller/core/estimate.hpp"
#include "controller/core/felt.hpp"
#include "controller/core/guard_words.hpp"
#include "controller/core/rank.hpp"

namespace anycast::core {
namespace {

constexpr const char* kKey = "guards.effect";

/// What the users of the carrier may expect of a step that moves them: with policy prefer the
/// primary, else the best other announced path that is proven good.
std::optional<Duration> best_elsewhere(const Context& context, const Step& step,
                                       const std::string& carrier) {
  if (context.carriers != nullptr) {
    const auto plan = std::ranges::find(*context.carriers, carrier, &CarrierPlan::carrier);
    const auto* primary =
        plan == context.carriers->end() ? nullptr : with_role(*plan, Role::primary);
    if (primary == nullptr) return std::nullopt;
    return primary->score.value - primary->extra;
  }
  if (!degrades(context.config, step)) return std::nullopt;
  std::optional<Duration> best;
  for (const auto& [node, upstream] : context.announcing) {
    const auto* path = context.path(node, upstream, carrier);
    const bool own = node == context.config.self && upstream == step.upstream;
    if (own || path == nullptr || !path->measured_clear) continue;
    const auto there = score(users(path->pooled));
    best = std::min(best.value_or(there), there);
  }
  return best;
}

/// By the values: what the users feel is under `bad` in RTT and under `clear` in loss.
bool well(const Context& context, const std::string& carrier) {
  const auto now = felt(context.config, context.seen, carrier);
  const auto& recent = now.main;
  if (!recent) return false;
  const auto& levels = context.config.thresholds.at(carrier);
  return recent->rtt_high < levels.rtt.bad &&
         loss_interval(recent->lost, recent->sent).value < levels.loss.clear;
}

/// By the bounds: over `bad` in RTT or in loss.
bool badly_off(const Context& context, const std::string& carrier) {
  const auto now = felt(context.config, context.seen, carrier);
  const auto& levels = context.config.thresholds.at(carrier);
  return now.fast && (now.fast->rtt_low > levels.rtt.bad ||
                      loss_interval(now.fast->lost, now.fast->sent).low > levels.loss.bad);
}

/// The rung's last step is measured later, and until then a climb would be made blindly.
Word measured_first(const Context& context, const Step& step) {
  const auto open = context.state.learned.open.find(step.upstream);
  if (open == context.state.learned.open.end()) return std::nullopt;
  const auto& prediction = open->second;
  const auto& session = context.state.sessions.at(step.upstream);
  if (session.decision != prediction.decision) return std::nullopt;
  const bool urgent = emergency(context, step).has_value();
  if (urgent && prediction.looked) return std::nullopt;
  const auto until =
      prediction.at + (prediction.looked ? late_look(context.config) : early_look(context.config));
  return refuse("effect",
                fmt::format("{} of {} is measured at {}", to_string(session.stance),
                            format_clock(session.since), format_clock(until)),
                kKey, until);
}

/// The users whom the path is bad for are not on it any more: they are well, or the step sufficed
/// and nothing proves since that they are badly off.
Word users_moved(const Context& context, const Step& step, const SessionState& session) {
  const auto finding = context.state.learned.findings.find(step.upstream);
  const bool sufficed = finding != context.state.learned.findings.end() &&
                        finding->second.decision == session.decision &&
                        finding->second.effect == Effect::sufficient;
  const bool gone = std::ranges::all_of(step.carriers, [&](const std::string& carrier) {
    return well(context, carrier) || (sufficed && !badly_off(context, carrier));
  });
  if (!gone) return std::nullopt;
  return refuse("effect",
                fmt::format("the users have moved, {} suffices{}", to_string(session.stance),
                            sufficed ? ": " + finding->second.text : ""),
                kKey);
}

/// Whether nothing but the primary is left that draws the carrier's users once the step is taken.
/// Before that they may land on a third path for a while, which says nothing about the step.
bool completes(const Context& context, const Step& step, const std::string& carrier) {
  if (context.carriers == nullptr) return true;
  const auto plan = std::ranges::find(*context.carriers, carrier, &CarrierPlan::carrier);
  const auto* primary = plan == context.carriers->end() ? nullptr : with_role(*plan, Role::primary);
  if (primary == nullptr) return false;
  const SessionKey here{context.config.self, step.upstream};
  const auto level = [&](const Ranked& one) {
    return session_of(context, one) == here ? handicap(step.to, carrier) : one.level;
  };
  return std::ranges::all_of(plan->ranked, [&](const Ranked& one) {
    return &one == primary || level(one) > level(*primary);
  });
}

/// In an emergency the users' own pings do not show yet what the probes of their path show: what
/// they are about to meet is what the step is measured against.
Users felt_or_met(const Context& context, const Step& step, const std::string& carrier,
                  const Users& felt) {
  const auto choice = context.state.choices.find(carrier);
  const auto* path = context.path(context.config.self, step.upstream, carrier);
  if (choice == context.state.choices.end() || path == nullptr) return felt;
  const bool left =
      choice->second.left.contains(to_string(SessionKey{context.config.self, step.upstream}));
  if (!left || path->fast.loss.low <= context.config.policy.prefer.emergency_loss) return felt;
  const auto met = users(path->fast);
  return score(met) > score(felt) ? met : felt;
}

/// Whether the step moves the carrier's users. What it says differently to others, who are to be
/// elsewhere before and after, is not what they suffer from; a ladder's rung moves whom it reaches.
bool moves(const Context& context, const Step& step, const std::string& carrier) {
  if (handicap(step.from, carrier) == handicap(step.to, carrier)) return false;
  const bool plans = context.carriers != nullptr && !step.carriers.empty();
  return !plans || std::ranges::find(step.carriers, carrier) != step.carriers.end();
}

}  // namespace

Duration early_look(const Config& config) {
  return std::max(config.guards.effect.early, config.evidence.fast_window);
}

Duration late_look(const Config& config) {
  return std::max(config.guards.effect.late, config.evidence.window);
}

const Lesson* against(const State& state, Time now, const Step& step, Effect effect) {
  for (const auto& carrier : step.carriers) {
    const auto found = state.learned.lessons.find(lesson_key(step.upstream, step.to, carrier));
    if (found == state.learned.lessons.end()) continue;
    if (found->second.effect == effect && now < found->second.until) return &found->second;
  }
  return nullptr;
}

std::string lesson_key(const std::string& upstream, Stance stance, const std::string& carrier) {
  std::erase_if(stance.asks, [&](const auto& ask) { return ask.first != carrier; });
  return upstream + " " + encode(stance) + " " + carrier;
}

void predict(Context& context, const Step& step) {
  const auto& config = context.config;
  auto& state = context.state;
  Prediction out{.decision = step.decision,
                 .from = step.from,
                 .to = step.to,
                 .rung = rung_of(config.policy, step.from),
                 .at = context.seen.now};
  const auto& carries = config.upstreams.at(step.upstream).carries;
  for (const auto& carrier : config.carriers) {
    const auto now = felt(config, context.seen, carrier);
    const auto& before = now.fast ? now.fast : now.main;
    if (!before) continue;
    const bool carried = std::ranges::find(carries, carrier) != carries.end();
    if (!carried || !moves(context, step, carrier)) {
      out.controls[carrier] = score(*before);
      continue;
    }
    Aim aim{.meant = std::ranges::find(step.carriers, carrier) != step.carriers.end() &&
                     completes(context, step, carrier),
            .before = felt_or_met(context, step, carrier, *before)};
    const auto best = aim.meant ? best_elsewhere(context, step, carrier) : std::nullopt;
    if (best) aim.expected = std::min(Duration{0}, *best - score(aim.before));
    out.aims[carrier] = aim;
  }
  auto& learned = state.learned;
  learned.open.erase(step.upstream);
  // With policy prefer users must not suffer either while the plan is not complete.
  const bool prefers = context.carriers != nullptr;
  const bool aimed =
      std::ranges::any_of(out.aims, [&](const auto& aim) { return aim.second.meant || prefers; });
  if (aimed && !out.controls.empty()) {
    learned.open[step.upstream] = std::move(out);
    return;
  }
  learned.findings[step.upstream] = {
      .effect = Effect::unmeasured,
      .at = context.seen.now,
      .decision = step.decision,
      .back = step.from,
      .rung = out.rung,
      .text = aimed ? "not measured: no other carrier's users to compare with"
                    : "not measured: nobody pings the anycast address for these users"};
}

std::string effect_of(const State& state, const std::string& upstream) {
  const auto session = state.sessions.find(upstream);
  if (session == state.sessions.end()) return {};
  const auto open = state.learned.open.find(upstream);
  if (open != state.learned.open.end() && open->second.decision == session->second.decision) {
    std::vector<std::string> parts;
    for (const auto& [carrier, aim] : open->second.aims) {
      if (aim.meant) parts.push_back(carrier + " predicted " + signed_ms(aim.expected));
    }
    if (parts.empty()) parts.emplace_back("nothing predicted while the plan is not complete");
    return join(parts, "; ") + ", not measured yet";
  }
  const auto finding = state.learned.findings.find(upstream);
  const bool known = finding != state.learned.findings.end();
  return known && finding->second.decision == session->second.decision ? finding->second.text
                                                                       : std::string{};
}

namespace {

/// With policy prefer a step is taken back only while users whom that brings back here are surely
/// worse off than here: since it was measured they may have reached their primary.
bool still_harms(const Context& context, const std::string& upstream, const Stance& now,
                 const Stance& back) {
  bool some = false;
  for (const auto& carrier : context.config.upstreams.at(upstream).carries) {
    if (handicap(back, carrier) >= handicap(now, carrier)) continue;
    const auto* path = context.path(context.config.self, upstream, carrier);
    const auto felt = core::felt(context.config, context.seen, carrier).fast;
    if (path == nullptr || !felt || !path->unknown_why.empty()) return false;
    some = true;
    if (change(users(path->fast), *felt).low > context.config.guards.effect.harm) return true;
  }
  return !some;
}

}  // namespace

std::optional<Step> taken_back(const Context& context, const std::string& upstream,
                               const SessionState& session) {
  const auto finding = context.state.learned.findings.find(upstream);
  if (finding == context.state.learned.findings.end()) return std::nullopt;
  const auto& found = finding->second;
  if (found.effect != Effect::harmful || found.decision != session.decision) return std::nullopt;
  if (context.carriers != nullptr && !still_harms(context, upstream, session.stance, found.back))
    return std::nullopt;
  return Step{.upstream = upstream,
              .from = session.stance,
              .to = found.back,
              .rung = found.rung,
              .cause = Cause::undo,
              .why = "users are worse off: " + found.text};
}

int next_rung(const Context& context, const Step& step, const SessionState& session) {
  const int top = static_cast<int>(context.config.policy.carrier_bad.size());
  auto next = step;
  for (int rung = session.rung + 1; rung < top; ++rung) {
    next.to = stance_of(context.config.policy, rung);
    if (against(context.state, context.seen.now, next, Effect::none) == nullptr) return rung;
  }
  return top;
}

std::optional<GuardResult> effect(const Context& context, const Step& step) {
  // The way back down the ladder is no attempt at anything; a step of the plan is one either way.
  const bool prefers = context.config.policy.kind == Policy::Kind::prefer;
  const bool tries = step.cause == Cause::carrier || (prefers && step.cause == Cause::restore);
  if (!tries) return std::nullopt;
  const auto now = context.seen.now;
  if (const auto* harm = against(context.state, now, step, Effect::harmful)) {
    return refuse("effect",
                  fmt::format("{} did harm at {}, backs off: {}", to_string(step.to),
                              format_clock(harm->at), harm->text),
                  kKey, harm->until);
  }
  if (const auto* none = against(context.state, now, step, Effect::none)) {
    return refuse("effect",
                  fmt::format("{} had no effect at {}: {}", to_string(step.to),
                              format_clock(none->at), none->text),
                  kKey, none->until);
  }
  const auto& session = context.state.sessions.at(step.upstream);
  const bool climbs = step.cause == Cause::carrier && session.rung > 0;
  if (climbs) {
    if (auto word = measured_first(context, step)) return word;
    // The plan goes beyond what is well enough.
    if (auto word = prefers ? std::nullopt : users_moved(context, step, session)) return word;
  }
  return pass("effect", "nothing is known against it", kKey);
}

}  // namespace anycast::core
