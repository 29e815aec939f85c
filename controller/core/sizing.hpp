#pragma once

#include <optional>
#include <vector>

#include "controller/model/config.hpp"

namespace anycast::core {

/// What so many probes at such a pace see of a carrier's path that was well until then, and in
/// which time, by rules 1.4 to 1.6 of judge.hpp. Losses are taken as independent of each other:
/// bursts make everything slower.
struct Sizing {
  int probes = 0;
  Duration every = {};  ///< between two packets of one probe
  Ppm smallest = 0;     ///< loss of one packet in `evidence.window`
  /// Usual time until the path is bad at each of `sizing_losses`: until the CUSUMs raise the alarm,
  /// or until the pooled lower bound is over `bad` for `for`. Not there where neither is sure to
  /// happen.
  std::vector<std::optional<Duration>> seen = {};
  Duration clear = {};  ///< until a path without any loss is proven below `loss.clear` (Wilson)
};

/// `bad`, twice that, 10 %, 30 %, everything; ascending, each once.
std::vector<Ppm> sizing_losses(const Thresholds& thresholds);
Sizing sizing(const Thresholds& thresholds, const EvidenceConfig& evidence, int probes,
              Duration every);

}  // namespace anycast::core
