#include "adapters/prometheus/counters.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

namespace anycast::prometheus {
namespace {

constexpr int kGap = 3;
// A prober that is set to a shorter interval than we know of is told, not believed.
constexpr std::int64_t kMostRate = 4;
// As for blackbox_exporter: no ping that anybody counts as received took longer.
constexpr Duration kMaxRtt = minutes{1};

/// All counters of one target at one time.
struct Scrape {
  Time at;
  std::int64_t sent;
  std::vector<std::int64_t> replies;  ///< by bucket, cumulative

  std::int64_t missing() const { return sent - replies.back(); }
};

/// Counters are floating-point numbers that hold whole ones exactly up to 2^53.
std::optional<std::int64_t> whole(double value) {
  constexpr double kMost = 9007199254740992;
  if (!(value >= 0 && value <= kMost) || value != std::floor(value)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

/// Packets that leave within the span, at most.
std::int64_t packets_in(Duration span, const EvidenceConfig& config) {
  return span / config.ping + 1;
}

/// The buckets at the time of `point`; `next` has one place for each of them.
std::optional<Scrape> scrape_at(const Point& point, const std::vector<Bucket>& buckets,
                                std::vector<std::size_t>& next, Counted& out) {
  const auto sent = whole(point.value);
  if (!sent) {
    out.no_count.push_back(point);
    return std::nullopt;
  }
  Scrape scrape{.at = Time{milliseconds{point.at_ms}}, .sent = *sent, .replies = {}};
  scrape.replies.reserve(buckets.size());
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto& points = buckets[i].points;
    while (next[i] < points.size() && points[next[i]].at_ms < point.at_ms) ++next[i];
    if (next[i] == points.size() || points[next[i]].at_ms != point.at_ms) {
      out.no_buckets.push_back(point);
      return std::nullopt;
    }
    const auto count = whole(points[next[i]].value);
    if (!count || (i > 0 && *count < scrape.replies.back())) {
      out.no_count.push_back(point);
      return std::nullopt;
    }
    scrape.replies.push_back(*count);
  }
  return scrape;
}

/// Whether nothing but pings lies between the two.
bool goes_on(const Scrape& before, const Scrape& now, const EvidenceConfig& config) {
  const auto span = now.at - before.at;
  if (span > kGap * config.scrape) return false;
  if (now.sent < before.sent || now.sent <= packets_in(span, config)) return false;
  std::int64_t below = 0;
  for (std::size_t i = 0; i < now.replies.size(); ++i) {
    const auto came = now.replies[i] - before.replies[i];
    if (came < below) return false;
    below = came;
  }
  return true;
}

void add_samples(const Scrape& before, const Scrape& now, std::int64_t lost,
                 const std::vector<Bucket>& buckets, std::vector<Sample>& out) {
  const auto came = now.replies.back() - before.replies.back();
  const auto span = now.at - before.at;
  std::int64_t place = 0;
  const auto next = [&] { return before.at + span * ++place / (came + lost); };
  Duration below{0};
  std::int64_t counted = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto edge = std::min(buckets[i].edge, kMaxRtt);
    // A bucket is open below: what it holds took at least a microsecond more.
    const auto half = std::max((edge - below + Duration{1}) / 2, Duration{1});
    for (; counted < now.replies[i] - before.replies[i]; ++counted) {
      out.push_back(
          {.at = next(), .received = true, .rtt = below + Duration{1} + half, .half = half});
    }
    below = edge;
  }
  while (lost > 0 && place < came + lost) out.push_back({.at = next(), .received = false});
}

}  // namespace

Counted count_up(const std::vector<Point>& sent, const std::vector<Bucket>& buckets,
                 const EvidenceConfig& config) {
  Counted out;
  if (buckets.empty() || buckets.back().edge != Duration::max()) {
    out.no_buckets = sent;
    return out;
  }
  std::vector<std::size_t> next(buckets.size());
  std::optional<Scrape> before;
  std::int64_t told = 0;
  for (const auto& point : sent) {
    auto now = scrape_at(point, buckets, next, out);
    if (!now) continue;
    const bool same = before && goes_on(*before, *now, config);
    if (!same) {
      told = now->missing() + packets_in(seconds{1}, config);
    } else {
      const auto most = kMostRate * packets_in(now->at - before->at, config);
      const auto lost = std::max<std::int64_t>(0, now->missing() - told);
      if (now->sent - before->sent > most || now->replies.back() - before->replies.back() > most) {
        out.too_many.push_back(point);
        told = now->missing() + packets_in(seconds{1}, config);
      } else {
        add_samples(*before, *now, lost, buckets, out.samples);
        told += lost;
      }
    }
    before = std::move(now);
  }
  return out;
}

}  // namespace anycast::prometheus
