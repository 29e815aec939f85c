#include "controller/core/egress.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/core/choose.hpp"
#include "controller/core/pauses.hpp"

namespace anycast::core {
namespace {

/// Leaving the first of the order counts as one of a row with those of the last hours.
constexpr Duration kRow = hours{6};

/// Where a carrier's packets should leave now.
struct Leaving {
  std::string to = {};  ///< empty: it stays
  std::string why = {};
  std::string next = {};
  std::optional<Time> earliest = {};
  bool leaves_bad = false;  ///< what is used now was tried in vain
  bool trial = true;        ///< of a move: whether it is to be proven
};

Leaving kept_over(std::string next, std::optional<Time> earliest = {}) {
  return {.next = std::move(next), .earliest = earliest};
}

const SessionView* view_of(const Context& context, const std::string& upstream) {
  if (!context.seen.router.value) return nullptr;
  const auto& sessions = context.seen.router.value->sessions;
  const auto found = sessions.find(upstream);
  return found == sessions.end() ? nullptr : &found->second;
}

bool session_up(const Context& context, const std::string& upstream) {
  const auto* view = view_of(context, upstream);
  return view != nullptr && view->up;
}

/// Only what is bad now: a verdict lasts beyond its cause until it is proven clear.
bool is_bad(const PathReport* path) {
  return path != nullptr && path->state.verdict == Verdict::bad && path->measured_bad;
}

/// What turns bad everywhere does not do so in the same cycle.
bool good_somewhere(const Context& context, const std::string& carrier) {
  return std::ranges::any_of(context.paths, [&](const PathReport& path) {
    return path.key.carrier == carrier && path.measured_clear && path.state.verdict != Verdict::bad;
  });
}

/// One that hears nothing of ours may drop packets from our prefixes (RFC 8704).
bool can_take_over(const Context& context, const std::string& upstream) {
  const auto* view = view_of(context, upstream);
  const auto said = context.state.sessions.find(upstream);
  return view != nullptr && view->up && view->refreshes && said != context.state.sessions.end() &&
         said->second.stance.announces();
}

bool tried_lately(const EgressState& egress, const std::string& upstream, Time now) {
  const auto found = egress.tried.find(upstream);
  return found != egress.tried.end() && now < found->second;
}

/// 8.5 and 8.6.
Leaving away_from_bad(const Context& context, const std::string& carrier,
                      const EgressState& egress) {
  const auto now = context.seen.now;
  const auto& self = context.config.self;
  const auto& order = context.config.me().egress.at(carrier);
  const auto* path = context.path(self, egress.upstream, carrier);
  Leaving out{
      .why = fmt::format("{} over {}", describe_bad(context.config, *path), egress.upstream),
      .leaves_bad = true};
  for (const auto& upstream : order) {
    const bool other = upstream != egress.upstream && can_take_over(context, upstream);
    if (!other || tried_lately(egress, upstream, now)) continue;
    const bool bad = is_bad(context.path(self, upstream, carrier));
    if (out.to.empty() || !bad) out.to = upstream;
    if (!bad) break;
  }
  if (!out.to.empty()) return out;
  if (egress.upstream != order.front() && can_take_over(context, order.front())) {
    out.to = order.front();
    out.trial = false;
    out.why += ", and all others were tried in vain";
    return out;
  }
  std::optional<Time> earliest;
  for (const auto& [upstream, until] : egress.tried) {
    if (upstream != egress.upstream && now < until)
      earliest = std::min(earliest.value_or(until), until);
  }
  return kept_over(earliest ? "all others were tried in vain" : "no other upstream can take over",
                   earliest);
}

/// 8.8.
Leaving back_to_first(const Context& context, const std::string& carrier,
                      const EgressState& egress) {
  const auto& first = context.config.me().egress.at(carrier).front();
  if (egress.upstream == first) return {};
  if (tried_lately(egress, first, context.seen.now))
    return kept_over(fmt::format("{} is tried again", first), egress.tried.at(first));
  const auto* path = context.path(context.config.self, first, carrier);
  if (!can_take_over(context, first)) return kept_over(fmt::format("{} cannot take over", first));
  if (path != nullptr && path->state.verdict == Verdict::bad)
    return kept_over(fmt::format("{} is bad itself", first));
  return {.to = first,
          .why = fmt::format("{} is the first of the order and its pause is over", first)};
}

/// 8.2 to 8.8; `egress` forgets its trial once that is proven.
Leaving leaving(const Context& context, const std::string& carrier, EgressState& egress) {
  const auto now = context.seen.now;
  if (!context.seen.router.value) return kept_over("the routing daemon does not answer");
  if (!session_up(context, egress.upstream)) {
    return kept_over(
        fmt::format("the session to {} is down: BGP goes another way by itself", egress.upstream));
  }
  const auto until = egress.since + context.config.egress.settle;
  const bool trial = !egress.from.empty();
  const auto* path = context.path(context.config.self, egress.upstream, carrier);
  // What was bad before a move away says nothing about it until its window has passed; after a
  // return, which nothing bad goes before, it does at once.
  const bool returned = egress.upstream == context.config.me().egress.at(carrier).front();
  const bool turned = returned && is_bad(path) && path->state.since > egress.since;
  if (trial && now < until && !turned) return kept_over("on trial, known", until);
  if (context.blind || path == nullptr || path->state.verdict == Verdict::unknown) {
    return kept_over(fmt::format("nobody knows how {} is over {}", carrier, egress.upstream));
  }
  if (!is_bad(path)) {
    if (trial) egress.from.clear();
    return trial ? Leaving{} : back_to_first(context, carrier, egress);
  }
  if (path->blame == "border")
    return kept_over(fmt::format("{} is bad at all nodes: no egress helps", carrier));
  if (!good_somewhere(context, carrier))
    return kept_over(fmt::format("no path of {} is proven good: it may be the border", carrier));
  if (!view_of(context, egress.upstream)->refreshes) {
    return kept_over(fmt::format(
        "{} does not send its routes again when asked (route refresh, RFC 2918)", egress.upstream));
  }
  return away_from_bad(context, carrier, egress);
}

/// Why nothing may be moved now, or empty.
std::string held_by(const Context& context) {
  const auto& state = context.state;
  const auto mode = context.config.mode;
  if (mode == Mode::observe) return "mode observe changes nothing";
  if (state.freeze)
    return fmt::format("frozen by {} \"{}\"", state.freeze->actor, state.freeze->reason);
  if (state.pending) return "a change waits for confirm or undo";
  if (state.safe_until && context.seen.now < *state.safe_until)
    return "an apply failed and was taken back: " + state.condition_why;
  if (mode != Mode::automatic && !context.person_applies)
    return "mode advise: a person applies it (anycastctl apply)";
  return {};
}

/// How long what was tried in vain is left alone: twice as long with each time in a row that the
/// first was left, and never too short for all others to be tried in the meantime.
Duration egress_pause(const Context& context, const std::string& carrier,
                      const EgressState& egress) {
  const auto times = std::max<std::size_t>(egress.turns.size(), 1);
  const auto places = static_cast<int>(context.config.me().egress.at(carrier).size());
  return std::max(doubled(context.config.guards.reversal, times),
                  context.config.egress.settle * (places + 1));
}

void move_egress(const Context& context, const std::string& carrier, const Leaving& wanted,
                 EgressState& egress) {
  const auto now = context.seen.now;
  const bool first = egress.upstream == context.config.me().egress.at(carrier).front();
  if (first) append(egress.turns, now, kRow);
  std::erase_if(egress.tried, [&](const auto& entry) { return now >= entry.second; });
  if (wanted.leaves_bad)
    egress.tried[egress.upstream] = now + egress_pause(context, carrier, egress);
  egress.from = wanted.trial ? egress.upstream : std::string{};
  egress.upstream = wanted.to;
  egress.since = now;
  egress.why = wanted.why;
}

/// 8.1.
void follow_order(const Context& context, Egresses& egresses) {
  const auto& orders = context.config.me().egress;
  std::erase_if(egresses, [&](const auto& entry) { return !orders.contains(entry.first); });
  for (const auto& [carrier, order] : orders) {
    auto& egress = egresses[carrier];
    if (std::ranges::find(order, egress.upstream) != order.end()) continue;
    egress = {
        .upstream = order.front(), .since = context.seen.now, .why = "the first of the order"};
  }
}

/// What the one that was left does meanwhile tells which direction it is: where it is not bad any
/// more either, nothing but the way out has changed.
void tell_kept(const Context& context, const std::string& carrier, const EgressState& was,
               const EgressState& is, std::vector<Event>& events) {
  if (was.from.empty() || !is.from.empty()) return;
  const bool still = is_bad(context.path(context.config.self, was.from, carrier));
  events.push_back(
      {.kind = "egress-kept",
       .priority = 5,
       .text = fmt::format("{} is not bad any more over {}, {} after its packets left {}, which "
                           "is {}; next: nothing",
                           carrier, is.upstream, format_age(context.seen.now - is.since), was.from,
                           still ? "still bad" : "not bad either"),
       .upstream = is.upstream,
       .carrier = carrier,
       .node = context.config.self,
       .cause = "carrier",
       .actor = "engine"});
}

}  // namespace

EgressPlan steer_egress(Context& context, std::vector<Event>& events) {
  EgressPlan out;
  auto egresses = context.state.egress;
  follow_order(context, egresses);
  out.before = egresses;
  const auto held = held_by(context);
  for (auto& [carrier, egress] : egresses) {
    auto& before = out.before.at(carrier);
    const auto wanted = leaving(context, carrier, before);
    tell_kept(context, carrier, egress, before, events);
    egress = before;
    EgressReport report{.carrier = carrier, .next = wanted.next, .earliest = wanted.earliest};
    if (!wanted.to.empty() && held.empty()) {
      report.from = egress.upstream;
      move_egress(context, carrier, wanted, egress);
      if (wanted.trial) report.earliest = egress.since + context.config.egress.settle;
      report.next = wanted.trial ? "on trial, known" : "nothing until others may be tried again";
    } else if (!wanted.to.empty()) {
      report.wanted = wanted.to;
      report.next = fmt::format("to {}, held: {} ({})", wanted.to, held, wanted.why);
    }
    report.upstream = egress.upstream;
    report.since = egress.since;
    report.why = egress.why;
    out.reports.push_back(std::move(report));
  }
  context.state.egress = std::move(egresses);
  return out;
}

Word egress(const Context& context, const Step& step) {
  if (step.cause != Cause::carrier || step.carriers.empty()) return std::nullopt;
  std::optional<GuardResult> word;
  for (const auto& carrier : step.carriers) {
    const auto found = context.state.egress.find(carrier);
    if (found == context.state.egress.end()) return std::nullopt;
    const auto& [upstream, since, from, why, in_vain, turns] = found->second;
    const auto until = since + context.config.egress.settle;
    if (from.empty() || context.seen.now >= until) return std::nullopt;
    word = refuse("egress",
                  fmt::format("packets to {} leave over {} since {}, settles {}", carrier, upstream,
                              format_clock(since), format_age(context.config.egress.settle)),
                  "egress.settle", until);
  }
  return word;
}

std::vector<std::string> egress_moves(const std::vector<EgressReport>& reports) {
  std::vector<std::string> out;
  for (const auto& report : reports) {
    if (!report.from.empty())
      out.push_back(fmt::format("packets to {} over {}", report.carrier, report.upstream));
  }
  return out;
}

}  // namespace anycast::core
