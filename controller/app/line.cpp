#include "controller/app/line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/app/inside_hand.hpp"
#include "controller/app/report.hpp"
#include "controller/core/local.hpp"
#include "controller/core/pending.hpp"

namespace anycast {
namespace {

/// How long the daemon may take until it exports what it was told; BIRD takes milliseconds,
/// and 2.0.12 up to 3 s where its socket is not polled.
constexpr Duration kVerify = seconds{5};
constexpr Duration kBetweenLooks = milliseconds{20};

/// What is not yet as the fragment wants it, in words; empty where all is.
std::string missing(const RouterView& view, const Fragment& wanted, const RouterView* before) {
  if (view.revision != wanted.revision) {
    return view.revision
               ? fmt::format("it runs revision {}, not {}", *view.revision, wanted.revision)
               : "it runs without our fragment";
  }
  for (const auto& [upstream, session] : view.sessions) {
    const bool was_up = before != nullptr && before->sessions.contains(upstream) &&
                        before->sessions.at(upstream).up;
    if (was_up && !session.up)
      return fmt::format("{} went from Established to {}", upstream, session.state);
    const auto exports = wanted.exports.find(upstream);
    if (!session.up || exports == wanted.exports.end()) continue;
    if (session.exports != exports->second) {
      return fmt::format("{} exports {} routes of ours that are not the {} wanted", upstream,
                         session.exports.size(), exports->second.size());
    }
  }
  return {};
}

/// Looks until the daemon does what the fragment wants, or for `kVerify`.
Result<void> verify(const Ports& ports, const Fragment& wanted, Sourced<RouterView>& router) {
  const auto before = router.value;
  const auto deadline = ports.clock.now() + kVerify;
  for (;;) {
    auto view = ports.router.in_force();
    const auto now = ports.clock.now();
    std::string why =
        view ? missing(*view, wanted, before ? &*before : nullptr) : view.error().text;
    if (view) router = Sourced<RouterView>::ok(*std::move(view), now);
    if (why.empty()) return {};
    if (now >= deadline) {
      return fail(Remedy::look_at_peer, fmt::format("not in force {} after it was applied: {}",
                                                    format_age(kVerify), why));
    }
    ports.wait(kBetweenLooks);
  }
}

/// What was read before the confirm is still what runs, only for good.
Result<void> confirm(const Ports& ports, Sourced<RouterView>& router) {
  auto done = ports.router.confirm();
  if (done && router.value) router.value->unconfirmed = false;
  return done;
}

/// `left` becomes true once the daemon runs the change, whatever comes after.
Result<void> apply(const Ports& ports, const Config& config, const Change& change,
                   Sourced<RouterView>& router, bool& left) {
  if (change.urgent) {
    if (auto done = ports.router.silence(change.fragment); !done) return done;
    left = true;
    return verify(ports, change.fragment, router);
  }
  const auto probation = change.person_confirms.value_or(config.guards.confirm);
  if (auto done = ports.router.apply(change.fragment, probation); !done) return done;
  left = true;
  if (auto proof = verify(ports, change.fragment, router); !proof) {
    Error error = std::move(proof.error());
    if (auto back = ports.router.undo(); !back) error.notes.push_back("undo: " + back.error().text);
    return tl::unexpected(std::move(error));
  }
  if (change.person_confirms) return {};
  return confirm(ports, router);
}

}  // namespace

Line::Line(std::shared_ptr<const core::Setup> setup, State state, Time started)
    : setup_{std::move(setup)},
      meters_{setup_->config},
      state_{std::move(state)},
      started_{started},
      loaded_{started} {
  shadow_ = Shadow::of(*setup_, {});
}

void Line::take(std::shared_ptr<const core::Setup> setup, Time now) {
  setup_ = std::move(setup);
  meters_ = core::Meters{setup_->config};
  shadow_ = Shadow::of(*setup_, std::exchange(shadow_, {}));
  rendered_ = {};
  heard_.reset();
  loaded_ = now;
}

Outcome Line::hand_over(const Ports& ports, const core::Thought& thought,
                        Sourced<RouterView>& router) {
  const auto& plan = thought.plan;
  Outcome out;
  const auto began = ports.clock.now();
  const auto ended = [&](Result<void> done, std::string text) {
    out.attempted = true;
    out.took = ports.clock.now() - began;
    if (!done) out.error = std::move(done.error());
    last_apply_ = ApplyOutcome{.at = began,
                               .result = out.error ? "rolled_back" : "ok",
                               .text = out.error ? to_string(*out.error) : std::move(text),
                               .took = out.took};
  };
  if (plan.confirm) ended(confirm(ports, router), "confirmed");
  if (plan.undo) ended(ports.router.undo(), "taken back");
  if (!plan.change || plan.confirm || plan.undo) return out;
  if (auto written = ports.store.save(core::intent(config(), thought), began, {}); !written) {
    // Without the intention on disk a kill in between would leave doubt about what was meant.
    ended(tl::unexpected(std::move(written.error())), {});
    return out;
  }
  ended(apply(ports, config(), *plan.change, router, out.left), plan.change->text);
  out.on_probation = !out.error && plan.change->person_confirms.has_value();
  last_apply_->diff = plan.change->diff;
  for (const auto& step : plan.steps)
    last_apply_->decision = std::max(last_apply_->decision, step.decision);
  return out;
}

Line::Done Line::carry_out(const Ports& ports, core::Thought& thought, Seen& seen) {
  const auto& plan = thought.plan;
  const auto remember = [&](const InsideOurs& ours) {
    thought.next.inside = ours;
    if (thought.without) thought.without->inside = ours;
  };
  if (thought.next.inside != state_.inside) {
    // What is ours is written down before the kernel hears of it, or it could never be removed.
    auto claimed = state_;
    claimed.inside = thought.next.inside;
    if (auto written = ports.store.save(claimed, ports.clock.now(), {}); !written) {
      inside_faults_ = {to_string(written.error())};
      remember(state_.inside);
      Done out{.outcome = hand_over(ports, thought, seen.router), .reply = plan.inside.reply};
      if (out.reply) out.reply->outcome = OrderReply::Outcome::failed;
      if (out.reply) out.reply->text = inside_faults_.front();
      return out;
    }
  }
  InsideHand hand{ports.kernel, plan, thought.next.inside};
  const bool urgent = plan.change && plan.change->urgent;
  if (!urgent) hand.before();
  Done out{.outcome = hand_over(ports, thought, seen.router)};
  if (urgent) hand.before();
  if (!out.outcome.error) hand.after();
  remember(hand.ours());
  if (hand.tried()) {
    const auto tables = core::tables_of(config(), hand.ours());
    seen.inside = sourced(ports.kernel->inside(tables), seen.now);
  }
  out.events = hand.events(config().self, inside_faults_);
  out.reply = hand.reply();
  inside_faults_ = hand.faults();
  track(ports, plan, out.events);
  return out;
}

void Line::track(const Ports& ports, const Plan& plan, std::vector<Event>& events) {
  if (ports.keepalived == nullptr || !plan.track) return;
  const auto told = ports.keepalived->track(*plan.track);
  const auto fault = told ? std::string{} : to_string(told.error());
  if (!fault.empty()) inside_faults_.push_back(fault);
  if (!fault.empty() && fault != track_fault_) {
    events.push_back({.kind = "keepalived",
                      .priority = 4,
                      .text = fmt::format("cannot tell Keepalived what {} is fit for: {}; next: "
                                          "tried again each cycle",
                                          config().self, fault),
                      .node = config().self});
  }
  track_fault_ = fault;
}

void Line::record(const Ports& ports, const State& state, Time at,
                  const std::vector<Event>& events) {
  for (const auto& event : events) ports.journal.write(event);
  auto saved = ports.store.save(state, at, events);
  const bool told = !saved && store_error_ && store_error_->text == saved.error().text;
  store_error_.reset();
  if (saved) return;
  counters_.events_lost += events.size();
  store_error_ = std::move(saved.error());
  if (told) return;
  ports.journal.write({.kind = "store",
                       .priority = 3,
                       .text = "cannot save state and history: " + to_string(*store_error_) +
                               "; next: tried again each cycle"});
}

void Line::keep(const Ports& ports, const Published& published, const Outcome& outcome) {
  if (outcome.error) return;
  for (const auto& step : published.plan.steps) {
    if (step.decision == 0) continue;
    const auto kept =
        ports.store.keep(step.decision, published.now, report::decided(published, step.upstream));
    if (kept) continue;
    ports.journal.write({.kind = "store",
                         .priority = 4,
                         .text = fmt::format("cannot keep the explanation of decision {}: {}",
                                             step.decision, to_string(kept.error()))});
  }
}

void Line::count(const core::Thought& thought, const std::vector<Event>& events,
                 const Outcome& outcome) {
  ++counters_.cycles;
  if (outcome.attempted) {
    ++counters_.applies[{last_apply_->result}];
    counters_.apply_time.observe(outcome.took);
  }
  for (const auto& event : events) {
    if (event.kind.starts_with("step-")) ++counters_.decisions[{event.kind.substr(5), event.cause}];
    if (event.kind == "cell-state") ++counters_.cell_changes[{event.node, event.carrier, event.to}];
    if (event.kind != "guard-refused") continue;
    for (const auto& step : thought.plan.steps) {
      if (step.upstream != event.upstream) continue;
      for (const auto& word : step.guards) {
        if (!word.passed) ++counters_.guard_refusals[{word.guard}];
      }
    }
  }
}

Time Line::next(Time now) const {
  const auto after = [&](Duration interval) { return aligned(now, interval) + interval; };
  const auto usual = after(config().prometheus.interval);
  return hurried_ ? std::min(usual, after(config().fast_interval())) : usual;
}

Seen Line::observe_again(const Ports& ports, std::vector<Order> orders) const {
  Seen seen{.now = last_,
            .evidence = heard_->evidence,
            .fleet = heard_->fleet,
            .origins = heard_->origins};
  observe_here(config(), ports, state_, seen);
  seen.orders = std::move(orders);
  return seen;
}

Seen Line::observe_all(const Ports& ports, std::vector<Order> orders) {
  auto seen = observe(config(), ports, state_, {meters_, shadow_ ? &*shadow_ : nullptr}, last_);
  seen.orders = std::move(orders);
  if (remembers() && ports.pressing && ports.pressing()) {
    if (!seen.evidence.value) seen.evidence = heard_->evidence;
    if (!seen.fleet.value) seen.fleet = heard_->fleet;
    return seen;
  }
  heard_ = Seen{
      .now = seen.now, .evidence = seen.evidence, .fleet = seen.fleet, .origins = seen.origins};
  return seen;
}

std::shared_ptr<Published> Line::cycle(const Ports& ports, std::vector<Order> orders,
                                       std::vector<OrderReply>& replies, Wake wake) {
  const auto began = ports.clock.now();
  const bool again = wake == Wake::local && heard_;
  // A clock that was set back must not run the damping clocks backwards.
  last_ = std::max(last_, aligned(began, config().prometheus.interval));
  if (hurried_) last_ = std::max(last_, aligned(began, config().fast_interval()));
  // What only this node sees need not happen at the same time as with the others.
  if (again) last_ = std::max(last_, began);
  ports.router.overdue();
  auto seen_now =
      look(*setup_, state_,
           again ? observe_again(ports, std::move(orders)) : observe_all(ports, std::move(orders)),
           rendered_);
  auto& [seen, thought] = seen_now;
  auto [outcome, done, reply] = carry_out(ports, thought, seen);
  if (reply) replies.push_back(*std::move(reply));
  auto settled = core::settle(config(), thought, outcome);

  auto events = thought.plan.events;
  events.insert(events.end(), done.begin(), done.end());
  events.insert(events.end(), settled.events.begin(), settled.events.end());
  replies.insert(replies.end(), thought.plan.replies.begin(), thought.plan.replies.end());
  replies.insert(replies.end(), settled.replies.begin(), settled.replies.end());
  count(thought, events, outcome);
  const bool changed = settled.state != state_;
  state_ = std::move(settled.state);
  hurried_ = core::pending(config(), state_, thought.plan);
  if (shadow_) shadow_->think(seen, state_, events);
  if (changed || store_error_ || !events.empty()) record(ports, state_, ports.clock.now(), events);

  auto out = publish(std::shared_ptr<const Config>{setup_, &setup_->config}, seen_now, state_);
  out.started = started_;
  out.config_loaded = loaded_;
  out.last_apply = last_apply_;
  out.inside_faults = inside_faults_;
  out.store_error = store_error_;
  if (shadow_) out.shadow = shadow_->view();
  out.took = ports.clock.now() - began;
  counters_.cycle_time.observe(out.took);
  if (out.took > config().prometheus.interval) ++counters_.overruns;
  out.counters = counters_;
  keep(ports, out, outcome);
  return std::make_shared<Published>(std::move(out));
}

}  // namespace anycast
