#pragma once

#include <string>

#include "controller/app/published.hpp"

/// Published values for tests: four nodes in Hong Kong, four upstreams, three carriers, three
/// regions, seen from hk-idc-1 at 12:20:20 UTC. Each scenario is a whole value.
namespace anycast::testing {

Time noon();  ///< 2026-06-01T12:20:20Z, the time of the published cycle

Config fleet_config();

/// Everything well, all sessions announced.
Published calm();
/// Mobile is bad at hk-idc-1; cmi was prepended and should be withdrawn, which a guard refuses.
Published evening();
/// Prometheus away for four minutes.
Published blind();
/// All well, with an address and virtual services in the kernel, of which one could not be made.
Published kept();
/// The evening with a shadow that would have withdrawn cmi, and thinks worse of telecom.
Published shadowed();
/// Frozen by a person while mobile is bad, and a session pinned.
Published frozen();
/// Mode advise: the withdrawal is allowed by all guards and waits for a person.
Published advised();
/// The first cycle: nothing judged, nothing stored, the router does not answer.
Published first_cycle();
/// The same evening with Chinese region and site names.
Published chinese();

}  // namespace anycast::testing
