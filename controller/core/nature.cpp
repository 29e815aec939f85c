#include "controller/core/nature.hpp"

#include <algorithm>

namespace anycast::core {
namespace {

constexpr Ppm kOutage = 900'000;
constexpr Duration kLeastStep = milliseconds{15};

bool stepped_up(const PathReport& path) {
  if (!path.pooled.has_rtt || !path.slow.has_rtt) return false;
  const auto before = path.slow.rtt.value;
  return path.pooled.rtt.value - before > std::max(kLeastStep, before / 5);
}

}  // namespace

std::string nature(const Thresholds& thresholds, const PathReport& path) {
  const auto loss = std::max(path.pooled.loss.value, path.fast.loss.value);
  if (loss >= kOutage) return "outage";
  const bool queues = path.pooled.has_jitter && path.pooled.jitter.value > thresholds.jitter.warn;
  if (path.alarm || path.pooled.loss.value > thresholds.loss.warn || queues) return "congestion";
  const bool far = path.pooled.has_rtt && path.pooled.rtt.value > thresholds.rtt.warn;
  return far || stepped_up(path) ? "detour" : "";
}

}  // namespace anycast::core
