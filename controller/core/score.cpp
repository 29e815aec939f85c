#include "controller/core/score.hpp"

#include <algorithm>
#include <cmath>

#include "controller/core/felt.hpp"
#include "controller/core/rounded.hpp"

namespace anycast::core {
namespace {

/// 20 ms per % of loss.
constexpr std::int64_t kUsPerPpm = 2;
constexpr Ppm kRelaxed = 700'000;
constexpr Duration kFull = milliseconds{100};

Duration for_loss(Ppm loss) { return Duration{kUsPerPpm * loss}; }

/// The square root of the sum of squares, in whole microseconds.
Duration together(Duration a, Duration b, Duration c) {
  const auto us = [](Duration d) { return static_cast<double>(d.count()); };
  return Duration{rounded(std::sqrt(us(a) * us(a) + us(b) * us(b) + us(c) * us(c)))};
}

}  // namespace

Bounded<Duration> score(const Estimate& e) {
  const auto all = users(e);
  const auto value = score(all);
  const auto jitter = e.has_jitter ? e.jitter : Bounded<Duration>{};
  return {.value = value,
          .low = value - together(all.rtt - all.rtt_low, for_loss(e.loss.value - e.loss.low),
                                  (jitter.value - jitter.low) / 2),
          .high = value + together(all.rtt_high - all.rtt, for_loss(e.loss.high - e.loss.value),
                                   (jitter.high - jitter.value) / 2)};
}

Bounded<Duration> score(const PathReport& path) {
  auto out = score(path.pooled);
  const bool recent = path.fast.sent >= kLeastSent;
  const auto fast = recent ? score(path.fast) : out;
  const auto newest_low = std::max(out.low, fast.low);
  if (path.slow.sent > path.pooled.sent) {
    const auto slow = score(path.slow);
    const bool worse_now = newest_low > slow.value;
    const bool better_now = std::min(out.high, fast.high) < slow.value;
    if (!worse_now) out.high = std::min(out.high, slow.high);
    if (!better_now) out.low = std::max(out.low, slow.low);
  }
  out.low = std::max(out.low, fast.low);
  if (out.low > out.high) out.high = std::max(out.low, fast.high);
  out.value = std::clamp(out.value, out.low, out.high);
  return out;
}

Duration load_term(Ppm load) {
  return load <= kRelaxed ? Duration{0} : kFull * (load - kRelaxed) / (kAll - kRelaxed);
}

Ppm weight(const Config& config, const std::string& carrier) {
  const auto& given = config.weights.carriers;
  if (given.empty()) return kAll / std::max<Ppm>(static_cast<Ppm>(config.carriers.size()), 1);
  Ppm all = 0;
  for (const auto& [name, share] : given) all += share;
  return given.at(carrier) * kAll / std::max<Ppm>(all, 1);
}

bool surely_better(const Prefer& prefer, const Bounded<Duration>& a, const Bounded<Duration>& b) {
  const auto margin =
      std::max(prefer.margin, Duration{b.value.count() * prefer.margin_share / kAll});
  return a.high + margin < b.low;
}

bool losing_now(const Prefer& limits, const PathReport& path) {
  return path.alarm && path.fast.sent >= kLeastSent && path.fast.loss.low > limits.emergency_loss;
}

bool still_worse(const PathReport& path, Duration extra, Duration than) {
  return path.fast.sent < kLeastSent || score(path.fast).value + extra > than;
}

}  // namespace anycast::core
