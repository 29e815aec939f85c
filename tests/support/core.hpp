#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "controller/core/meters.hpp"
#include "controller/core/step.hpp"
#include "controller/sim/article.hpp"
#include "controller/sim/world.hpp"
#include "tests/support/fleet.hpp"

namespace anycast::test {

inline const Time kStart = *parse_utc("2026-06-01T12:00:00.000Z");

/// The article's fleet with policy prefer, the guards as they ship, and a tested prepend and a
/// tested local-pref toward every carrier.
core::Setup preferring();

/// Drives core::step and core::settle of one node by hand: the world and the routing daemon are
/// values that a test changes between cycles. Every change that the core asks for succeeds unless
/// `outcome` says otherwise.
class Bench {
 public:
  explicit Bench(const std::string& self = "hk-idc-1");

  /// One cycle, one interval later than the last.
  const core::Thought& cycle();
  /// Cycles until `span` has passed or `until` is true; returns how long it took.
  Duration run(Duration span, const std::function<bool()>& until = {});
  void order(Order order);

  Stance stance(const std::string& upstream) const { return state.sessions.at(upstream).stance; }
  const Plan& plan() const { return last.plan; }
  const Step* step(const std::string& upstream) const;
  /// The refusing guards of the upstream's step, "name: text"; empty where there is no step or no
  /// refusal.
  std::vector<std::string> refusals(const std::string& upstream) const;

  core::Setup setup;
  sim::World world;
  State state;
  Time now = kStart;
  Outcome outcome = {};
  core::Thought last;
  std::vector<Event> events;
  std::vector<OrderReply> replies;
  int changes = 0;

  // What the sources say; nothing set means that they fail.
  bool prometheus = true;
  std::function<void(Evidence&)> tamper = {};  ///< all that is known is read anew in each cycle
  std::function<void(Evidence&)> more = {};    ///< adds series that go on where the last ones ended
  FleetView others;
  bool fleet_known = true;
  bool router_up = true;
  std::set<std::string> sessions_down;
  Fragment running;
  /// Set by who leaves prefixes, sessions and communities as they are from the first cycle on.
  std::optional<core::Rendered> rendered = {};
  std::function<void(RouterView&)> tamper_router = {};
  std::vector<OpenWindow> windows;
  std::map<std::string, Sourced<OriginView>> origins;
  std::optional<Health> health = {};
  std::optional<InsideView> inside = {};
  std::optional<VrrpView> vrrp = {};

 private:
  Seen seen();
  std::optional<core::Meters> meters_;  ///< made of the configuration of the first cycle
  Time fed_ = {};                       ///< until then `meters_` know all samples
  std::vector<Order> orders_;
};

}  // namespace anycast::test
