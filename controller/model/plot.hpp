#pragma once

#include <compare>
#include <string>
#include <vector>

#include "controller/base/time.hpp"
#include "controller/model/config.hpp"

namespace anycast {

/// Whose line in a plot: a carrier at a node, over one upstream where probes ping each session
/// (`upstream` is empty where they ping the node).
struct PlotKey {
  std::string node;
  std::string carrier;
  std::string upstream = {};
  auto operator<=>(const PlotKey&) const = default;
};

/// What the probes of all regions saw in one span of time. Quantiles are exact, of the replies
/// themselves; without a reply they are 0.
struct PlotPoint {
  Time at;  ///< when the span began
  int sent = 0;
  int lost = 0;
  Duration p10 = {};
  Duration median = {};
  Duration p90 = {};
  Duration jitter = {};  ///< mean difference of neighbouring replies (RFC 3393), 0 where unknown
  bool operator==(const PlotPoint&) const = default;
};

/// The thresholds of a carrier, and since when.
struct PlotLimits {
  Time at;
  std::string carrier;
  Levels<Duration> rtt;
  Levels<Ppm> loss;
  Levels<Duration> jitter;
  bool operator==(const PlotLimits&) const = default;
};

/// One point more of one line.
struct PlotRecord {
  PlotKey key;
  PlotPoint point;
  bool operator==(const PlotRecord&) const = default;
};

/// Every point of a span of time, by key and then by time, and the thresholds that were in force in
/// it, by carrier and then by time (the first may be from before).
struct PlotHistory {
  Time from;
  Time until;
  Duration span = {};  ///< of each point
  std::vector<PlotRecord> points = {};
  std::vector<PlotLimits> limits = {};
};

/// Points are this long for a few days; an hour in the years before.
inline constexpr Duration kPlotSpan = minutes{5};
inline constexpr Duration kPlotSpanRolled = hours{1};
/// What is older than this is kept by the hour only.
inline constexpr Duration kPlotFine = hours{72};
/// What is asked for in short spans, at most.
inline constexpr Duration kPlotFineRead = hours{36};

/// When the span began in which a time lies.
inline Time begin_of_span(Time at, Duration span) {
  return Time{at.time_since_epoch() / span * span};
}

}  // namespace anycast
