#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/base/time.hpp"
#include "controller/model/evidence.hpp"

namespace anycast {

/// A value with its one-sided 95 % bounds; all three in the same unit.
template <class T>
struct Bounded {
  T value = {};
  T low = {};
  T high = {};
  bool operator==(const Bounded&) const = default;
};

/// What the samples of a window say. RTT is the median of the replies with its rank interval,
/// jitter the mean of |rtt[i] - rtt[i-1]| over neighbouring replies (RFC 3393), loss the share of
/// pings without a reply with Wilson's interval, as if only sent/phi pings had been independent.
struct Estimate {
  int sent = 0;
  int lost = 0;
  Duration newest_age = {};
  Bounded<Duration> rtt = {};
  Bounded<Ppm> loss = {};
  Bounded<Duration> jitter = {};
  bool has_rtt = false;     ///< at least one reply
  bool has_jitter = false;  ///< at least one pair of neighbouring replies
  Ppm phi = kAll;  ///< over-dispersion of the losses, 1,000,000 (independent) or more: of 10 s
                   ///< blocks of the slow window
  int runs = 0;    ///< of losses in a row; lost / runs is their mean length
  int longest_run = 0;
  bool operator==(const Estimate&) const = default;
};

/// One probe's samples in the three windows of the configuration.
struct ProbeReading {
  ProbeKey key;
  Estimate fast = {};  ///< evidence.fast_window
  Estimate main = {};  ///< evidence.window: what is judged
  Estimate slow = {};  ///< evidence.slow_window
  /// Evidence that the loss is at `bad` and no longer at `clear`: the logarithm of the likelihood
  /// ratio, 1,000,000 = 1; 0 to `thresholds.cusum` (Page's CUSUM, clamped on both sides).
  std::int64_t cusum = 0;
  bool operator==(const ProbeReading&) const = default;
};

/// Evidence as statistics. A probe without samples in the slow window is absent.
struct Readings {
  Time at = {};                           ///< Evidence::at; ages are relative to it
  std::vector<ProbeReading> probes = {};  ///< sorted by key, unique
  std::string server = {};
  std::vector<std::string> faults = {};
  bool partial = false;
  bool operator==(const Readings&) const = default;
};

}  // namespace anycast
