#include "controller/app/observe.hpp"

#include "controller/app/shadow.hpp"
#include "controller/app/windows.hpp"
#include "controller/core/local.hpp"

namespace anycast {

Time aligned(Time now, Duration interval) {
  const auto us = now.time_since_epoch().count();
  return Time{Duration{us - us % interval.count()}};
}

void observe_here(const Config& config, const Ports& ports, const State& state, Seen& seen) {
  seen.router = sourced(ports.router.in_force(), seen.now);
  if (ports.health != nullptr) seen.health = sourced(ports.health->health(), seen.now);
  if (ports.kernel != nullptr) {
    const auto tables = core::tables_of(config, state.inside);
    seen.inside = sourced(ports.kernel->inside(tables), seen.now);
  }
  if (ports.keepalived != nullptr) seen.vrrp = sourced(ports.keepalived->vrrp(), seen.now);
  seen.windows = open_windows(config.guards.windows, seen.now);
}

Seen observe(const Config& config, const Ports& ports, const State& state, Listeners listeners,
             Time now) {
  const auto at = now - config.prometheus.lag;
  Seen seen{.now = now};
  if (auto evidence = ports.evidence.evidence(at)) {
    listeners.meters.feed(*evidence);
    if (listeners.shadow != nullptr) listeners.shadow->hear(*evidence);
    seen.evidence = Sourced<Readings>::ok(listeners.meters.read(), at);
  } else {
    seen.evidence = Sourced<Readings>::failed(std::move(evidence.error()), at);
  }
  seen.fleet = sourced(ports.evidence.fleet(at), at);
  observe_here(config, ports, state, seen);
  if (config.rpki.router) {
    // A daemon that does not answer is not waited for twice.
    seen.origins[config.router.kind] = seen.router.value
                                           ? sourced(ports.router.origins(), now)
                                           : Sourced<OriginView>::failed(*seen.router.error, now);
  }
  if (ports.validator != nullptr)
    seen.origins["the validator"] = sourced(ports.validator->origins(), now);
  return seen;
}

Look look(const core::Setup& setup, const State& state, Seen seen, core::Rendered& rendered) {
  Look out{.seen = std::move(seen)};
  out.thought = core::step(setup, state, out.seen, rendered);
  return out;
}

Look look(const core::Setup& setup, const State& state, Seen seen) {
  core::Rendered nothing;
  return look(setup, state, std::move(seen), nothing);
}

Published publish(std::shared_ptr<const Config> config, const Look& look, const State& state) {
  Published out{.config = std::move(config)};
  out.state = state;
  out.plan = look.thought.plan;
  const auto& evidence = look.seen.evidence;
  out.evidence = evidence.value
                     ? Sourced<EvidenceSummary>::ok(summarise(*out.config, look.seen), evidence.at)
                     : Sourced<EvidenceSummary>{.at = evidence.at, .error = evidence.error};
  out.router = look.seen.router;
  out.fleet = look.seen.fleet;
  out.health = look.seen.health;
  out.inside = look.seen.inside;
  out.vrrp = look.seen.vrrp;
  out.windows = look.seen.windows;
  out.now = look.seen.now;
  out.version = ANYCASTD_VERSION;
  return out;
}

}  // namespace anycast
