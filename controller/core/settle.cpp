#include <fmt/format.h>

#include <utility>

#include "controller/core/damping.hpp"
#include "controller/core/step.hpp"
#include "controller/core/words.hpp"

namespace anycast::core {
namespace {

using Reply = OrderReply::Outcome;

std::string kind_of(const Stance& stance) {
  switch (stance.kind) {
    case Stance::Kind::announce: return "step-announce";
    case Stance::Kind::prepend: return "step-prepend";
    case Stance::Kind::drain: return "step-drain";
    case Stance::Kind::withdraw: return "step-withdraw";
  }
  return "step";
}

/// A first fragment that says what was said already is no alarm; any other change is.
bool says_the_same(const Change& change) {
  return change.why == Change::Why::adopt && change.charges.empty();
}

/// Of a change without a step.
std::string kind_of(const Change& change) {
  if (change.why == Change::Why::blackhole) return "blackhole";
  return says_the_same(change) ? "applied" : "router-drift";
}

void tell_steps(const Config& config, const Thought& thought, std::vector<Event>& events) {
  for (const auto& step : thought.plan.steps) {
    if (step.decision == 0) continue;
    const auto& after = thought.next.sessions.at(step.upstream);
    events.push_back({.kind = kind_of(step.to),
                      .priority = step.to.announces() ? 5 : 4,
                      .text = step_done(config, thought.plan, step, after),
                      .upstream = step.upstream,
                      .carrier = step.carriers.empty() ? "" : step.carriers.front(),
                      .node = config.self,
                      .from = to_string(step.from),
                      .to = to_string(step.to),
                      .cause = to_string(step.cause),
                      .actor = step.cause == Cause::operated ? "operator" : "engine",
                      .decision = step.decision});
  }
}

void tell_egress(const Config& config, const Plan& plan, std::vector<Event>& events) {
  for (const auto& report : plan.egress) {
    if (report.from.empty()) continue;
    const auto next = report.earliest ? "judged after " + format_clock(*report.earliest)
                                      : std::string{"others are tried again after their pause"};
    events.push_back(
        {.kind = "egress",
         .priority = 5,
         .text = fmt::format("packets to {} leave {} over {} instead of {}: {}; next: {}",
                             report.carrier, config.self, report.upstream, report.from, report.why,
                             next),
         .upstream = report.upstream,
         .carrier = report.carrier,
         .node = config.self,
         .from = report.from,
         .to = report.upstream,
         .cause = "carrier",
         .actor = "engine"});
  }
}

/// Whether anything is handed over to the routing daemon, or answered on probation.
bool hands_over(const Plan& plan) { return plan.change || plan.confirm || plan.undo; }

bool has_steps(const Thought& thought) {
  for (const auto& step : thought.plan.steps) {
    if (step.decision != 0) return true;
  }
  return false;
}

/// Steps that a guard let pass but that could not be rendered or may not be handed over have not
/// happened. Where one was taken, the state without it is another.
State unchanged(const Thought& thought, State next) {
  if (has_steps(thought) && !thought.plan.already_in_force)
    next.sessions = thought.without->sessions;
  return next;
}

/// An order that stands is tried again each cycle: the same failure is told once.
void go_safe(const Config& config, Time now, const Error& error, Settled& out) {
  const auto why = to_string(error);
  const bool again = out.state.condition == Condition::safe && out.state.condition_why == why;
  out.state.safe_until = now + config.guards.hold_after_change;
  if (again) return;
  out.state.condition = Condition::safe;
  out.state.condition_since = now;
  out.state.condition_why = why;
  out.events.push_back(
      {.kind = "rolled-back",
       .priority = 3,
       .text =
           fmt::format("rolled back: {}; announcements are as before; next: no change before {}",
                       why, format_clock(*out.state.safe_until)),
       .node = config.self});
}

/// The answer to the change on probation: a person's, or ours after a kill.
Settled settle_probation(const Config& config, const Thought& thought, const Outcome& outcome) {
  const auto& plan = thought.plan;
  Settled out{.state = thought.base()};
  const auto pending = out.state.pending.value_or(Pending{});
  out.state.pending.reset();
  const bool kept = plan.confirm && !outcome.error;
  if (kept) {
    out.state.sessions = pending.sessions;
    out.state.egress = pending.egress;
    out.state.changes.push_back(plan.now);
  } else {
    charge(config, plan.now, pending.charges, out.state);
  }
  if (outcome.error) go_safe(config, plan.now, *outcome.error, out);
  const std::string text = outcome.error ? to_string(*outcome.error)
                           : kept        ? "confirmed"
                                         : "taken back";
  out.events.push_back(
      {.kind = kept ? "applied" : "rolled-back",
       .priority = 5,
       .text =
           fmt::format("the change {} was {}; next: see status",
                       pending.confirm_by ? "on probation" : "that a kill left on probation", text),
       .node = config.self,
       .actor = pending.confirm_by ? "operator" : "engine"});
  if (plan.answers != 0)
    out.replies.push_back({plan.answers, outcome.error ? Reply::failed : Reply::done, text});
  return out;
}

}  // namespace

State intent(const Config& config, const Thought& thought) {
  State out = thought.base();
  const auto& change = thought.plan.change;
  if (!change) return out;
  out.blackholes = thought.next.blackholes;
  out.pending = Pending{.to_revision = change->fragment.revision,
                        .sessions = thought.next.sessions,
                        .egress = thought.next.egress,
                        .charges = change->charges};
  charge(config, thought.plan.now, change->charges, out);
  if (change->person_confirms) {
    out.pending->confirm_by = thought.plan.now + *change->person_confirms;
    out.pending->order = thought.plan.answers;
  }
  return out;
}

Settled settle(const Config& config, Thought&& thought, const Outcome& outcome) {
  if (hands_over(thought.plan)) return settle(config, std::as_const(thought), outcome);
  return {.state = unchanged(thought, std::move(thought.next))};
}

Settled settle(const Config& config, const Thought& thought, const Outcome& outcome) {
  const auto& plan = thought.plan;
  if (!hands_over(plan)) return {.state = unchanged(thought, thought.next)};
  if (plan.confirm || plan.undo) return settle_probation(config, thought, outcome);
  Settled out{.state = thought.next};
  const auto answer = [&](Reply kind, std::string text) {
    if (plan.answers != 0) out.replies.push_back({plan.answers, kind, std::move(text)});
  };
  if (outcome.error) {
    out.state = thought.base();
    for (int there_and_back = 0; outcome.left && there_and_back < 2; ++there_and_back)
      charge(config, plan.now, plan.change->charges, out.state);
    go_safe(config, plan.now, *outcome.error, out);
    answer(Reply::failed, "rolled back: " + to_string(*outcome.error));
    return out;
  }
  if (outcome.on_probation) {
    out.state = intent(config, thought);
    const auto until = format_clock(*out.state.pending->confirm_by);
    out.events.push_back(
        {.kind = "applied",
         .priority = 5,
         .text = fmt::format("{} on {}, on probation until {}; applied and verified in {}; next: "
                             "anycastctl confirm, or it goes back",
                             plan.change->text, config.self, until, format_age(outcome.took)),
         .upstream = plan.change->upstreams.empty() ? "" : plan.change->upstreams.front(),
         .node = config.self,
         .actor = "operator"});
    answer(Reply::done,
           fmt::format("applied and verified in {}; on probation until {}: anycastctl confirm, or "
                       "it goes back",
                       format_age(outcome.took), until));
    return out;
  }
  out.state.safe_until.reset();
  charge(config, plan.now, plan.change->charges, out.state);
  tell_egress(config, plan, out.events);
  if (has_steps(thought)) {
    out.state.changes.push_back(plan.now);
    tell_steps(config, thought, out.events);
  } else if (plan.change->why != Change::Why::egress) {
    const bool quiet = says_the_same(*plan.change);
    out.events.push_back({.kind = kind_of(*plan.change),
                          .priority = quiet ? 6 : 4,
                          .text = fmt::format("{}; done and verified in {}; next: nothing",
                                              plan.change->text, format_age(outcome.took)),
                          .node = config.self});
  }
  answer(Reply::done, fmt::format("applied and verified in {}: {}", format_age(outcome.took),
                                  plan.change->text));
  return out;
}

}  // namespace anycast::core
