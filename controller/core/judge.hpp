#pragma once

#include <map>
#include <vector>

#include "controller/model/config.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/seen.hpp"
#include "controller/model/state.hpp"

namespace anycast::core {

/// All paths of the fleet, judged. Rules 1.1 to 1.6, in this order:
///
///  1.1 gate     a region counts only with enough and fresh enough samples
///  1.2 region   a region is bad, warn or ok by its values alone; then rules 2.1 and 2.2 of blame
///               take out the probes whose fault is their own
///  1.3 quorum   fewer usable regions than `thresholds.regions`, or a warned answer: unknown
///  1.4 bad      so many regions over `bad` in the same measure, and the pooled lower bound is over
///               it too; of loss also when the CUSUMs of the regions without the worst
///               `thresholds.regions - 1` reach their share of `thresholds.cusum` and so many
///               regions are over `clear` for sure: an alarm
///  1.5 clear    no alarm, and the pooled upper bounds of all measures are below `clear`
///  1.6 damping  bad for `for` makes the verdict bad, an alarm does so at once, clear for
///               `clear_for` ends it; not knowing restarts both clocks and leaves the verdict as it
///               was
struct Judgement {
  std::vector<PathReport> paths = {};  ///< sorted by key
  std::vector<Discarded> discarded = {};
  int series_expected = 0;
  int series_usable = 0;  ///< by rule 1.1: a sick probe's is known well enough
};
Judgement judge(const Config& config, const State& state, const Seen& seen);

/// Rules 1.1 to 1.5, what the readings alone say: the same on every node that read the same at the
/// same time. Verdicts are unknown until `damp` has remembered.
Judgement survey(const Config& config, const Seen& seen);
/// A path whose verdict is not what it was.
struct VerdictChange {
  const PathReport* path;
  Verdict was;
};
/// Rule 1.6, from what is known of the paths; it is brought to what is known now, of these paths
/// and no others.
std::vector<VerdictChange> damp(const Config& config, Time now, std::map<PathKey, PathState>& known,
                                std::vector<PathReport>& paths);

}  // namespace anycast::core
