#include "controller/core/step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "controller/base/text.hpp"
#include "controller/core/adopt.hpp"
#include "controller/core/blame.hpp"
#include "controller/core/change.hpp"
#include "controller/core/choose.hpp"
#include "controller/core/damping.hpp"
#include "controller/core/effect.hpp"
#include "controller/core/egress.hpp"
#include "controller/core/guard.hpp"
#include "controller/core/local.hpp"
#include "controller/core/notices.hpp"
#include "controller/core/orders.hpp"
#include "controller/core/origin.hpp"
#include "controller/core/pauses.hpp"
#include "controller/core/plan_hash.hpp"
#include "controller/core/prefer.hpp"
#include "controller/core/service.hpp"
#include "controller/core/step_of_many.hpp"
#include "controller/core/vrrp.hpp"
#include "controller/core/words.hpp"

namespace anycast::core {
namespace {

/// Under this share of usable series nothing is known well enough to act on.
constexpr int kUsablePercent = 70;

std::string first_unusable(const std::vector<PathReport>& paths) {
  for (const auto& path : paths) {
    for (const auto& region : path.regions) {
      if (region.unusable.empty()) continue;
      return fmt::format("first {} {}: {}", to_string(path.key), region.region, region.unusable);
    }
  }
  return {};
}

std::string blindness(const Seen& seen, const Plan& plan) {
  if (seen.evidence.error) return seen.evidence.error->text;
  if (!seen.evidence.value) return "Prometheus was not asked yet";
  if (seen.evidence.value->partial) {
    return "Prometheus warned that its answer may be incomplete: " +
           join(seen.evidence.value->faults, "; ");
  }
  if (plan.series_usable * 100 < plan.series_expected * kUsablePercent) {
    const auto& faults = seen.evidence.value->faults;
    const auto why = faults.empty() ? first_unusable(plan.paths) : faults.front();
    return fmt::format("{} of {} probe series are usable, needs {} %{}", plan.series_usable,
                       plan.series_expected, kUsablePercent, why.empty() ? "" : ": " + why);
  }
  return {};
}

void tell_verdicts(const Config& config, std::span<const VerdictChange> changes,
                   std::vector<Event>& events) {
  for (const auto& [path, was] : changes) {
    if (path->key.node != config.self) continue;
    const bool worth_a_line = was == Verdict::bad || path->state.verdict == Verdict::bad;
    events.push_back({.kind = "cell-state",
                      .priority = worth_a_line ? 5 : 6,
                      .text = verdict_changed(config, *path, was),
                      .upstream = path->key.upstream,
                      .carrier = path->key.carrier,
                      .node = path->key.node,
                      .from = to_string(was),
                      .to = to_string(path->state.verdict),
                      .cause = "carrier"});
  }
}

void note_restart(const Config& config, const Seen& seen, State& base, Plan& plan) {
  if (!seen.router.value) {
    base.router_away = base.router_away.value_or(seen.now);
    return;
  }
  base.router_away.reset();
  const auto& started = seen.router.value->started;
  if (!base.router_started.empty() && base.router_started != started) {
    plan.events.push_back(
        {.kind = "router-restart",
         .priority = 4,
         .text =
             "the routing daemon was restarted; next: what it runs is compared with what we want",
         .node = config.self});
  }
  base.router_started = started;
}

/// Refusals that only mean "not yet" are no news; a new set of the others is told once.
void tell_refusals(const Context& context, State& next, Plan& plan) {
  static constexpr std::array kWaiting = {"settle",    "hold_after_change", "one_step", "turn",
                                          "probation", "reannounce",        "reversal"};
  std::map<std::string, std::string> refused;
  for (const auto& step : plan.steps) {
    std::vector<std::string> names;
    for (const auto& word : step.guards) {
      const bool waits = std::ranges::find(kWaiting, word.guard) != kWaiting.end();
      if (!word.passed && !waits) names.push_back(word.guard);
    }
    if (names.empty()) continue;
    refused[step.upstream] = to_string(step.to) + ": " + join(names, ",");
    const auto told = next.refused.find(step.upstream);
    if (told != next.refused.end() && told->second == refused[step.upstream]) continue;
    plan.events.push_back({.kind = "guard-refused",
                           .priority = 4,
                           .text = step_refused(context.config, plan, step),
                           .upstream = step.upstream,
                           .node = context.config.self,
                           .from = to_string(step.from),
                           .to = to_string(step.to),
                           .cause = to_string(step.cause)});
  }
  next.refused = std::move(refused);
}

Condition condition_now(const Context& context, const State& state, std::string& why) {
  if (state.freeze) {
    why = fmt::format("frozen by {} \"{}\"", state.freeze->actor, state.freeze->reason);
    return Condition::frozen;
  }
  // Until the next try has shown whether the cause is gone, the failure is the state of things.
  if (state.safe_until) {
    why = state.condition_why;
    return Condition::safe;
  }
  why = context.blind_why;
  return context.blind ? Condition::blind : Condition::run;
}

void set_condition(const Context& context, State& next, Plan& plan) {
  std::string why;
  const auto condition = condition_now(context, next, why);
  if (condition != next.condition || next.condition_since == Time{}) {
    const bool blind = condition == Condition::blind;
    const bool was_blind = next.condition == Condition::blind;
    // A freeze that hides the blindness does not end it.
    if (blind || (was_blind && !context.blind)) {
      plan.events.push_back(
          {.kind = "blind",
           .priority = blind ? 3 : 5,
           .text = blind ? fmt::format("holding all announcements: {}; next: acts again with the "
                                       "first cycle of fresh evidence",
                                       why)
                         : "evidence is back; next: judged again from here",
           .node = context.config.self});
    }
    next.condition_since = context.seen.now;
  }
  next.condition = condition;
  next.condition_why = why;
  plan.condition = condition;
  plan.condition_why = why;
}

/// By carrier: how many of the sessions, which are counted by their upstream, lead to it.
std::map<std::string, int> ways(const Config& config,
                                const std::map<std::string_view, int>& sessions) {
  std::map<std::string, int> out;
  for (const auto& carrier : config.carriers) out[carrier] = 0;
  for (const auto& [upstream, count] : sessions) {
    for (const auto& carrier : config.upstreams.at(std::string{upstream}).carries) {
      const auto found = out.find(carrier);
      if (found != out.end()) found->second += count;
    }
  }
  return out;
}

void count(const Config& config, const Announcers& announcing, Plan& plan) {
  plan.nodes_announcing = nodes_in(announcing);
  std::map<std::string_view, int> announced;
  std::map<std::string_view, int> all;
  for (const auto& [node, upstream] : announcing) ++announced[upstream];
  for (const auto& [node, entry] : config.nodes) {
    for (const auto& [upstream, session] : entry.sessions) ++all[upstream];
  }
  plan.carrier_paths = ways(config, announced);
  plan.carrier_paths_of = ways(config, all);
}

bool taken(const std::vector<Step>& steps) {
  return std::ranges::any_of(steps, [](const Step& step) { return step.decision != 0; });
}

/// The state before the steps with what was learned and told, which holds with or without them.
State without(State before, const State& next) {
  if (!next.safe_until) before.safe_until.reset();
  before.condition = next.condition;
  before.condition_since = next.condition_since;
  before.condition_why = next.condition_why;
  before.refused = next.refused;
  before.next_decision = next.next_decision;
  before.inside = next.inside;
  before.master_since = next.master_since;
  return before;
}

/// To a person who applies where nothing is handed over to the routing daemon.
OrderReply without_change(std::uint64_t id, const std::vector<Step>& steps) {
  for (const auto& step : steps) {
    for (const auto& word : step.guards) {
      if (word.passed) continue;
      return {id, OrderReply::Outcome::refused,
              fmt::format("refused: {} {}: {} ({})", to_string(step.to), step.upstream, word.text,
                          word.guard)};
    }
  }
  return {id, OrderReply::Outcome::done, "nothing to apply"};
}

void answer_apply(const Ordered& ordered, Plan& plan) {
  if (!ordered.apply) return;
  if (plan.change) {
    plan.answers = ordered.apply->id;
    return;
  }
  auto reply = without_change(ordered.apply->id, plan.steps);
  if (plan.inside.changes.empty()) {
    plan.replies.push_back(std::move(reply));
  } else {
    plan.inside.reply = std::move(reply);
  }
}

/// What a person wants of the blackholes and cannot be handed over now has not happened.
void answer_blackhole(const Config& config, const Ordered& ordered, Thought& out, Plan& plan) {
  if (ordered.blackhole == 0) return;
  if (plan.change) {
    plan.answers = ordered.blackhole;
    if (!out.without) out.without = out.next;
    out.without->blackholes = ordered.blackholes_before;
    return;
  }
  if (plan.already_in_force) {
    plan.replies.push_back(
        {ordered.blackhole, OrderReply::Outcome::done, "taken: the daemon has nothing to change"});
    return;
  }
  out.next.blackholes = ordered.blackholes_before;
  if (out.without) out.without->blackholes = ordered.blackholes_before;
  static constexpr std::array kHolding = {"render", "router", "listed", "rpki", "drift"};
  std::string why = "see anycastctl status";
  for (const auto& notice : plan.notices) {
    if (std::ranges::find(kHolding, notice.code) != kHolding.end()) why = notice.text;
  }
  plan.replies.push_back({ordered.blackhole, OrderReply::Outcome::refused,
                          "refused: nothing can be handed over now: " + why});
  plan.events.push_back(
      {.kind = "guard-refused",
       .priority = 4,
       .text = "did not take the order for a blackhole: " + why + "; next: nothing",
       .node = config.self,
       .cause = "operator"});
}

/// Packets leave as before where nothing can be handed over, and if that fails.
void take_back_egress(Egresses before, Thought& out, const Plan& plan) {
  if (egress_moves(plan.egress).empty() || plan.already_in_force) return;
  if (plan.change && !out.without) out.without = out.next;
  if (!plan.change) out.next.egress = before;
  if (out.without) out.without->egress = std::move(before);
}

}  // namespace

Thought step(const Setup& setup, State state, const Seen& seen) {
  Rendered nothing;
  return step(setup, std::move(state), seen, nothing);
}

Thought step(const Setup& setup, State state, const Seen& seen, Rendered& rendered) {
  return step(setup, std::move(state), seen, rendered, survey(setup.config, seen));
}

Thought step(const Setup& setup, State state, const Seen& seen, Rendered& rendered,
             Judgement judged) {
  const auto& config = setup.config;
  Plan plan{.now = seen.now};

  const auto leftover = reconcile(config, seen, state, plan.events, plan.replies);
  adopt(config, seen, state, plan.events);
  std::erase_if(state.changes,
                [&](Time t) { return seen.now - t >= config.guards.max_changes.per; });
  note_restart(config, seen, state, plan);
  charge_resets(config, seen, state, plan.events);
  note_origins(config, seen, state, plan);

  plan.paths = std::move(judged.paths);
  const auto changes = damp(config, seen.now, state.paths, plan.paths);
  plan.discarded = std::move(judged.discarded);
  plan.series_expected = judged.series_expected;
  plan.series_usable = judged.series_usable;
  blame(plan.paths);
  tell_verdicts(config, changes, plan.events);

  measure(config, seen, state, plan.events);
  plan.services = weigh_services(config, seen, state, plan.events);

  const auto serving = hear_keepalived(config, seen, state, plan);

  Context context{.config = config, .seen = seen, .paths = plan.paths, .state = std::move(state)};
  context.announcing = announcers(config, context.state, seen);
  context.blind_why = blindness(seen, plan);
  context.blind = !context.blind_why.empty();
  const auto services = fitness(plan.services);
  context.fitness = fitness(services, serving);
  const auto ordered = take_orders(context, plan.events, plan.replies);
  context.person_applies = ordered.apply.has_value();
  context.forced = ordered.forced;
  plan.confirm = ordered.confirm || leftover == Leftover::confirm;
  plan.undo = ordered.undo || leftover == Leftover::undo;
  plan.answers = ordered.probation_order;
  if (config.policy.kind == Policy::Kind::prefer) {
    plan.carriers = prefer(context);
    context.carriers = &plan.carriers;
  } else {
    context.state.choices.clear();
  }

  // Egress first: it may make a step needless, and nobody hears of it.
  auto egress = steer_egress(context, plan.events);
  plan.egress = std::move(egress.reports);
  plan.steps = choose(context);
  plan.steps.insert(plan.steps.begin(), ordered.steps.begin(), ordered.steps.end());
  // Without a step there is nothing to come back to.
  std::optional<Context> before;
  if (!plan.steps.empty()) before.emplace(context);
  for (auto& wanted : plan.steps) consider(context, wanted);
  plan_inside(context, plan);
  plan.track = track(config, context.state, services);
  count(config, context.announcing, plan);

  Thought out{.next = std::move(context.state)};
  set_condition(context, out.next, plan);
  tell_refusals(context, out.next, plan);
  notices(config, seen, out.next, plan);
  plan_change(setup, before ? *before : context, ordered, out.next, plan, rendered);
  answer_apply(ordered, plan);
  for (const auto& [upstream, session] : out.next.sessions) {
    plan.sessions.push_back(session_report(config, plan, upstream, session));
    plan.sessions.back().effect = effect_of(out.next, upstream);
  }
  plan.hash = plan_hash(out.next, plan);

  const bool over = out.next.safe_until && seen.now >= *out.next.safe_until;
  if (over && !plan.change) out.next.safe_until.reset();
  if (taken(plan.steps)) out.without = without(std::move(before->state), out.next);
  answer_blackhole(config, ordered, out, plan);
  take_back_egress(std::move(egress.before), out, plan);
  out.plan = std::move(plan);
  return out;
}

Judgement take_back(Plan&& plan) {
  Judgement out{.paths = std::move(plan.paths),
                .discarded = std::move(plan.discarded),
                .series_expected = plan.series_expected,
                .series_usable = plan.series_usable};
  for (auto& path : out.paths) path.blame.clear();
  return out;
}

}  // namespace anycast::core
