#pragma once

#include <span>
#include <vector>

#include "controller/model/evidence.hpp"
#include "controller/model/plan.hpp"

namespace anycast::core {

/// One-sided 95 % bounds everywhere: each threshold is crossed in one direction only.
inline constexpr double kZ = 1.645;

/// Statistics of one probe's window. `samples` as in ProbeSeries; `now` only dates the newest of
/// them.
Estimate estimate(std::span<const Sample> samples, Time now);

/// The regions of one path as one: loss by counts, RTT and jitter by the median of the regions, so
/// that a single sick probe moves neither. Empty input gives an empty estimate.
Estimate pool(const std::vector<Estimate>& regions);

/// Wilson's score interval for `lost` of `sent` (Wilson 1927); 0 to 1 in ppm, sent > 0.
Bounded<Ppm> loss_interval(int lost, int sent);

}  // namespace anycast::core
