#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/core/context.hpp"
#include "controller/model/health.hpp"

namespace anycast::core {

/// The rules of the two watermarks. What is unknown may be up or down: a level gets better only
/// where it would in both cases, and never worse than if all of it were up.
///  0.1 down     nothing is up
///  0.2 low      less than `low` is up
///  0.3 return   from low and from down a service comes up at `high`, not before
///  0.4 first    without a history a service counts as up where the node announces, as down
///  elsewhere
///  0.5 passing  a service that dies passes through low; it is weak once it has stayed there for as
///  long as it takes to find a real server dead
/// `reals` may lack real servers: they are unknown. One with weight 0 counts for nothing.
enum class Presence { announced, withdrawn };
ServiceReport weigh(const std::string& name, const Service& service,
                    const std::map<ServerKey, RealState>& reals, const ServiceState& before,
                    Presence presence, Time now);

/// Weighs all services of this node, remembers their levels and tells what has changed.
std::vector<ServiceReport> weigh_services(const Config& config, const Seen& seen, State& state,
                                          std::vector<Event>& events);

/// Larger for what is worse: up, unknown, low, down.
int badness(Level level);

/// What the services together mean for the node: the worst of them.
Fitness fitness(const std::vector<ServiceReport>& services);

}  // namespace anycast::core
