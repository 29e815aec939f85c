#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "controller/core/estimate.hpp"
#include "controller/core/sorted.hpp"
#include "controller/model/config.hpp"
#include "controller/model/evidence.hpp"
#include "controller/model/readings.hpp"

namespace anycast::core {

/// The weights of a carrier's loss CUSUM, 1,000,000 = 1, from its thresholds: p0 is `clear`, p1 is
/// `bad` (Page 1954, for Bernoulli trials). Losses come in bursts whether the path is good or bad,
/// so that only the first loss of a run tells how often they begin; each further one weighs
/// 1/kBurst of it, enough to see an outage.
struct CusumWeights {
  static constexpr std::int64_t kBurst = 5;  ///< mean loss run on a healthy path, at most

  std::int64_t loss = 0;   ///< ln(p1 / p0)
  std::int64_t reply = 0;  ///< ln((1 - p0) / (1 - p1)), taken away
  std::int64_t alarm = 0;  ///< the clamp

  static CusumWeights of(const Thresholds& thresholds);
};

/// Statistics of one probe over three windows that end at the same time. A sample is looked at when
/// it comes into a window and when it leaves it, and never in between.
class Meter {
 public:
  static constexpr Duration kBlock = seconds{10};  ///< what `phi` is counted in

  Meter(const CusumWeights& weights, const EvidenceConfig& evidence);

  /// Samples in ascending order; those that are not newer than the newest are ignored. They count
  /// from the next `advance` on.
  void add(const Sample& sample);
  /// Moves the windows to (at - window, at].
  void advance(Time at);

  bool empty() const { return points_.size() == dead_; }
  std::optional<Time> newest() const;
  /// Fills in everything but the key, for the time of the last `advance`.
  void read(ProbeReading& out) const;

 private:
  static constexpr Rtt kLost = {-1, 0};
  static constexpr std::int32_t kNoStep = -1;
  struct Point {
    Time at;
    Rtt rtt;               ///< kLost where the reply did not come
    std::int32_t step_us;  ///< |rtt[i] - rtt[i-1]|, or kNoStep
  };
  struct Steps {
    int count = 0;
    std::uint64_t sum_us = 0;
    std::uint64_t sum_us2 = 0;  ///< of their squares

    void add(std::int32_t us) {
      if (us == kNoStep) return;
      const auto wide = static_cast<std::uint64_t>(us);
      ++count;
      sum_us += wide;
      sum_us2 += wide * wide;
    }
    void remove(std::int32_t us) {
      if (us == kNoStep) return;
      const auto wide = static_cast<std::uint64_t>(us);
      --count;
      sum_us -= wide;
      sum_us2 -= wide * wide;
    }
  };
  /// Neighbouring losses, by sequence number of the first.
  struct Run {
    std::uint64_t first;
    std::int64_t length;
  };
  struct Block {
    std::int64_t number;
    std::int64_t sent;
    std::int64_t lost;
  };
  struct Window {
    Duration span = {};
    std::uint64_t first = 0;  ///< sequence number of the oldest sample in it
    std::uint64_t past = 0;   ///< of the first that is too new to be in it
    int lost = 0;
    Steps steps = {};  ///< between neighbours both of which are in it
    Sorted replies = {};
    MedianRanks ranks = {};  ///< of so many replies, where there are any
  };

  const Point& point(std::uint64_t sequence) const { return points_[sequence - base_]; }
  std::uint64_t end() const { return base_ + points_.size(); }
  std::int32_t step_to(const Rtt& rtt) const;
  const Rtt* leave(Window& window, std::uint64_t until) const;
  const Rtt* enter(Window& window) const;
  void shift(Window& window, std::uint64_t first) const;
  Bounded<Duration> median(const Window& window) const;
  void count_run();
  void count_block(const Point& point);
  void uncount_block(const Point& point);
  Estimate estimate(const Window& window, Ppm phi) const;
  Ppm phi() const;
  std::int64_t cusum() const;

  CusumWeights weights_;
  std::array<Window, 3> windows_;  ///< fast, main, slow
  std::vector<Point> points_;      ///< the slow window, after `dead_` that have left it
  std::size_t dead_ = 0;
  std::uint64_t base_ = 0;     ///< sequence number of points_[0]
  std::size_t coarse_ = 0;     ///< replies in the slow window whose `half_us` is not 0
  std::vector<Run> runs_;      ///< that reach into the slow window
  std::vector<Block> blocks_;  ///< of the slow window, after `blocks_dead_` that have left it
  std::size_t blocks_dead_ = 0;
  std::int64_t swings2_ = 0;  ///< sum of squared differences of neighbouring blocks' losses
  Time at_ = {};
};

}  // namespace anycast::core
