#pragma once

#include "controller/core/step.hpp"
#include "controller/sim/world.hpp"

namespace anycast::sim {

/// Four Hong Kong nodes, four upstreams, three carriers, three regions: the deployment to have in
/// mind, on documentation addresses and with the timing of a real one. Mode auto; `self` is
/// hk-ali-1.
Result<core::Setup> article();

/// Its paths on a quiet day and whom each carrier's users reach then.
void quiet_day(World& world);

}  // namespace anycast::sim
