#include "controller/core/guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "controller/base/text.hpp"
#include "controller/core/choose.hpp"
#include "controller/core/damping.hpp"
#include "controller/core/effect.hpp"
#include "controller/core/egress.hpp"
#include "controller/core/guard_words.hpp"
#include "controller/core/listed.hpp"
#include "controller/core/local.hpp"
#include "controller/core/origin.hpp"
#include "controller/core/pauses.hpp"
#include "controller/core/prefer_guards.hpp"
#include "controller/core/vrrp.hpp"

namespace anycast::core {
namespace {

Announcers without(const Context& context, const Step& step) {
  auto left = context.announcing;
  left.erase({context.config.self, step.upstream});
  return left;
}

/// Who announces once the step, and all that is to come with it, are taken: a dead node leaves on
/// all sessions or, where the fleet needs it, on none.
Announcers left_by(const Context& context, const Step& step) {
  auto left = without(context, step);
  if (own_death(step))
    std::erase_if(left, [&](const auto& pair) { return pair.first == context.config.self; });
  return left;
}

// 5.1 How far this daemon goes by itself.
Word mode(const Context& context, const Step& step) {
  const auto mode = context.config.mode;
  const auto text = "mode " + to_string(mode);
  if (mode == Mode::observe) return refuse("mode", text + " changes nothing", "mode");
  if (mode == Mode::automatic || !automatic(step) || context.person_applies)
    return pass("mode", text, "mode");
  return refuse("mode", text + ": a person applies it (anycastctl apply)", "mode");
}

// 5.2 A person's stop, or the engine's own.
Word freeze(const Context& context, const Step& step) {
  const auto& freeze = context.state.freeze;
  if (!freeze) return pass("freeze", "not frozen");
  if (own_death(step)) return pass("freeze", "frozen, which does not hold a dead node");
  // Where predictions cannot be trusted what did harm still goes back.
  if (step.cause == Cause::undo && freeze->actor == kEngine)
    return pass("freeze", "frozen by itself: back only");
  return refuse("freeze", fmt::format("frozen by {} \"{}\"", freeze->actor, freeze->reason), {},
                freeze->until);
}

// 5.3 A change that waits for a person's confirm is in flight.
Word probation(const Context& context, const Step&) {
  if (!context.state.pending) return std::nullopt;
  return refuse("probation", "a change waits for confirm or undo", {},
                context.state.pending->confirm_by);
}

// 5.4 What runs must be known before it is changed.
Word router(const Context& context, const Step& step) {
  if (!context.seen.router.value) {
    return refuse("router", "the routing daemon does not answer", "router.socket");
  }
  const auto& sessions = context.seen.router.value->sessions;
  const auto found = sessions.find(step.upstream);
  if (found == sessions.end() || found->second.up || !automatic(step)) return std::nullopt;
  // Once it is up it must not attract anybody to a node that is dead.
  if (step.cause == Cause::startup || own_death(step)) return std::nullopt;
  return refuse("session", fmt::format("session {} is {}: nothing to steer", step.upstream,
                                       found->second.state));
}

// 5.5 Missing evidence holds everything that evidence would have to justify.
Word evidence(const Context& context, const Step& step) {
  if (!automatic(step) || own_death(step)) return std::nullopt;
  if (!context.blind) return pass("evidence", "evidence fresh");
  if (step.cause != Cause::startup) return refuse("evidence", "blind: " + context.blind_why);
  // Who left because another host served did so without evidence, and that one leaves now.
  const auto& session = context.state.sessions.at(step.upstream);
  if (session.cause == Cause::service && takes_over(context, session))
    return pass("evidence", "blind, and takes over from the other host of its address");
  // Withdrawn because nobody knew better, and nobody will know while everybody waits: after one
  // window without any evidence the node takes part again.
  const auto until = session.since + context.config.evidence.window;
  return decide(context.seen.now >= until, "evidence",
                fmt::format("blind at startup, waits {} for evidence",
                            format_age(context.config.evidence.window)),
                "evidence.window", until);
}

// 5.6 The rung the session stands on has to be given time to show its effect.
Word settle(const Context& context, const Step& step) {
  // What policy prefer has made of a path is right until the plan changes, and that takes time.
  if (prefers(context)) return std::nullopt;
  if (step.cause != Cause::carrier && step.cause != Cause::restore) return std::nullopt;
  const auto& session = context.state.sessions.at(step.upstream);
  const auto& policy = context.config.policy;
  const bool up = step.cause == Cause::carrier;
  if (up && session.rung == 0) return std::nullopt;
  const auto settle = up ? policy.carrier_bad.at(static_cast<std::size_t>(session.rung - 1)).settle
                         : policy.restore_settle;
  const auto until = session.since + settle;
  return decide(context.seen.now >= until, "settle",
                fmt::format("{} since {}, settles {}", to_string(session.stance),
                            format_clock(session.since), format_age(settle)),
                up ? "policy.carrier_bad" : "policy.restore.settle", until);
}

// 5.7 Repel only when there is somewhere to go that is known to be good.
Word destination(const Context& context, const Step& step) {
  if (!paced(step) || step.cause == Cause::restore || !degrades(context.config, step))
    return std::nullopt;
  if (prefers(context)) return preferred_destination(context, step);
  for (const auto& carrier : step.carriers) {
    const auto good = std::ranges::find_if(context.announcing, [&](const auto& pair) {
      const bool weak = step.cause == Cause::service;  // the node itself, whatever the session
      const bool own = pair.first == context.config.self && (weak || pair.second == step.upstream);
      const auto* path = context.path(pair.first, pair.second, carrier);
      return !own && path != nullptr && path->measured_clear && path->state.verdict != Verdict::bad;
    });
    if (good == context.announcing.end()) {
      return refuse(
          "destination",
          fmt::format("no other announced path of {} is proven good (all bounds under 'clear')",
                      carrier));
    }
  }
  return pass("destination", "a path that is proven good is announced elsewhere");
}

// 5.8 The floor: anchors never lose an announcement to automation.
Word anchor(const Context& context, const Step& step) {
  if (!removes(step) || !automatic(step) || context.config.guards.anchors.empty())
    return std::nullopt;
  const bool is = context.config.is_anchor(context.config.self);
  return decide(!is, "anchor", is ? "this node is an anchor" : "this node is no anchor",
                "guards.anchors");
}

// 5.9 The floor: the last announcer stays, whatever anybody configured.
Word last_announcer(const Context& context, const Step& step) {
  if (!removes(step)) return std::nullopt;
  const auto left = left_by(context, step).size();
  return decide(left > 0, "last_announcer",
                fmt::format("{} known to announce afterwards, needs 1", left));
}

// 5.10 The floor: nodes.
Word min_nodes(const Context& context, const Step& step) {
  if (!removes(step)) return std::nullopt;
  const int before = nodes_in(context.announcing);
  const int after = nodes_in(left_by(context, step));
  const int need = context.config.guards.min_nodes;
  return decide(after >= need || after == before, "min_nodes",
                fmt::format("nodes {} -> {}, needs {}", before, after, need), "guards.min_nodes");
}

// 5.11 The floor: ways left for each carrier.
Word min_paths(const Context& context, const Step& step) {
  if (!removes(step)) return std::nullopt;
  const int need = context.config.guards.min_paths_per_carrier;
  std::vector<std::string> figures;
  bool enough = true;
  for (const auto& carrier : context.config.upstreams.at(step.upstream).carries) {
    const int before = paths_in(context.config, context.announcing, carrier);
    const int after = paths_in(context.config, without(context, step), carrier);
    figures.push_back(fmt::format("{} {} -> {}", carrier, before, after));
    enough = enough && after >= need;
  }
  return decide(enough, "min_paths_per_carrier",
                fmt::format("paths {}, needs {}", join(figures, ", "), need),
                "guards.min_paths_per_carrier");
}

/// Whether what the anchors are known to announce is all that the floor wants: then it holds,
/// whoever else leaves at the same moment.
bool anchored(const Context& context, const Step& step) {
  Announcers anchors;
  std::ranges::copy_if(context.announcing, std::inserter(anchors, anchors.end()),
                       [&](const auto& pair) { return context.config.is_anchor(pair.first); });
  const auto& guards = context.config.guards;
  const auto& carries = context.config.upstreams.at(step.upstream).carries;
  return nodes_in(anchors) >= std::max(1, guards.min_nodes) &&
         std::ranges::all_of(carries, [&](const std::string& carrier) {
           return paths_in(context.config, anchors, carrier) >= guards.min_paths_per_carrier;
         });
}

// 5.12 The floor without a coordinator: nodes that read each other's announcements late must not
// remove their own at the same moment. Each has its turn, long enough that the others see what it
// did before theirs begins, and acts in the first half of it only. A dead node need not wait where
// the anchors alone are enough: they do not leave.
Word turn(const Context& context, const Step& step) {
  const auto nodes = static_cast<std::int64_t>(context.config.nodes.size());
  if (prefers(context) && !removes(step)) return preferred_turn(context, step);
  if (!removes(step) || !automatic(step) || nodes < 2) return std::nullopt;
  if (own_death(step) && anchored(context, step))
    return pass("turn", "the anchors are enough for the floor", "guards.anchors");
  const auto length = context.config.guards.turn.count();
  const auto mine =
      std::distance(context.config.nodes.begin(), context.config.nodes.find(context.config.self));
  const auto round = length * nodes;
  const auto now = context.seen.now.time_since_epoch().count();
  const auto begins = now - now % round + mine * length;
  const bool is = now >= begins && now < begins + length / 2;
  const auto next = Time{Duration{now < begins ? begins : begins + round}};
  return decide(is, "turn",
                is ? "it is this node's turn"
                   : fmt::format("turn {} of {} comes at {}", mine + 1, nodes, format_clock(next)),
                "guards.turn", next);
}

// 5.13 Pace: after any change of ours the world gets time.
Word hold(const Context& context, const Step& step) {
  if (!paced(step)) return std::nullopt;
  if (context.automatic_steps > 0)
    return refuse("one_step", "one step at a time", "guards.hold_after_change");
  if (context.state.changes.empty()) return std::nullopt;
  const auto until = context.state.changes.back() + context.config.guards.hold_after_change;
  return decide(
      context.seen.now >= until, "hold_after_change",
      fmt::format("last change at {}, holds {}", format_clock(context.state.changes.back()),
                  format_age(context.config.guards.hold_after_change)),
      "guards.hold_after_change", until);
}

// 5.14 Pace: the budget.
Word budget(const Context& context, const Step& step) {
  if (!paced(step)) return std::nullopt;
  const auto& [count, per] = context.config.guards.max_changes;
  const auto used = static_cast<int>(context.state.changes.size());
  std::optional<Time> earliest;
  if (used >= count)
    earliest = context.state.changes.at(static_cast<std::size_t>(used - count)) + per;
  return decide(used < count, "max_changes",
                fmt::format("{} of {} changes used in {}", used, count, format_age(per)),
                "guards.max_changes", earliest);
}

// 5.15 After an undo or a failure the session is left alone for a while.
Word backoff(const Context& context, const Step& step) {
  if (!automatic(step)) return std::nullopt;
  const auto& state = context.state;
  if (state.safe_until && context.seen.now < *state.safe_until && !own_death(step)) {
    return refuse("safe", "an apply failed and was taken back: " + state.condition_why, {},
                  state.safe_until);
  }
  const auto& until = state.sessions.at(step.upstream).hold_until;
  if (!until || context.seen.now >= *until) return std::nullopt;
  return refuse("undone", "a person took the last change back", {}, until);
}

// 5.16 Times of the week that forbid one kind of step.
Word windows(const Context& context, const Step& step) {
  const bool exempt = step.cause == Cause::startup || step.cause == Cause::undo || own_death(step);
  if (!automatic(step) || exempt) return std::nullopt;
  const auto kind =
      degrades(context.config, step) ? Window::Forbids::degrade : Window::Forbids::announce;
  for (const auto& open : context.seen.windows) {
    const auto window = std::ranges::find(context.config.guards.windows, open.name, &Window::name);
    if (window == context.config.guards.windows.end()) continue;
    if (std::ranges::find(window->forbid, kind) == window->forbid.end()) continue;
    return refuse("window",
                  fmt::format("window {} is open until {}", open.name, format_clock(open.closes)),
                  "guards.windows", open.closes);
  }
  return std::nullopt;
}

// 5.17 to 5.23: damping.hpp, pauses.hpp, effect.hpp, prefer_guards.hpp, listed.hpp, origin.hpp;
// 5.25: local.hpp; 5.26: egress.hpp.

// 5.24 Nobody is attracted to a node that cannot serve.
Word service(const Context& context, const Step& step) {
  const bool attracts = !step.from.announces() && step.to.announces();
  if (!attracts || !automatic(step) || context.fitness.why.empty()) return std::nullopt;
  return decide(context.fitness.level == Level::up, "service", context.fitness.why);
}

/// A rule with the names under which it speaks; the test of the texts wants a case for each.
struct Rule {
  Word (*word)(const Context&, const Step&);
  std::array<const char*, 2> names;
};
constexpr std::array<Rule, 26> kGuards = {{{mode, {"mode"}},
                                           {freeze, {"freeze"}},
                                           {probation, {"probation"}},
                                           {router, {"router", "session"}},
                                           {evidence, {"evidence"}},
                                           {settle, {"settle"}},
                                           {destination, {"destination"}},
                                           {anchor, {"anchor"}},
                                           {last_announcer, {"last_announcer"}},
                                           {min_nodes, {"min_nodes"}},
                                           {min_paths, {"min_paths_per_carrier"}},
                                           {turn, {"turn"}},
                                           {hold, {"one_step", "hold_after_change"}},
                                           {budget, {"max_changes"}},
                                           {backoff, {"safe", "undone"}},
                                           {windows, {"window"}},
                                           {damping, {"damping"}},
                                           {reannounce, {"reannounce"}},
                                           {reversal, {"reversal"}},
                                           {effect, {"effect"}},
                                           {capacity, {"capacity"}},
                                           {listed, {"listed"}},
                                           {origin, {"origin"}},
                                           {service, {"service"}},
                                           {inside, {"inside"}},
                                           {egress, {"egress"}}}};

}  // namespace

std::vector<std::string> guard_names() {
  std::vector<std::string> out;
  for (const auto& rule : kGuards) {
    for (const auto* name : rule.names) {
      if (name != nullptr) out.emplace_back(name);
    }
  }
  return out;
}

std::vector<GuardResult> guard(const Context& context, const Step& step) {
  std::vector<GuardResult> words;
  for (const auto& rule : kGuards) {
    if (auto word = rule.word(context, step)) words.push_back(*std::move(word));
  }
  return words;
}

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
  if (paced(step) || step.cause == Cause::undo) ++context.automatic_steps;
}

}  // namespace anycast::core
