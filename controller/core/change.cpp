#include "controller/core/change.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/base/text.hpp"
#include "controller/core/blackhole.hpp"
#include "controller/core/choose.hpp"
#include "controller/core/damping.hpp"
#include "controller/core/egress.hpp"
#include "controller/core/guard.hpp"
#include "controller/core/notices.hpp"
#include "controller/core/origin.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::core {
namespace {

std::map<std::string, Stance> stances(const State& state) {
  std::map<std::string, Stance> out;
  for (const auto& [upstream, session] : state.sessions) out.emplace(upstream, session.stance);
  return out;
}

render::Beside beside_of(const State& state) {
  return {.hosts = host_routes(state.blackholes), .egress = in_use(state.egress)};
}

bool leaves_dead(const std::vector<Step>& steps) {
  return std::ranges::any_of(
      steps, [](const Step& step) { return step.decision != 0 && own_death(step); });
}

/// What it is handed over for, in one line.
std::string purpose(const Change& change, const std::vector<std::string>& words) {
  switch (change.why) {
    case Change::Why::step:
    case Change::Why::egress:
    case Change::Why::blackhole: return join(words, ", ");
    case Change::Why::drift: return "the daemon runs something else than we want: put it back";
    case Change::Why::adopt: break;
  }
  const std::string text = "the daemon runs no fragment of ours yet: hand it over";
  return change.charges.empty() ? text + ", announcements stay as they are" : text;
}

/// What a cycle moves.
struct Moves {
  const std::vector<Step>& steps;
  const std::vector<EgressReport>& egress;
};

/// The change that brings the daemon from what it runs to `fragment`, or nothing where it runs that
/// already.
std::optional<Change> change_to(const Setup& setup, const Seen& seen, const Fragment& fragment,
                                const State& state, const Moves& moves) {
  const auto& router = *seen.router.value;
  const bool in_force =
      router.revision == fragment.revision && router.file_revision == fragment.revision;
  if (in_force && !router.unconfirmed) return std::nullopt;
  Change out{.why = Change::Why::drift};
  std::vector<std::string> words;
  const auto egress = egress_moves(moves.egress);
  if (!egress.empty()) out.why = Change::Why::egress;
  for (const auto& step : moves.steps) {
    if (step.decision == 0) continue;
    out.why = Change::Why::step;
    out.upstreams.push_back(step.upstream);
    words.push_back(fmt::format("{} on {}", to_string(step.to), step.upstream));
  }
  words.insert(words.end(), egress.begin(), egress.end());
  // Revision 0 is nobody's: what a node runs before anycastd has ever written a fragment.
  if (out.why == Change::Why::drift && router.revision.value_or(0) == 0)
    out.why = Change::Why::adopt;
  out.diff =
      unified_diff(router.fragment, fragment.text, setup.config.router.fragment + " (in force)",
                   setup.config.router.fragment + " (planned)");
  out.charges = charges(setup.config, router, fragment);
  if (auto hosts = only_blackholes(setup.config, router, fragment)) {
    out.why = Change::Why::blackhole;
    out.upstreams = std::move(hosts->upstreams);
    words = {std::move(hosts->text)};
  }
  out.text = purpose(out, words);
  const auto wanted = stances(state);
  const bool nothing =
      std::ranges::none_of(wanted, [](const auto& entry) { return entry.second.announces(); });
  out.urgent = out.why == Change::Why::step && nothing &&
               ((state.drain && state.drain->now) || leaves_dead(moves.steps));
  out.fragment = fragment;
  return out;
}

struct Wanted {
  State state;
  std::vector<Step> steps;
  std::vector<EgressReport> egress;
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
                .carriers = base.carriers,
                .fitness = base.fitness};
  std::vector<Event> untold;
  auto egress = steer_egress(trial, untold).reports;
  auto steps = choose(trial);
  steps.insert(steps.begin(), extra.begin(), extra.end());
  for (auto& step : steps) consider(trial, step);
  return {.state = std::move(trial.state), .steps = std::move(steps), .egress = std::move(egress)};
}

/// The fragment for what the state says, if it can be rendered.
Result<Fragment> fragment_for(const Setup& setup, const Seen& seen, const State& state,
                              Rendered& rendered) {
  auto wanted = stances(state);
  auto beside = beside_of(state);
  if (rendered.fragment && rendered.stances == wanted && rendered.beside == beside)
    return *rendered.fragment;
  auto out = render::fragment(setup.fragment, setup.config, wanted, beside,
                              seen.router.value->revision.value_or(0));
  if (out) rendered = {.stances = std::move(wanted), .beside = std::move(beside), .fragment = *out};
  return out;
}

/// True if a step was refused by the one guard that yields to a person in mode auto too.
bool waits_for_a_person(const Plan& plan) {
  return std::ranges::any_of(plan.steps, [](const Step& step) {
    return std::ranges::any_of(step.guards, [](const GuardResult& word) {
      return word.guard == "listed" && !word.passed;
    });
  });
}

/// What `change` would be if a person applied the plan now. In mode auto nobody needs to but for
/// what is no longer listed, and where no step is wanted there is nothing that only a person could
/// apply.
Result<std::optional<Change>> proposal(const Setup& setup, const Context& before,
                                       const Ordered& ordered, const Plan& plan,
                                       const std::optional<Change>& change) {
  const bool by_itself = setup.config.mode == Mode::automatic && !before.forced;
  const bool egress = std::ranges::any_of(
      plan.egress, [](const EgressReport& report) { return !report.wanted.empty(); });
  const bool nothing = plan.steps.empty() && !egress;
  if (nothing || (by_itself && !waits_for_a_person(plan))) return change;
  const auto proposed = as_applied(before, ordered.steps);
  const auto then = render::fragment(setup.fragment, setup.config, stances(proposed.state),
                                     beside_of(proposed.state));
  if (!then) return tl::unexpected(then.error());
  return change_to(setup, before.seen, *then, proposed.state, {proposed.steps, proposed.egress});
}

/// What would be announced though ROAs speak against it; true if there is any.
bool notice_beginnings(const Context& before, const Fragment& fragment, Plan& plan) {
  const auto all = may_not_begin(before, plan.steps, fragment);
  if (all.empty()) return false;
  notice(plan, Notice::Level::error, "rpki", join(all, "; ") + ": no change is handed over");
  return true;
}

}  // namespace

void plan_change(const Setup& setup, const Context& before, const Ordered& ordered,
                 const State& next, Plan& plan, Rendered& rendered) {
  const auto& seen = before.seen;
  if (!seen.router.value || next.pending || next.sessions.empty()) return;
  auto wanted = fragment_for(setup, seen, next, rendered);
  if (!wanted) return notice(plan, Notice::Level::error, "render", to_string(wanted.error()));
  plan.fragment = *std::move(wanted);
  const auto change = change_to(setup, seen, plan.fragment, next, {plan.steps, plan.egress});
  plan.proposal = change;
  auto proposed = proposal(setup, before, ordered, plan, change);
  if (!proposed) return notice(plan, Notice::Level::error, "render", to_string(proposed.error()));
  plan.proposal = *std::move(proposed);
  plan.already_in_force = !change;
  if (!change) notice_exports(seen, plan.fragment, plan);
  const auto taken = [&](auto which) {
    return std::ranges::any_of(plan.steps,
                               [&](const Step& s) { return s.decision != 0 && which(s); });
  };
  // A blackhole begins and ends as a person has said.
  const bool person = before.person_applies || (change && change->why == Change::Why::blackhole) ||
                      taken([](const Step& s) { return !automatic(s); });
  const bool back = taken([](const Step& s) { return s.cause == Cause::undo; });
  // Only the file differs: to put it back changes no announcement, and to leave it there lets the
  // next `configure` of anybody make active what nobody confirmed.
  const bool file_only = change && change->why == Change::Why::drift &&
                         seen.router.value->revision == plan.fragment.revision &&
                         !seen.router.value->unconfirmed;
  const bool may = setup.config.mode == Mode::automatic ||
                   (setup.config.mode == Mode::advise && (person || file_only));
  const bool waits = (next.freeze && !back) || (next.safe_until && seen.now < *next.safe_until);
  if (change && (!may || (waits && !person && !leaves_dead(plan.steps)))) {
    if (change->why != Change::Why::step)
      notice(plan, Notice::Level::warning, "drift", change->text);
    return notice_lingering(setup.config, seen, next, plan);
  }
  const bool meant = before.person_applies || before.forced;
  const bool held = change && ((!meant && notice_unlisted(setup.config, seen, plan)) ||
                               notice_beginnings(before, change->fragment, plan));
  if (held) return notice_lingering(setup.config, seen, next, plan);
  plan.change = change;
  if (!plan.change) return;
  if (ordered.apply) plan.change->person_confirms = ordered.apply->confirm;
}

}  // namespace anycast::core
