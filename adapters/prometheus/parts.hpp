#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "adapters/prometheus/reply.hpp"
#include "controller/model/config.hpp"
#include "controller/model/evidence.hpp"

namespace anycast::prometheus {

/// The series of one probe, by the labels that are not ours.
using Parts = std::map<std::string, std::vector<Point>>;

/// Times in milliseconds, both ends included; empty where `to` is before `from`.
struct Span {
  std::int64_t from = 0;
  std::int64_t to = -1;
  bool empty() const { return to < from; }
};

struct Line {
  std::vector<Point> points = {};  ///< in ascending order
  Span doubted = {};  ///< where there are more probes than targets, and nobody knows the right ones
};

/// Parts that follow each other in time are one probe whose labels were changed; of parts that
/// overlap there may be so many as the probe has `targets`.
Line one_line(const Parts& parts, std::size_t targets);

/// How many targets a probe may have by the configuration: one address of a node, all the anycast
/// addresses, which users take one like the other, and any number of anchors. Where counters of
/// several targets share a time stamp they cannot be told apart: of smokeping_prober it is one.
std::size_t targets_of(const Config& config, Target target);

/// Nothing is believed in the span, nor within a scrape of it: the two probes take turns.
void disbelieve(std::vector<Point>& points, const Span& span, Duration scrape);

}  // namespace anycast::prometheus
