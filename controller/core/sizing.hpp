#pragma once

#include <optional>
#include <vector>

#include "controller/model/config.hpp"

namespace anycast::core {

/// What so many probes at such a pace see of a carrier's path, and in which time. Losses are taken
/// as independent: bursts make everything slower by their mean length.
struct Sizing {
  int probes = 0;
  Duration every = {};  ///< between two packets of one probe
  Ppm smallest = 0;     ///< loss of one packet in `evidence.window`
  /// Mean time until the CUSUM raises the alarm at each of `sizing_losses`, from a clean start; not
  /// there where that loss never raises it. Wald's approximation: alarm by mean step.
  std::vector<std::optional<Duration>> alarm = {};
  Duration clear = {};  ///< until a path without any loss is proven below `loss.clear` (Wilson)
};

/// `bad`, twice that, 10 %, 30 %, everything; ascending, each once.
std::vector<Ppm> sizing_losses(const Thresholds& thresholds);
Sizing sizing(const Thresholds& thresholds, Duration window, int probes, Duration every);

}  // namespace anycast::core
