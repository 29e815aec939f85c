#include "controller/core/step.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/core/adopt.hpp"
#include "controller/core/blame.hpp"
#include "controller/core/choose.hpp"
#include "controller/core/damping.hpp"
#include "controller/core/effect.hpp"
#include "controller/core/guard.hpp"
#include "controller/core/judge.hpp"
#include "controller/core/notices.hpp"
#include "controller/core/orders.hpp"
#include "controller/core/pauses.hpp"
#include "controller/core/plan_hash.hpp"
#include "controller/core/prefer.hpp"
#include "controller/core/words.hpp"
#include "controller/render/fragment.hpp"

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

void note_verdicts(const Config& config, const State& before, State& next, Plan& plan) {
  for (const auto& path : plan.paths) {
    const auto found = before.paths.find(path.key);
    const auto was = found == before.paths.end() ? Verdict::unknown : found->second.verdict;
    next.paths[path.key] = path.state;
    if (was == path.state.verdict || path.key.node != config.self) continue;
    const bool worth_a_line = was == Verdict::bad || path.state.verdict == Verdict::bad;
    plan.events.push_back({.kind = "cell-state",
                           .priority = worth_a_line ? 5 : 6,
                           .text = verdict_changed(config, path, was),
                           .upstream = path.key.upstream,
                           .carrier = path.key.carrier,
                           .node = path.key.node,
                           .from = to_string(was),
                           .to = to_string(path.state.verdict),
                           .cause = "carrier"});
  }
  if (next.paths.size() == plan.paths.size()) return;
  std::erase_if(next.paths, [&](const auto& entry) {
    return !std::ranges::binary_search(plan.paths, entry.first, {}, &PathReport::key);
  });
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

/// Guards one step and, if nothing refuses, takes it into the context's state.
void consider(Context& context, Step& step) {
  step.guards = guard(context, step);
  if (!step.allowed()) return;
  auto& state = context.state;
  auto& session = state.sessions.at(step.upstream);
  step.decision = state.next_decision++;
  state.previous[step.upstream] = encode(step.from);
  const bool held = state.drain || session.pin;
  note_move(step, context.seen.now, session);
  spend(context, step);
  session.stance = step.to;
  session.rung = step.rung;
  session.since = context.seen.now;
  session.cause = step.cause == Cause::operated && !held ? Cause::restore : step.cause;
  session.why = step.why;
  session.decision = step.decision;
  const bool steered = step.cause == Cause::carrier || step.cause == Cause::restore;
  if (steered) predict(context, step);
  if (removes(step)) context.announcing.erase({context.config.self, step.upstream});
  if (step.to.announces()) context.announcing.emplace(context.config.self, step.upstream);
  if (steered || step.cause == Cause::undo) ++context.automatic_steps;
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
                           .text = step_refused(context.config, step),
                           .upstream = step.upstream,
                           .node = context.config.self,
                           .from = to_string(step.from),
                           .to = to_string(step.to),
                           .cause = to_string(step.cause)});
  }
  next.refused = std::move(refused);
}

Condition condition_now(const Context& context, std::string& why) {
  if (context.state.freeze) {
    why = fmt::format("frozen by {} \"{}\"", context.state.freeze->actor,
                      context.state.freeze->reason);
    return Condition::frozen;
  }
  // Until the next try has shown whether the cause is gone, the failure is the state of things.
  if (context.state.safe_until) {
    why = context.state.condition_why;
    return Condition::safe;
  }
  why = context.blind_why;
  return context.blind ? Condition::blind : Condition::run;
}

void set_condition(const Context& context, State& next, Plan& plan) {
  std::string why;
  const auto condition = condition_now(context, why);
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

void count(const Config& config, const Announcers& announcing, Plan& plan) {
  plan.nodes_announcing = nodes_in(announcing);
  Announcers all;
  for (const auto& [node, entry] : config.nodes) {
    for (const auto& [upstream, session] : entry.sessions) all.emplace(node, upstream);
  }
  for (const auto& carrier : config.carriers) {
    plan.carrier_paths[carrier] = paths_in(config, announcing, carrier);
    plan.carrier_paths_of[carrier] = paths_in(config, all, carrier);
  }
}

std::map<std::string, Stance> stances(const State& state) {
  std::map<std::string, Stance> out;
  for (const auto& [upstream, session] : state.sessions) out.emplace(upstream, session.stance);
  return out;
}

/// The change that brings the daemon from what it runs to `fragment`, or nothing where it runs that
/// already.
std::optional<Change> change_to(const Setup& setup, const Seen& seen, const Fragment& fragment,
                                const State& state, const std::vector<Step>& steps) {
  const auto& router = *seen.router.value;
  const bool in_force =
      router.revision == fragment.revision && router.file_revision == fragment.revision;
  if (in_force && !router.unconfirmed) return std::nullopt;
  Change out{.why = Change::Why::drift};
  std::vector<std::string> words;
  for (const auto& step : steps) {
    if (step.decision == 0) continue;
    out.why = Change::Why::step;
    out.upstreams.push_back(step.upstream);
    words.push_back(fmt::format("{} on {}", to_string(step.to), step.upstream));
  }
  if (out.why == Change::Why::drift && !router.revision) out.why = Change::Why::adopt;
  out.diff =
      unified_diff(router.fragment, fragment.text, setup.config.router.fragment + " (in force)",
                   setup.config.router.fragment + " (planned)");
  out.text = out.why == Change::Why::step ? join(words, ", ")
             : out.why == Change::Why::adopt
                 ? "the daemon does not run our fragment: hand it over"
                 : "the daemon runs something else than we want: put it back";
  const auto wanted = stances(state);
  const bool nothing =
      std::ranges::none_of(wanted, [](const auto& entry) { return entry.second.announces(); });
  out.urgent = out.why == Change::Why::step && nothing && state.drain && state.drain->now;
  out.charges = charges(setup.config, router, fragment);
  out.fragment = fragment;
  return out;
}

struct Wanted {
  State state;
  std::vector<Step> steps;
};

/// The plan as a person would apply it: the same cycle with the mode guard satisfied.
Wanted as_applied(const Context& base, const std::vector<Step>& extra) {
  Context trial{.config = base.config,
                .seen = base.seen,
                .paths = base.paths,
                .state = base.state,
                .announcing = base.announcing,
                .blind = base.blind,
                .blind_why = base.blind_why,
                .person_applies = true,
                .forced = base.forced,
                .carriers = base.carriers};
  auto steps = choose(trial);
  steps.insert(steps.begin(), extra.begin(), extra.end());
  for (auto& step : steps) consider(trial, step);
  return {.state = std::move(trial.state), .steps = std::move(steps)};
}

/// Fills in what is to be handed over, or why nothing can be.
void plan_change(const Setup& setup, const Context& before, const Context& after,
                 const Ordered& ordered, const State& next, Plan& plan) {
  const auto& seen = before.seen;
  if (!seen.router.value || next.pending || next.sessions.empty()) return;
  auto wanted = render::fragment(setup.fragment, setup.config, stances(next),
                                 seen.router.value->revision.value_or(0));
  if (!wanted) return notice(plan, Notice::Level::error, "render", to_string(wanted.error()));
  plan.fragment = *std::move(wanted);
  const auto change = change_to(setup, seen, plan.fragment, next, plan.steps);
  // Where no step is wanted, there is nothing that only a person could apply.
  plan.proposal = change;
  if (!plan.steps.empty()) {
    const auto proposed = as_applied(before, ordered.steps);
    const auto then = render::fragment(setup.fragment, setup.config, stances(proposed.state));
    if (!then) return notice(plan, Notice::Level::error, "render", to_string(then.error()));
    plan.proposal = change_to(setup, seen, *then, proposed.state, proposed.steps);
  }
  plan.already_in_force = !change;
  if (!change) notice_exports(seen, plan.fragment, plan);
  const bool person =
      before.person_applies || std::ranges::any_of(plan.steps, [](const Step& step) {
        return step.decision != 0 && !automatic(step);
      });
  // Only the file differs: to put it back changes no announcement, and to leave it there lets the
  // next `configure` of anybody make active what nobody confirmed.
  const bool file_only = change && change->why == Change::Why::drift &&
                         seen.router.value->revision == plan.fragment.revision &&
                         !seen.router.value->unconfirmed;
  const bool may = setup.config.mode == Mode::automatic ||
                   (setup.config.mode == Mode::advise && (person || file_only));
  const bool waits = after.state.freeze || (next.safe_until && seen.now < *next.safe_until);
  if (change && (!may || (waits && !person))) {
    if (change->why != Change::Why::step)
      notice(plan, Notice::Level::warning, "drift", change->text);
    return;
  }
  plan.change = change;
  if (!plan.change) return;
  if (ordered.apply) plan.change->person_confirms = ordered.apply->confirm;
}

void answer_apply(const Ordered& ordered, Plan& plan) {
  if (!ordered.apply) return;
  if (plan.change) {
    plan.answers = ordered.apply->id;
    return;
  }
  for (const auto& step : plan.steps) {
    for (const auto& word : step.guards) {
      if (word.passed) continue;
      plan.replies.push_back({ordered.apply->id, OrderReply::Outcome::refused,
                              fmt::format("refused: {} {}: {} ({})", to_string(step.to),
                                          step.upstream, word.text, word.guard)});
      return;
    }
  }
  plan.replies.push_back({ordered.apply->id, OrderReply::Outcome::done, "nothing to apply"});
}

}  // namespace

Thought step(const Setup& setup, const State& state, const Seen& seen) {
  const auto& config = setup.config;
  Plan plan{.now = seen.now};
  State base = state;

  const auto leftover = reconcile(config, seen, base, plan.events, plan.replies);
  adopt(config, seen, base, plan.events);
  std::erase_if(base.changes,
                [&](Time t) { return seen.now - t >= config.guards.max_changes.per; });
  note_restart(config, seen, base, plan);
  charge_resets(config, seen, base, plan.events);

  auto judged = judge(config, base, seen);
  plan.paths = std::move(judged.paths);
  plan.discarded = std::move(judged.discarded);
  plan.series_expected = judged.series_expected;
  plan.series_usable = judged.series_usable;
  blame(plan.paths);
  note_verdicts(config, state, base, plan);

  measure(config, seen, base, plan.events);

  Context context{.config = config, .seen = seen, .paths = plan.paths, .state = std::move(base)};
  context.announcing = announcers(config, context.state, seen);
  context.blind_why = blindness(seen, plan);
  context.blind = !context.blind_why.empty();
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
  Context before = context;

  plan.steps = choose(context);
  plan.steps.insert(plan.steps.begin(), ordered.steps.begin(), ordered.steps.end());
  for (auto& wanted : plan.steps) consider(context, wanted);
  count(config, context.announcing, plan);

  Thought out{.next = context.state};
  set_condition(context, out.next, plan);
  tell_refusals(context, out.next, plan);
  notices(config, seen, out.next, plan);
  plan_change(setup, before, context, ordered, out.next, plan);
  answer_apply(ordered, plan);
  out.base = std::move(before.state);
  for (const auto& [upstream, session] : out.next.sessions) {
    plan.sessions.push_back(session_report(config, plan, upstream, session));
    plan.sessions.back().effect = effect_of(out.next, upstream);
  }
  plan.hash = plan_hash(out.next, plan);

  const bool over = out.next.safe_until && seen.now >= *out.next.safe_until;
  if (over && !plan.change) {
    out.next.safe_until.reset();
    out.base.safe_until.reset();
  }

  // What was learned and told holds with or without the change.
  out.base.condition = out.next.condition;
  out.base.condition_since = out.next.condition_since;
  out.base.condition_why = out.next.condition_why;
  out.base.refused = out.next.refused;
  out.base.next_decision = out.next.next_decision;
  out.plan = std::move(plan);
  return out;
}

}  // namespace anycast::core
