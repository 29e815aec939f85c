#include "controller/core/orders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/core/blackhole.hpp"
#include "controller/core/choose.hpp"
#include "controller/core/damping.hpp"
#include "controller/core/guard.hpp"

namespace anycast::core {
namespace {

using Outcome = OrderReply::Outcome;

/// Room for the engine to leave a session alone after a person took its step back (DESIGN: back
/// off).
constexpr Duration kUndoneHold = minutes{30};

class Desk {
 public:
  Desk(Context& context, std::vector<Event>& events, std::vector<OrderReply>& replies)
      : context_{context}, state_{context.state}, events_{events}, replies_{replies} {}

  Ordered take() {
    expire();
    for (const auto& order : context_.seen.orders) handle(order);
    return std::move(out_);
  }

 private:
  void reply(const Order& order, Outcome outcome, std::string text) {
    replies_.push_back({order.id, outcome, std::move(text)});
  }

  std::optional<Time> until(const Order& order) const {
    if (!order.lasts) return std::nullopt;
    return context_.seen.now + *order.lasts;
  }

  static std::string for_how_long(std::optional<Time> until) {
    return until ? "until " + format_clock(*until) : "until taken back";
  }

  void record(const Order& order, const std::string& what) {
    events_.push_back(
        {.kind = "operator",
         .priority = 5,
         .text = fmt::format("{}: {} \"{}\"; next: see status", what, order.actor, order.reason),
         .upstream = order.upstream,
         .node = context_.config.self,
         .cause = "operator",
         .actor = order.actor});
  }

  void expire() {
    const auto over = [&](const std::optional<Time>& end) {
      return end && context_.seen.now >= *end;
    };
    const auto note = [&](const std::string& what) {
      events_.push_back({.kind = "operator",
                         .priority = 5,
                         .text = what + "; next: the engine decides again",
                         .node = context_.config.self,
                         .cause = "operator"});
    };
    if (state_.drain && over(state_.drain->until)) {
      state_.drain.reset();
      note("the drain ended by its time");
    }
    if (state_.freeze && over(state_.freeze->until)) {
      state_.freeze.reset();
      note("the freeze ended by its time");
    }
    end_blackholes(context_.config, context_.seen.now, state_, events_);
    for (auto& [upstream, session] : state_.sessions) {
      if (!session.pin || !over(session.pin->until)) continue;
      session.pin.reset();
      note(fmt::format("the pin on {} ended by its time", upstream));
    }
  }

  /// The first refusal that the steps of a standing order would meet now, or nothing.
  std::optional<std::string> refusal(const State& with) const {
    Context trial{.config = context_.config,
                  .seen = context_.seen,
                  .paths = context_.paths,
                  .state = with,
                  .announcing = context_.announcing,
                  .forced = out_.forced};
    // A drain first lowers preference and withdraws later: ask the guards about its end, not its
    // beginning.
    if (trial.state.drain) trial.state.drain->now = true;
    for (const auto& step : choose(trial)) {
      if (step.cause != Cause::operated) continue;
      for (const auto& word : guard(trial, step)) {
        if (!word.passed) return fmt::format("{}: {} ({})", step.upstream, word.text, word.guard);
      }
      if (removes(step)) trial.announcing.erase({context_.config.self, step.upstream});
      spend(trial, step);
    }
    return std::nullopt;
  }

  /// Takes `with` as the new state unless a guard refuses what it leads to.
  void stand(const Order& order, State with, const std::string& what) {
    if (const auto why = refusal(with)) {
      events_.push_back({.kind = "guard-refused",
                         .priority = 4,
                         .text = fmt::format("did not take '{}' of {}: {}; next: nothing", what,
                                             order.actor, *why),
                         .upstream = order.upstream,
                         .node = context_.config.self,
                         .cause = "operator",
                         .actor = order.actor});
      return reply(order, Outcome::refused, "refused: " + *why);
    }
    state_ = std::move(with);
    record(order, what);
    reply(order, Outcome::done, what);
  }

  void drain(const Order& order) {
    auto with = state_;
    with.drain = Standing{.since = context_.seen.now,
                          .until = until(order),
                          .reason = order.reason,
                          .actor = order.actor,
                          .now = order.now,
                          .force = order.force};
    stand(order, std::move(with),
          fmt::format("draining {} {}", context_.config.self, for_how_long(until(order))));
  }

  void pin(const Order& order) {
    auto with = state_;
    const auto session = with.sessions.find(order.upstream);
    if (session == with.sessions.end()) {
      return reply(
          order, Outcome::refused,
          fmt::format("refused: '{}' is no session of {}", order.upstream, context_.config.self));
    }
    const int most = context_.config.upstreams.at(order.upstream).prepend_max;
    if (order.stance.prepend > most) {
      return reply(order, Outcome::refused,
                   fmt::format("refused: {} takes at most {} prepends", order.upstream, most));
    }
    const auto asked = communities_for(context_.config.upstreams.at(order.upstream), order.stance);
    if (!asked) {
      return reply(order, Outcome::refused,
                   fmt::format("refused: {}: {}", order.upstream, asked.error().text));
    }
    session->second.pin = Pin{.stance = order.stance,
                              .until = until(order),
                              .reason = order.reason,
                              .actor = order.actor,
                              .force = order.force};
    stand(order, std::move(with),
          fmt::format("pinned {} to {} {}", order.upstream, to_string(order.stance),
                      for_how_long(until(order))));
  }

  void unpin(const Order& order) {
    const auto session = state_.sessions.find(order.upstream);
    if (session == state_.sessions.end() || !session->second.pin) {
      return reply(order, Outcome::refused,
                   fmt::format("refused: '{}' is not pinned", order.upstream));
    }
    session->second.pin.reset();
    record(order, "unpinned " + order.upstream);
    reply(order, Outcome::done, "unpinned " + order.upstream);
  }

  void freeze(const Order& order) {
    state_.freeze = Standing{.since = context_.seen.now,
                             .until = until(order),
                             .reason = order.reason,
                             .actor = order.actor};
    record(order, "frozen " + for_how_long(state_.freeze->until));
    reply(order, Outcome::done, "frozen " + for_how_long(state_.freeze->until));
  }

  void lift(const Order& order, std::optional<Standing>& standing, const std::string& word) {
    if (!standing) return reply(order, Outcome::refused, "refused: not " + word);
    standing.reset();
    record(order, "no longer " + word);
    reply(order, Outcome::done, "no longer " + word);
  }

  void undo(const Order& order) {
    if (state_.pending) {
      out_.undo = true;
      out_.probation_order = order.id;
      return record(order, "took back the change on probation");
    }
    const auto last = std::ranges::max_element(state_.sessions, {},
                                               [](const auto& s) { return s.second.decision; });
    const bool none = last == state_.sessions.end() || last->second.decision == 0;
    if (none || (order.decision != 0 && order.decision != last->second.decision)) {
      return reply(order, Outcome::refused,
                   "refused: only the newest decision can be taken back, and it is not that");
    }
    const auto before = state_.previous.find(last->first);
    const auto stance =
        before == state_.previous.end() ? std::nullopt : parse_stance(before->second);
    if (!stance || last->second.pin || state_.drain) {
      return reply(order, Outcome::refused,
                   "refused: it is held by an order; take that one back (unpin, undrain)");
    }
    last->second.hold_until = context_.seen.now + kUndoneHold;
    out_.steps.push_back({.upstream = last->first,
                          .from = last->second.stance,
                          .to = *stance,
                          .rung = rung_of(context_.config.policy, *stance),
                          .cause = Cause::operated,
                          .why = fmt::format("#{} taken back by {} \"{}\"", last->second.decision,
                                             order.actor, order.reason),
                          .order = order.id});
    record(order, fmt::format("takes back #{}", last->second.decision));
  }

  void confirm(const Order& order) {
    if (!state_.pending)
      return reply(order, Outcome::refused, "refused: no change waits for a confirm");
    out_.confirm = true;
    out_.probation_order = order.id;
  }

  void busy(const Order& order) {
    reply(order, Outcome::refused, "refused: another change is under way, try again");
  }

  /// Each is answered by how the one change of its cycle ends.
  void apply(const Order& order) {
    if (out_.blackhole != 0) return busy(order);
    out_.apply = order;
  }

  /// Answered once the daemon does it, or cannot.
  void change_blackholes(const Order& order, Blackholes wanted, const std::string& what) {
    if (context_.config.mode == Mode::observe)
      return reply(order, Outcome::refused, "refused: mode observe changes nothing");
    if (state_.pending || out_.blackhole != 0 || out_.apply) return busy(order);
    out_.blackhole = order.id;
    out_.blackholes_before = std::exchange(state_.blackholes, std::move(wanted));
    record(order, what);
  }

  void blackhole(const Order& order) {
    const auto key = key_of(order.host, order.upstream);
    if (const auto why = refused_blackhole(context_, order))
      return reply(order, Outcome::refused, "refused: " + *why);
    auto wanted = state_.blackholes;
    wanted[key] = {.host = order.host,
                   .upstream = order.upstream,
                   .since = context_.seen.now,
                   .until = *until(order),
                   .reason = order.reason,
                   .actor = order.actor};
    change_blackholes(order, std::move(wanted),
                      fmt::format("blackhole {} on {} {}", to_string(order.host), order.upstream,
                                  for_how_long(until(order))));
  }

  void unblackhole(const Order& order) {
    auto wanted = state_.blackholes;
    if (wanted.erase(key_of(order.host, order.upstream)) == 0) {
      return reply(order, Outcome::refused,
                   fmt::format("refused: '{}' is no blackhole on {}", to_string(order.host),
                               order.upstream));
    }
    change_blackholes(
        order, std::move(wanted),
        fmt::format("no longer blackhole {} on {}", to_string(order.host), order.upstream));
  }

  void handle(const Order& order) {
    const bool halts =
        state_.freeze && (order.kind == Order::Kind::drain || order.kind == Order::Kind::pin ||
                          order.kind == Order::Kind::blackhole);
    if (halts) return reply(order, Outcome::refused, "refused: frozen by " + state_.freeze->actor);
    out_.forced = out_.forced || order.force;
    switch (order.kind) {
      case Order::Kind::drain: return drain(order);
      case Order::Kind::undrain: return lift(order, state_.drain, "drained");
      case Order::Kind::pin: return pin(order);
      case Order::Kind::unpin: return unpin(order);
      case Order::Kind::freeze: return freeze(order);
      case Order::Kind::unfreeze: return lift(order, state_.freeze, "frozen");
      case Order::Kind::apply: return apply(order);
      case Order::Kind::confirm: return confirm(order);
      case Order::Kind::undo: return undo(order);
      case Order::Kind::blackhole: return blackhole(order);
      case Order::Kind::unblackhole: return unblackhole(order);
    }
  }

  Context& context_;
  State& state_;
  std::vector<Event>& events_;
  std::vector<OrderReply>& replies_;
  Ordered out_;
};

}  // namespace

Ordered take_orders(Context& context, std::vector<Event>& events,
                    std::vector<OrderReply>& replies) {
  return Desk{context, events, replies}.take();
}

}  // namespace anycast::core
