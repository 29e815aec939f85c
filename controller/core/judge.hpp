#pragma once

#include <vector>

#include "controller/model/config.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/seen.hpp"
#include "controller/model/state.hpp"

namespace anycast::core {

/// All paths of the fleet, judged. Rules 1.1 to 1.6, in this order:
///  1.1 gate     a region counts only with enough and fresh enough samples; a warned answer counts
///  nowhere 1.2 region   a region is bad, warn or ok by its values alone 1.3 quorum   fewer usable
///  regions than `thresholds.regions`: unknown 1.4 bad      so many regions over `bad` in the same
///  measure, and the pooled lower bound is over it too 1.5 clear    the pooled upper bounds of all
///  measures are below `clear` 1.6 damping  bad for `for` makes the verdict bad, clear for
///  `clear_for` ends it; not knowing restarts
///               both clocks and leaves the verdict as it was
struct Judgement {
  std::vector<PathReport> paths;  ///< sorted by key
  int series_expected = 0;
  int series_usable = 0;
};
Judgement judge(const Config& config, const State& state, const Seen& seen);

}  // namespace anycast::core
