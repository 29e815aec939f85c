#include "controller/core/words.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/core/choose.hpp"

namespace anycast::core {
namespace {

std::string prefixes(const Config& config) {
  std::vector<std::string> names;
  for (const auto& entry : config.prefixes) names.push_back(to_string(entry.prefix));
  return join(names, ", ");
}

/// " (mobile: prepend_to 2, telecom: local_pref)", or empty.
std::string asking(const Stance& stance) {
  std::vector<std::string> parts;
  for (const auto& [carrier, ask] : stance.asks) parts.push_back(carrier + ": " + to_string(ask));
  return parts.empty() ? std::string{} : " (" + join(parts, ", ") + ")";
}

std::string past(const Stance& stance, const std::string& upstream) {
  switch (stance.kind) {
    case Stance::Kind::announce: return "announced " + upstream + asking(stance);
    case Stance::Kind::prepend:
      return fmt::format("prepended {} on {}{}", stance.prepend, upstream, asking(stance));
    case Stance::Kind::drain: return "drained " + upstream + asking(stance);
    case Stance::Kind::withdraw: return "withdrew " + upstream;
  }
  return upstream;
}

/// "(360 samples, 8s old)" of the paths behind the step.
std::string evidence(const Config& config, const Plan& plan, const Step& step) {
  int samples = 0;
  std::optional<Duration> age;
  for (const auto& path : plan.paths) {
    const bool behind = path.key.node == config.self && path.key.upstream == step.upstream &&
                        std::ranges::find(step.carriers, path.key.carrier) != step.carriers.end();
    if (!behind) continue;
    samples += path.pooled.sent;
    age = std::min(age.value_or(path.pooled.newest_age), path.pooled.newest_age);
  }
  return age ? fmt::format(" ({} samples, {} old)", samples, format_age(*age)) : std::string{};
}

/// "12:20:20", with its day where that is not today.
std::string day_and_clock(Time now, Time t) {
  const auto day = format_utc(t).substr(0, 10);
  return day == format_utc(now).substr(0, 10) ? format_clock(t) : day + " " + format_clock(t);
}

std::string next_of(const Config& config, const SessionState& session) {
  const auto& ladder = config.policy.carrier_bad;
  const int top = static_cast<int>(ladder.size());
  if (session.cause == Cause::operated) return "held by an order until it is taken back";
  if (session.cause == Cause::service)
    return session.stance.announces() ? "back once the service is up and the paths are clear"
                                      : "returns once the service is up, as the guards allow";
  if (config.policy.kind == Policy::Kind::prefer)
    return "stays until the plan has another use for it";
  if (session.cause == Cause::carrier && session.rung > 0) {
    const auto settled =
        session.since + ladder.at(static_cast<std::size_t>(session.rung - 1)).settle;
    if (session.rung < top) {
      return fmt::format("{} if still bad at {}",
                         to_string(stance_of(config.policy, session.rung + 1)),
                         format_clock(settled));
    }
  }
  if (session.rung > 0) {
    return fmt::format("{} once clear, not before {}",
                       to_string(stance_of(config.policy, session.rung - 1)),
                       format_clock(session.since + config.policy.restore_settle));
  }
  return "nothing";
}

}  // namespace

std::string step_done(const Config& config, const Plan& plan, const Step& step,
                      const SessionState& after) {
  return fmt::format("{} for {} on {}: {}{}; guards ok; next: {} [#{}]",
                     past(step.to, step.upstream), prefixes(config), config.self, step.why,
                     evidence(config, plan, step), next_of(config, after), step.decision);
}

std::string step_refused(const Config& config, const Plan& plan, const Step& step) {
  std::vector<std::string> words;
  for (const auto& word : step.guards) {
    if (!word.passed) words.push_back(fmt::format("{}: {}", word.guard, word.text));
  }
  const auto earliest = step.earliest();
  return fmt::format("did not {} {} on {}: {}; wanted because {}; next: tried again each cycle{}",
                     to_string(step.to), step.upstream, config.self, join(words, ", "), step.why,
                     earliest ? ", not before " + day_and_clock(plan.now, *earliest) : "");
}

SessionReport session_report(const Config& config, const Plan& plan, const std::string& upstream,
                             const SessionState& session) {
  SessionReport out{.upstream = upstream, .wanted = session.stance, .why = session.why};
  const auto step = std::ranges::find(plan.steps, upstream, &Step::upstream);
  if (step == plan.steps.end() || step->allowed()) {
    out.next = next_of(config, session);
    return out;
  }
  std::vector<std::string> waits;
  for (const auto& word : step->guards) {
    if (!word.passed) waits.push_back(fmt::format("{} ({})", word.guard, word.text));
  }
  out.earliest = step->earliest();
  out.next = fmt::format("{} waits for {}", to_string(step->to), join(waits, ", "));
  return out;
}

std::string verdict_changed(const Config& config, const PathReport& path, Verdict before) {
  const auto& limits = config.thresholds.at(path.key.carrier);
  const auto figures = path.pooled.has_rtt
                           ? fmt::format("{}, {}", format_ms(path.pooled.rtt.value),
                                         format_share(path.pooled.loss.value))
                           : fmt::format("no replies, {}", format_share(path.pooled.loss.value));
  const auto next =
      path.state.bad_since && path.state.verdict != Verdict::bad
          ? fmt::format("counts as bad at {} if it lasts",
                        format_clock(*path.state.bad_since + limits.for_))
      : path.state.verdict == Verdict::bad
          ? fmt::format("clear needs {} under {} and {}", format_age(limits.clear_for),
                        format_ms(limits.rtt.clear), format_share(limits.loss.clear))
          : std::string{"nothing"};
  return fmt::format(
      "{} at {} via {} went {} -> {}: {}{}{} (limits {}, {}); next: {}", path.key.carrier,
      path.key.node, path.key.upstream, to_string(before), to_string(path.state.verdict), figures,
      path.alarm ? fmt::format(", alarm at {} in {}", format_share(path.fast.loss.value),
                               format_age(config.evidence.fast_window))
                 : "",
      path.nature.empty() ? "" : ", " + path.nature, format_ms(limits.rtt.bad),
      format_share(limits.loss.bad), next);
}

}  // namespace anycast::core
