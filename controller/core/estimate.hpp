#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "controller/model/readings.hpp"

namespace anycast::core {

/// One-sided 95 % bounds everywhere: each threshold is crossed in one direction only.
inline constexpr double kZ = 1.645;

/// Wilson's score interval for `lost` of `sent` (Wilson 1927) as if 1/phi of the packets had been
/// sent and lost: losses in bursts prove less. 0 to 1 in ppm; sent > 0, phi >= 1,000,000.
Bounded<Ppm> loss_interval(int lost, int sent, Ppm phi = kAll);

/// A reply's time in microseconds, within `half_us` on both sides.
struct Rtt {
  std::int32_t us;
  std::int32_t half_us = 0;
  auto operator<=>(const Rtt&) const = default;
};

/// Places of the median of sorted values and of its rank interval: order statistics at
/// n/2 -+ z*sqrt(n)/2, free of any distribution.
struct MedianRanks {
  std::size_t low = 0;
  std::size_t value = 0;
  std::size_t high = 0;
};
/// Of `count` values; count > 0.
MedianRanks median_ranks(std::size_t count);

/// The median with its interval and what is not known of the values there; `at` gives the value of
/// a rank.
template <class At>
Bounded<Duration> median(const MedianRanks& ranks, At at) {
  const Rtt low = at(ranks.low);
  const Rtt high = at(ranks.high);
  return {.value = Duration{at(ranks.value).us},
          .low = Duration{low.us - low.half_us},
          .high = Duration{high.us + high.half_us}};
}

/// Mean of `count` values with the bounds of its standard error; count > 0.
Bounded<Duration> mean(int count, std::uint64_t sum_us, std::uint64_t sum_us2);

/// The regions of one path as one: loss by counts, RTT and jitter by the median of the regions, so
/// that a single sick probe moves neither; phi by the losses of each. `weights` are the regions'
/// users for that median, in their order; empty: all the same. Empty input gives an empty estimate.
Estimate pool(std::span<const Estimate* const> regions, std::span<const Ppm> weights = {});

}  // namespace anycast::core
