#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "controller/app/published.hpp"
#include "controller/core/meters.hpp"
#include "controller/core/step.hpp"
#include "controller/ports/keepalived.hpp"
#include "controller/ports/kernel.hpp"
#include "controller/ports/ports.hpp"

namespace anycast {

class Shadow;

/// Everything the line touches outside itself.
struct Ports {
  EvidenceSource& evidence;
  RouteSpeaker& router;
  Store& store;
  Journal& journal;
  const Clock& clock;
  std::function<void(Duration)> wait;  ///< between two looks at the daemon while verifying
  RoaSource* validator = nullptr;      ///< where `rpki.validator` names one
  HealthSource* health = nullptr;      ///< none where this node has no services to ask
  Kernel* kernel = nullptr;            ///< none where this node keeps nothing in it
  VrrpSource* keepalived = nullptr;    ///< none where no Keepalived decides who serves
  /// Whether something of this node's cannot wait for the evidence that is being asked for; what
  /// was heard last stands in for what was given up.
  std::function<bool()> pressing = {};
};

/// The evaluation time of a cycle: the same on every node whose clock is right.
Time aligned(Time now, Duration interval);

/// Who takes what is new in the evidence.
struct Listeners {
  core::Meters& meters;
  Shadow* shadow = nullptr;  ///< none where nothing is judged beside
};

/// A source's answer of the time `at`, or why there is none.
template <class T>
Sourced<T> sourced(Result<T> result, Time at) {
  if (result) return Sourced<T>::ok(*std::move(result), at);
  return Sourced<T>::failed(std::move(result.error()), at);
}

/// Asks every source, once.
Seen observe(const Config& config, const Ports& ports, const State& state, Listeners listeners,
             Time now);
/// Asks what this host knows by itself.
void observe_here(const Config& config, const Ports& ports, const State& state, Seen& seen);

/// Observing and thinking, and nothing else: what a dry run is.
struct Look {
  Seen seen;
  core::Thought thought = {};
};
Look look(const core::Setup& setup, const State& state, Seen seen, core::Rendered& rendered);
Look look(const core::Setup& setup, const State& state, Seen seen);
Published publish(std::shared_ptr<const Config> config, const Look& look, const State& state);

}  // namespace anycast
