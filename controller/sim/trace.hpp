#pragma once

#include <string>
#include <utility>
#include <vector>

#include "controller/sim/baselines.hpp"

namespace anycast::sim {

/// How a run went, for a picture.
struct Trace {
  static constexpr std::int64_t kBin = minutes{10} / kTick;

  struct Bin {
    Felt ours = {};
    Felt plain = {};                      ///< with everything announced plainly
    std::vector<std::string> nodes = {};  ///< [carrier]: which node served it last, or empty
  };
  struct Change {
    Time at;
    Link link;
    std::string stance;
  };
  Time begin = {};
  std::vector<Bin> bins = {};
  std::vector<Change> changes = {};
  std::vector<std::string> carriers = {};
  std::vector<std::string> node_names = {};
  double bad_rtt_ms = 0;  ///< the lowest of the thresholds
  double bad_loss = 0;
};

/// The rule, with what happens under it written to `trace`, which has to live as long.
Steering traced(Steering rule, Trace& trace);

}  // namespace anycast::sim
