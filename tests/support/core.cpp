#include "tests/support/core.hpp"

#include <algorithm>
#include <utility>

#include "controller/render/fragment.hpp"

namespace anycast::test {

namespace {
/// The template is compiled once for all benches.
const core::Setup& article() {
  static const auto setup = *sim::article();
  return setup;
}
}  // namespace

core::Setup preferring() {
  auto setup = *sim::article();
  auto& config = setup.config;
  config.policy = {.kind = Policy::Kind::prefer};
  config.guards.damping = {};
  config.guards.reannounce = Guards{}.reannounce;
  config.guards.reversal = Guards{}.reversal;
  for (auto& [name, upstream] : config.upstreams) {
    int number = 0;
    for (const auto& carrier : upstream.carries) {
      ++number;
      upstream.communities.push_back(
          {.value = std::to_string(upstream.asn) + ":" + std::to_string(number),
           .does = Community::Does::prepend_to,
           .count = 1,
           .carrier = carrier,
           .tested = true});
      upstream.communities.push_back(
          {.value = std::to_string(upstream.asn) + ":70:" + std::to_string(number),
           .does = Community::Does::local_pref,
           .carrier = carrier,
           .tested = true});
    }
  }
  return setup;
}

Bench::Bench(const std::string& self) : setup{article()}, world{setup.config, 7} {
  setup.config.self = self;
  sim::quiet_day(world);
  std::map<std::string, Stance> plain;
  for (const auto& [node, entry] : setup.config.nodes) {
    for (const auto& [upstream, session] : entry.sessions) {
      if (node == self) plain[upstream] = {};
      if (node != self) others[node].stances[upstream] = {};
    }
  }
  running = *render::fragment(setup.fragment, setup.config, plain);
}

Seen Bench::seen() {
  Seen out{.now = now};
  if (prometheus) {
    // What was tampered with need not go on where the last evidence ended.
    const bool anew = tamper || !meters_;
    auto evidence = world.evidence(now, anew ? Time{} : fed_);
    if (more) more(evidence);
    if (tamper) tamper(evidence);
    if (anew) meters_.emplace(setup.config);
    meters_->feed(evidence);
    fed_ = tamper ? Time{} : now;
    out.evidence = Sourced<Readings>::ok(meters_->read(), now);
  } else {
    out.evidence =
        Sourced<Readings>::failed({.remedy = Remedy::wait, .text = "prom-a refused"}, now);
  }
  if (fleet_known) out.fleet = Sourced<FleetView>::ok(others, now);
  if (router_up) {
    RouterView view{.kind = "bird",
                    .revision = running.revision,
                    .file_revision = running.revision,
                    .fragment = running.text};
    for (const auto& [upstream, session] : setup.config.me().sessions) {
      const bool up = !sessions_down.contains(upstream);
      view.sessions[upstream] = {.up = up, .state = up ? "Established" : "Active"};
      if (up) view.sessions[upstream].exports = running.exports.at(upstream);
    }
    if (tamper_router) tamper_router(view);
    out.router = Sourced<RouterView>::ok(std::move(view), now);
  } else {
    out.router =
        Sourced<RouterView>::failed({.remedy = Remedy::wait, .text = "bird does not answer"}, now);
  }
  out.windows = windows;
  out.origins = origins;
  if (health) out.health = Sourced<Health>::ok(*health, now);
  if (inside) out.inside = Sourced<InsideView>::ok(*inside, now);
  if (vrrp) out.vrrp = Sourced<VrrpView>::ok(*vrrp, now);
  out.orders = std::exchange(orders_, {});
  return out;
}

const core::Thought& Bench::cycle() {
  now += setup.config.prometheus.interval;
  core::Rendered anew;
  last = core::step(setup, std::move(state), seen(), rendered ? *rendered : anew);
  const bool change = last.plan.change.has_value();
  if (change) ++changes;
  auto result = change ? outcome : Outcome{};
  result.attempted = change;
  if (change && !result.error) running = last.plan.change->fragment;
  auto settled = core::settle(setup.config, last, result);
  state = std::move(settled.state);
  events.insert(events.end(), last.plan.events.begin(), last.plan.events.end());
  events.insert(events.end(), settled.events.begin(), settled.events.end());
  replies.insert(replies.end(), last.plan.replies.begin(), last.plan.replies.end());
  replies.insert(replies.end(), settled.replies.begin(), settled.replies.end());
  return last;
}

Duration Bench::run(Duration span, const std::function<bool()>& until) {
  const auto began = now;
  while (now - began < span) {
    cycle();
    if (until && until()) break;
  }
  return now - began;
}

void Bench::order(Order order) {
  order.id = replies.size() + orders_.size() + 1;
  if (order.actor.empty()) order.actor = "lin";
  orders_.push_back(std::move(order));
}

const Step* Bench::step(const std::string& upstream) const {
  const auto found = std::ranges::find(last.plan.steps, upstream, &Step::upstream);
  return found == last.plan.steps.end() ? nullptr : &*found;
}

std::vector<std::string> Bench::refusals(const std::string& upstream) const {
  std::vector<std::string> out;
  const auto* wanted = step(upstream);
  if (wanted == nullptr) return out;
  for (const auto& word : wanted->guards) {
    if (!word.passed) out.push_back(word.guard + ": " + word.text);
  }
  return out;
}

}  // namespace anycast::test
