#include "controller/sim/pilot.hpp"

#include <algorithm>
#include <utility>

#include "controller/app/line.hpp"
#include "controller/app/report.hpp"
#include "controller/core/damping.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::sim {
namespace {

/// What a routing daemon runs once it has taken the fragment.
void take(RouterView& router, const Config& config, const Fragment& fragment) {
  router.revision = fragment.revision;
  router.file_revision = fragment.revision;
  router.fragment = fragment.text;
  for (const auto& [upstream, session] : config.me().sessions) {
    auto& view = router.sessions[upstream];
    view.up = true;
    view.state = "Established";
    const auto exports = fragment.exports.find(upstream);
    if (exports != fragment.exports.end()) view.exports = exports->second;
  }
}

/// The state of a node whose routing daemon announces everything plainly.
std::map<std::string, Stance> plain(const Config& config) {
  std::map<std::string, Stance> out;
  for (const auto& [upstream, session] : config.me().sessions) out[upstream] = {};
  return out;
}

/// Takes out what the node's server does not have.
void hide(const Answer& answer, Duration scrape, Evidence& evidence) {
  if (answer.empty) evidence.series.clear();
  if (answer.vip_only) {
    std::erase_if(evidence.series,
                  [](const ProbeSeries& series) { return series.key.target == Target::node; });
  }
  if (answer.scrapes == Answer::Scrapes::all) return;
  const int wanted = answer.scrapes == Answer::Scrapes::odd ? 1 : 0;
  for (auto& series : evidence.series) {
    std::erase_if(series.samples, [&](const Sample& sample) {
      return sample.at.time_since_epoch() / scrape % 2 != wanted;
    });
  }
}

}  // namespace

Pilot::Pilot(const core::Setup& setup) {
  for (const auto& entry : setup.config.prefixes) counters_.push_back(to_string(entry.prefix));
  for (const auto& [name, entry] : setup.config.nodes) {
    auto own = std::make_shared<core::Setup>(setup);
    own->config.self = name;
    Node node{.name = name, .setup = own};
    if (auto first = render::fragment(own->fragment, own->config, plain(own->config)))
      take(node.router, own->config, *first);
    nodes_.push_back(std::move(node));
  }
}

FleetView Pilot::published(Time now) const {
  FleetView out;
  for (const auto& node : nodes_) {
    auto& view = out[node.name];
    const auto& config = node.setup->config;
    for (const auto& [upstream, session] : node.state.sessions)
      if (session.stance.announces()) view.stances.emplace(upstream, session.stance);
    if (node.state.sessions.empty()) view.stances = plain(config);
    for (const auto& counter : counters_) {
      const auto found = node.state.penalties.find(counter);
      view.penalty[counter] =
          found == node.state.penalties.end()
              ? 0
              : core::points(found->second, now, config.guards.damping.half_life);
    }
    view.last_change = node.changed;
    view.plan_hash = node.plan_hash;
  }
  return out;
}

void Pilot::look(Eye& eye, const Config& config, const Probes& probes, Time now) {
  const auto at = eye.look.now - config.prometheus.lag;
  if (eye.answer.error) {
    eye.look.evidence = Sourced<Readings>::failed(*eye.answer.error, at);
    return;
  }
  auto& evidence = eye.evidence;
  probes.evidence(eye.seen, std::min(at, now - eye.answer.late), evidence);
  evidence.at = at;
  evidence.partial = eye.answer.partial;
  evidence.faults.clear();
  if (eye.answer.partial) evidence.faults.emplace_back("simulated warning");
  hide(eye.answer, config.evidence.scrape, evidence);
  eye.seen = eye.answer.empty || eye.answer.partial ? now - config.evidence.longest()
                                                    : std::min(at, now - eye.answer.late);
  eye.meters.feed(evidence);
  eye.look.evidence = Sourced<Readings>::ok(eye.meters.read(), at);
}

Pilot::Eye& Pilot::eye(const Node& node, const Probes& probes, Time now) {
  auto found = std::ranges::find_if(
      eyes_, [&](const Eye& eye) { return eye.answer == node.answer && eye.ahead == node.ahead; });
  const auto& config = node.setup->config;
  if (found == eyes_.end()) {
    eyes_.push_back({.answer = node.answer,
                     .ahead = node.ahead,
                     .meters = core::Meters{config},
                     .seen = now - config.evidence.longest()});
    found = std::prev(eyes_.end());
  }
  const auto clock = aligned(now + node.ahead, config.prometheus.interval);
  if (found->look.now == clock) return *found;
  found->look.now = clock;
  look(*found, config, probes, now);
  found->survey.reset();
  return *found;
}

std::optional<Published> Pilot::picture(const Node& node, const Eye& eye,
                                        const core::Thought& thought) {
  if (recording_ == nullptr || recording_->node() != node.name) return std::nullopt;
  ++recorded_;
  if (!eye.answer.error) recording_->hear(eye.evidence);
  const bool happens = thought.plan.change || !thought.plan.events.empty();
  if (!happens && !recording_->due(eye.look.now)) return std::nullopt;
  return publish(std::shared_ptr<const Config>{node.setup, &node.setup->config},
                 {.seen = eye.look, .thought = thought}, node.state);
}

void Pilot::keep(const Node& node, std::optional<Published> picture, const Outcome& outcome) {
  if (!picture) return;
  picture->state = node.state;
  picture->router = Sourced<RouterView>::ok(node.router, picture->now);
  picture->started =
      recording_->moments().empty() ? picture->now : recording_->moments().begin()->first;
  picture->config_loaded = picture->started;
  picture->counters.cycles = recorded_;
  static_cast<void>(recording_->save(node.state, picture->now, node.events));
  for (const auto& step : picture->plan.steps) {
    if (step.decision == 0 || outcome.error) continue;
    static_cast<void>(
        recording_->keep(step.decision, picture->now, report::decided(*picture, step.upstream)));
  }
  recording_->take(std::make_shared<const Published>(*std::move(picture)));
}

void Pilot::act(Node& node, Eye& eye, Routing& routing, Time now) {
  const auto& config = node.setup->config;
  auto& seen = eye.look;
  seen.router = Sourced<RouterView>::ok(std::exchange(node.router, {}), seen.now);
  seen.orders = std::exchange(node.orders, {});
  seen.origins = node.origins;
  // Nothing in it is the node's own.
  if (!eye.survey) eye.survey = core::survey(config, seen);
  auto thought = core::step(*node.setup, std::move(node.state), seen, node.rendered,
                            *std::exchange(eye.survey, std::nullopt));
  node.router = *std::exchange(seen.router.value, std::nullopt);
  auto seen_so_far = picture(node, eye, thought);
  Outcome outcome;
  if (const auto& change = thought.plan.change) {
    outcome.attempted = true;
    if (node.refuses) {
      outcome.error = Error{.remedy = Remedy::look_at_peer, .text = "the daemon refuses it"};
    } else {
      outcome.left = true;
      take(node.router, config, change->fragment);
      node.changed = seen.now;
    }
  }
  node.plan_hash = thought.plan.hash;
  node.events = thought.plan.events;
  // A change is told with the paths that led to it.
  if (!thought.plan.change) eye.survey = core::take_back(std::move(thought.plan));
  auto settled = core::settle(config, std::move(thought), outcome);
  node.state = std::move(settled.state);
  node.events.insert(node.events.end(), settled.events.begin(), settled.events.end());
  keep(node, std::move(seen_so_far), outcome);
  if (!outcome.left) return;
  for (const auto& [upstream, session] : node.state.sessions)
    routing.say({node.name, upstream}, session.stance, now);
}

void Pilot::cycle(const Probes& probes, Routing& routing, Time now) {
  const auto fleet = published(now);
  for (auto& node : nodes_) {
    auto& own = eye(node, probes, now);
    auto& seen = own.look;
    if (std::exchange(own.fleet_asked, now) != now) {
      seen.fleet =
          node.answer.error
              ? Sourced<FleetView>::failed(*node.answer.error, seen.now)
              : Sourced<FleetView>::ok(node.answer.fleet_unknown ? FleetView{} : fleet, seen.now);
    }
    act(node, own, routing, now);
  }
}

}  // namespace anycast::sim
