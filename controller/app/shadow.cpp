#include "controller/app/shadow.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "controller/app/windows.hpp"
#include "controller/core/choose.hpp"
#include "controller/core/said.hpp"
#include "controller/render/fragment.hpp"

namespace anycast {
namespace {

/// The core's line about a step, for the history: never mistaken for one that was taken.
Event would_be(Event event) {
  event.kind = "shadow-" + event.kind;
  event.priority = 6;
  // Its numbers are not those that `explain --decision` knows.
  if (const auto number = event.text.rfind(" [#"); number != std::string::npos)
    event.text.erase(number);
  event.text = "only in the shadow: " + event.text;
  event.actor = "shadow";
  event.decision = 0;
  return event;
}

}  // namespace

Shadow::Shadow(std::shared_ptr<const core::Setup> setup, std::string file, std::string fault)
    : setup_{std::move(setup)} {
  view_.file = std::move(file);
  view_.fault = std::move(fault);
  if (!setup_) return;
  view_.digest = config().digest;
  meters_.emplace(config());
}

std::optional<Shadow> Shadow::of(const core::Setup& live, std::optional<Shadow> before) {
  const auto& file = live.config.shadow.config;
  if (!live.shadow && live.shadow_fault.empty()) return std::nullopt;
  Shadow out{live.shadow, file, live.shadow_fault};
  if (!before) return out;
  out.view_.steps = std::move(before->view_.steps);
  if (!live.shadow || !before->view_.since || !before->view_.fault.empty()) return out;
  out.state_ = std::move(before->state_);
  out.view_.since = before->view_.since;
  return out;
}

void Shadow::hear(const Evidence& evidence) {
  if (!view_.fault.empty()) return;
  try {
    meters_->feed(evidence);
  } catch (const std::exception& error) {
    view_.fault = error.what();
    told_ = false;
  }
}

void Shadow::think(const Seen& seen, const State& live, std::vector<Event>& events) {
  const auto before = events.size();
  try {
    if (view_.fault.empty() && live.adopted) cycle(seen, live, events);
  } catch (const std::exception& error) {
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(before), events.end());
    view_.fault = error.what();
    told_ = false;
  }
  if (view_.fault.empty() || std::exchange(told_, true)) return;
  view_.sessions.clear();
  view_.paths.clear();
  view_.egress.clear();
  events.push_back({.kind = "shadow",
                    .priority = 4,
                    .text = fmt::format("the shadow {} is not judged: {}; next: nothing of it "
                                        "before the next reload",
                                        view_.file, view_.fault)});
}

/// Rungs are counted anew, since its ladder may be another one.
void Shadow::begin(const Seen& seen, const State& live, std::vector<Event>& events) {
  if (!view_.since) {
    view_.since = seen.now;
    state_ = live;
    state_.learned = {};
    state_.pending.reset();
    state_.safe_until.reset();
    state_.refused.clear();
    state_.blackholes.clear();
  }
  std::map<std::string, Stance> stances;
  for (auto& [upstream, session] : state_.sessions) {
    session.rung = core::rung_of(config().policy, session.stance);
    if (config().me().sessions.contains(upstream)) stances.emplace(upstream, session.stance);
  }
  // Where a session was added it takes over what is in force there, as the line does.
  if (stances.size() == config().me().sessions.size()) {
    const render::Beside beside{.egress = in_use(state_.egress)};
    if (auto made = render::fragment(setup_->fragment, config(), stances, beside)) runs_ = *made;
  }
  told_ = true;
  events.push_back({.kind = "shadow",
                    .priority = 5,
                    .text = fmt::format("judges by the shadow {} ({}) too, which never acts; next: "
                                        "what it would do is in status and history",
                                        view_.file, view_.digest.substr(0, 7)),
                    .node = config().self});
}

void Shadow::follow(const State& live) {
  state_.drain = live.drain;
  state_.freeze = live.freeze;
  state_.inside = live.inside;
  state_.learned.lessons = live.learned.lessons;
  for (auto& [upstream, session] : state_.sessions) {
    const auto same = live.sessions.find(upstream);
    session.pin = same == live.sessions.end() ? std::nullopt : same->second.pin;
  }
}

Seen Shadow::see(const Seen& seen) const {
  Seen out{.now = seen.now,
           .router = seen.router,
           .fleet = seen.fleet,
           .origins = seen.origins,
           .health = seen.health,
           .inside = seen.inside,
           .vrrp = seen.vrrp,
           .windows = open_windows(config().guards.windows, seen.now)};
  if (out.router.value && runs_) core::run(*out.router.value, *runs_);
  if (!seen.evidence.value) {
    out.evidence = {.at = seen.evidence.at, .error = seen.evidence.error};
    return out;
  }
  auto readings = meters_->read();
  std::erase_if(readings.probes,
                [](const ProbeReading& probe) { return probe.key.target == Target::vip; });
  out.evidence = Sourced<Readings>::ok(std::move(readings), seen.evidence.at);
  return out;
}

void Shadow::cycle(const Seen& seen, const State& live, std::vector<Event>& events) {
  if (!told_) begin(seen, live, events);
  follow(live);
  const auto thought = core::step(*setup_, std::move(state_), see(seen), rendered_);
  auto settled = core::settle(config(), thought, {.attempted = true});
  if (thought.plan.change) runs_ = thought.plan.change->fragment;
  state_ = std::move(settled.state);
  for (auto& event : settled.events) {
    const bool step = event.kind.starts_with("step-");
    if (step) ++view_.steps[{event.kind.substr(5), event.cause}];
    if (step || event.kind == "egress") events.push_back(would_be(std::move(event)));
  }
  show(thought.plan, live);
}

void Shadow::show(const Plan& plan, const State& live) {
  view_.sessions.clear();
  for (const auto& [upstream, session] : state_.sessions) {
    view_.sessions[upstream] = {
        .stance = session.stance, .since = session.since, .why = session.why};
  }
  for (const auto& report : plan.sessions) view_.sessions[report.upstream].next = report.next;
  view_.egress = in_use(state_.egress);
  view_.paths.clear();
  for (const auto& [key, path] : state_.paths) {
    const auto same = live.paths.find(key);
    if (same == live.paths.end() || same->second.verdict == path.verdict) continue;
    view_.paths.push_back({key, path.verdict, same->second.verdict});
  }
}

}  // namespace anycast
