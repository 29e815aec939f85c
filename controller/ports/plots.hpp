#pragma once

#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/plot.hpp"

namespace anycast {

/// Where the points of plots are kept: short spans for a few days, hours as long as the history.
class PlotStore {
 public:
  virtual ~PlotStore() = default;
  /// Keeps points of kPlotSpan; one that is kept already stays as it is. Rolls up what is older
  /// than kPlotFine and forgets what is older than the history.
  virtual Result<void> add(const std::vector<PlotRecord>& points, Time now) = 0;
  /// Keeps thresholds that differ from the newest of their carrier.
  virtual Result<void> limits(const std::vector<PlotLimits>& limits) = 0;
  /// Points that begin in [from, until), of kPlotSpan for a day and a half at most, else of
  /// kPlotSpanRolled; `from` comes back at the begin of its span.
  virtual Result<PlotHistory> read(Time from, Time until) = 0;
};

}  // namespace anycast
