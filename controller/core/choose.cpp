#include "controller/core/choose.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/core/effect.hpp"
#include "controller/core/prefer.hpp"
#include "controller/core/vrrp.hpp"

namespace anycast::core {
namespace {

struct Carried {
  std::vector<const PathReport*> bad;  ///< measured bad now, and moving helps
  bool all_clear = true;
  bool kept_away = false;  ///< a path is bad, or was until it is proven clear, and others are not
};

Carried carried_by(const Context& context, const std::string& upstream) {
  Carried out;
  for (const auto& carrier : context.config.upstreams.at(upstream).carries) {
    const auto* path = context.path(context.config.self, upstream, carrier);
    if (path == nullptr) continue;
    const bool bad = path->state.verdict == Verdict::bad;
    // Only what is bad now justifies a step: a verdict lasts beyond its cause until it is proven
    // clear.
    if (bad && path->measured_bad && path->blame != "border") out.bad.push_back(path);
    out.kept_away = out.kept_away || (bad && path->blame != "border");
    // Not the verdict alone: after a blind spell it may still be the good one of long ago, while
    // the clock of `clear_for` begins anew.
    const auto& since = path->state.clear_since;
    const auto clear_for = context.config.thresholds.at(carrier).clear_for;
    if (bad || !since || context.seen.now - *since < clear_for) out.all_clear = false;
  }
  return out;
}

template <class T>
std::string against(const Bounded<T>& value, const T& limit, std::string (*format)(T)) {
  return fmt::format("{} > {}", format(value.value), format(limit));
}

std::string describe_clear(const Context& context, const std::string& upstream) {
  std::vector<std::string> parts;
  for (const auto& carrier : context.config.upstreams.at(upstream).carries) {
    const auto* path = context.path(context.config.self, upstream, carrier);
    if (path == nullptr || !path->state.clear_since) continue;
    parts.push_back(fmt::format("{} clear for {} ({}, {})", carrier,
                                format_age(context.seen.now - *path->state.clear_since),
                                format_ms(path->pooled.rtt.value),
                                format_share(path->pooled.loss.value)));
  }
  return join(parts, ", ");
}

Stance drain_stance(const Context& context) {
  const auto& drain = *context.state.drain;
  const bool done = context.seen.now - drain.since >= context.config.policy.drain_settle;
  return {.kind = drain.now || done ? Stance::Kind::withdraw : Stance::Kind::drain};
}

std::string by_person(const std::string& what, const std::string& actor,
                      const std::string& reason) {
  return fmt::format("{} by {} \"{}\"", what, actor, reason);
}

/// A step that goes nowhere yet.
Step stay(const std::string& upstream, const SessionState& session, Cause cause) {
  return {.upstream = upstream,
          .from = session.stance,
          .to = session.stance,
          .rung = session.rung,
          .cause = cause};
}

/// Where a session that nothing holds any more goes.
void go_back(const Context& context, Step& step) {
  step.to = stance_of(context.config.policy, step.rung);
  if (!prefers(context)) return;
  step.to = beside(context, {context.config.self, step.upstream});
  step.rung = rung_of(context.config.policy, step.to);
}

/// 3.1 to 3.5: what stands regardless of evidence.
std::optional<Step> standing(const Context& context, const std::string& upstream,
                             const SessionState& session) {
  auto step = stay(upstream, session, Cause::operated);
  if (context.state.drain) {
    step.to = drain_stance(context);
    step.why = by_person("drained", context.state.drain->actor, context.state.drain->reason);
  } else if (session.pin) {
    step.to = session.pin->stance;
    step.why = by_person("pinned", session.pin->actor, session.pin->reason);
  } else if (context.fitness.level == Level::down) {
    step.to = {.kind = Stance::Kind::withdraw};
    step.cause = Cause::service;
    step.why = context.fitness.why;
  } else if (session.cause == Cause::operated) {
    go_back(context, step);
    step.why = "no order holds it any more";
  } else if (session.cause == Cause::service && !session.stance.announces()) {
    go_back(context, step);
    step.cause = takes_over(context, session) ? Cause::startup : Cause::restore;
    step.why = context.fitness.why.empty() ? "no service holds it any more" : context.fitness.why;
  } else {
    return std::nullopt;
  }
  return step;
}

/// 3.6 to 3.9 by policy prefer.
std::optional<Step> preferred(const Context& context, const std::string& upstream,
                              const SessionState& session) {
  const SessionKey place{context.config.self, upstream};
  auto step = stay(upstream, session, Cause::carrier);
  if (session.cause == Cause::startup && !session.stance.announces()) {
    if (carried_by(context, upstream).kept_away) return std::nullopt;
    step.to = beside(context, place);
    step.cause = Cause::startup;
    step.why = "this node has just come up and nothing speaks against it";
  } else if (auto wanted = wish(context, place, session.stance)) {
    step.to = std::move(wanted->to);
    step.cause = wanted->repels ? Cause::carrier : Cause::restore;
    step.carriers = std::move(wanted->carriers);
    step.why = std::move(wanted->why);
  } else {
    return std::nullopt;
  }
  step.rung = rung_of(context.config.policy, step.to);
  return step;
}

/// 3.6 to 3.9.
std::optional<Step> engine(const Context& context, const std::string& upstream,
                           const SessionState& session) {
  if (auto back = taken_back(context, upstream, session)) return back;
  if (prefers(context)) return preferred(context, upstream, session);
  const auto carried = carried_by(context, upstream);
  const int top = static_cast<int>(context.config.policy.carrier_bad.size());
  const bool low = context.fitness.level == Level::low && top > 0 &&
                   stance_of(context.config.policy, 1).announces();
  auto step = stay(upstream, session, Cause::carrier);
  if (session.cause == Cause::startup && !session.stance.announces()) {
    if (carried.kept_away) return std::nullopt;
    step.rung = 0;
    step.cause = Cause::startup;
    step.why = "this node has just come up and nothing speaks against it";
  } else if (!carried.bad.empty() && session.rung < top) {
    step.why = describe_bad(context.config, *carried.bad.front());
    for (const auto* path : carried.bad) step.carriers.push_back(path->key.carrier);
    step.rung = next_rung(context, step, session);
  } else if (low && !context.fitness.passing && session.rung == 0) {
    step.rung = 1;
    step.cause = Cause::service;
    step.why = context.fitness.why;
    step.carriers = context.config.upstreams.at(upstream).carries;
  } else if (carried.all_clear && session.rung > (low ? 1 : 0)) {
    step.rung = session.rung - 1;
    step.cause = Cause::restore;
    step.why = describe_clear(context, upstream);
    step.carriers = context.config.upstreams.at(upstream).carries;
  } else {
    return std::nullopt;
  }
  step.to = stance_of(context.config.policy, step.rung);
  return step;
}

}  // namespace

std::string describe_bad(const Config& config, const PathReport& path) {
  const auto& limits = config.thresholds.at(path.key.carrier);
  std::vector<std::string> parts;
  for (const auto measure : path.over) {
    switch (measure) {
      case Measure::rtt:
        parts.push_back(against(path.pooled.rtt, limits.rtt.bad, format_ms));
        break;
      case Measure::loss:
        if (path.alarm && path.pooled.loss.value <= limits.loss.bad) {
          parts.push_back(fmt::format("{} in {}, alarm over {}", format_share(path.fast.loss.value),
                                      format_age(config.evidence.fast_window),
                                      format_share(limits.loss.bad)));
          break;
        }
        parts.push_back(against(path.pooled.loss, limits.loss.bad, format_share));
        break;
      case Measure::jitter:
        parts.push_back("jitter " + against(path.pooled.jitter, limits.jitter.bad, format_ms));
        break;
    }
  }
  return fmt::format("{} bad: {} in {} of {} regions{}", path.key.carrier, join(parts, ", "),
                     path.regions_bad, path.regions.size(),
                     path.nature.empty() ? "" : ", " + path.nature);
}

Stance stance_of(const Policy& policy, int rung) {
  if (policy.kind == Policy::Kind::prefer || rung <= 0 || policy.carrier_bad.empty()) return {};
  const auto last = policy.carrier_bad.size();
  return policy.carrier_bad.at(std::min(static_cast<std::size_t>(rung), last) - 1).stance;
}

int rung_of(const Policy& policy, const Stance& stance) {
  if (policy.kind == Policy::Kind::prefer) return stance == Stance{} ? 0 : 1;
  const int top = static_cast<int>(policy.carrier_bad.size());
  for (int rung = 0; rung <= top; ++rung) {
    if (stance <= stance_of(policy, rung)) return rung;
  }
  return top;
}

std::vector<Step> choose(const Context& context) {
  std::vector<Step> steps;
  for (const auto& [upstream, session] : context.state.sessions) {
    if (auto step = standing(context, upstream, session)) {
      if (step->to != step->from) steps.push_back(*std::move(step));
    } else if (auto wanted = engine(context, upstream, session)) {
      steps.push_back(*std::move(wanted));
    }
  }
  // People before the engine, then what takes harm back, then what brings users away from a bad
  // path, then what brings them back.
  std::ranges::stable_sort(steps, {}, [](const Step& step) {
    if (step.cause == Cause::operated || own_death(step)) return 0;
    if (step.cause == Cause::undo) return 1;
    return step.cause == Cause::carrier || step.cause == Cause::service ? 2 : 3;
  });
  return steps;
}

}  // namespace anycast::core
