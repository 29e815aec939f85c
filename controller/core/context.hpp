#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/model/config.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/seen.hpp"
#include "controller/model/state.hpp"

namespace anycast::core {

/// Who announces, as far as this node knows: (node, upstream) pairs. Nodes that are unknown are
/// absent.
using Announcers = std::set<std::pair<std::string, std::string>>;

Announcers announcers(const Config& config, const State& state, const Seen& seen);
int nodes_in(const Announcers& announcers);
/// Pairs whose upstream carries the carrier.
int paths_in(const Config& config, const Announcers& announcers, const std::string& carrier);

/// The worst of this node's services.
struct Fitness {
  Level level = Level::up;
  std::string why = {};  ///< "web: 0 of 4 real servers up, ..."; empty without services
  bool passing = false;  ///< low, perhaps on the way to down
};

/// What choosing and guarding may look at. `state` already holds this cycle's verdicts and standing
/// orders; `announcing` is moved along as steps are taken, so that two steps of one cycle cannot
/// both be the one that the floor still allows.
struct Context {
  const Config& config;
  const Seen& seen;
  const std::vector<PathReport>& paths;  ///< sorted by key
  State state;
  Announcers announcing = {};
  bool blind = false;
  std::string blind_why = {};
  bool person_applies = false;  ///< an apply order stands behind this cycle's steps
  bool forced = false;          ///< an order of this cycle goes beyond the flap-damping budget
  int automatic_steps = 0;      ///< taken in this cycle
  Charges spent = {};           ///< what the steps taken in this cycle cost
  const std::vector<CarrierPlan>* carriers = nullptr;  ///< the plan of policy prefer
  Fitness fitness = {};

  const PathReport* path(const std::string& node, const std::string& upstream,
                         const std::string& carrier) const;
};

/// True for a step that makes the session less attractive for some carrier that it leads to.
bool degrades(const Config& config, const Step& step);
/// True for a step after which the session announces nothing any more.
inline bool removes(const Step& step) { return step.from.announces() && !step.to.announces(); }
inline bool prefers(const Context& context) {
  return context.config.policy.kind == Policy::Kind::prefer;
}
inline bool automatic(const Step& step) { return step.cause != Cause::operated; }
/// The node's own death: nothing behind it serves any more. No condition holds it, the floor does.
inline bool own_death(const Step& step) {
  return step.cause == Cause::service && !step.to.announces();
}
/// Steps of the engine that may wait for their turn in the pace of things.
inline bool paced(const Step& step) {
  return step.cause == Cause::carrier || step.cause == Cause::restore ||
         (step.cause == Cause::service && !own_death(step));
}

}  // namespace anycast::core
