#include "adapters/prometheus/parts.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace anycast::prometheus {

Line one_line(const Parts& parts, std::size_t targets) {
  std::vector<const std::vector<Point>*> order;
  order.reserve(parts.size());
  for (const auto& [labels, points] : parts) order.push_back(&points);
  std::ranges::sort(order, {}, [](const auto* points) { return points->front().at_ms; });
  Line line;
  std::vector<std::int64_t> ends;  // of the parts so far, the latest first
  for (const auto* points : order) {
    const auto first = points->front().at_ms;
    const auto last = points->back().at_ms;
    if (ends.size() >= targets && ends[targets - 1] >= first) {
      if (line.doubted.empty()) line.doubted.from = first;
      line.doubted.to = std::max(line.doubted.to, std::min(ends[targets - 1], last));
    }
    ends.insert(std::ranges::upper_bound(ends, last, std::greater{}), last);
    line.points.insert(line.points.end(), points->begin(), points->end());
  }
  if (targets > 1 || !line.doubted.empty())
    std::ranges::stable_sort(line.points, {}, &Point::at_ms);
  return line;
}

std::size_t targets_of(const Config& config, Target target) {
  if (target == Target::node || config.evidence.source == Exporter::smokeping) return 1;
  if (target == Target::anchor) return std::numeric_limits<std::size_t>::max();
  std::size_t vips = 0;
  for (const auto& prefix : config.prefixes) vips += prefix.vips.size();
  return std::max<std::size_t>(vips, 1);
}

void disbelieve(std::vector<Point>& points, const Span& span, Duration scrape) {
  if (span.empty()) return;
  const auto beside = std::chrono::ceil<milliseconds>(scrape).count();
  std::erase_if(points, [&](const Point& point) {
    return point.at_ms >= span.from - beside && point.at_ms <= span.to + beside;
  });
}

}  // namespace anycast::prometheus
