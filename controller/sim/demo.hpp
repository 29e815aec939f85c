#pragma once

#include <cstdint>
#include <iosfwd>

#include "controller/sim/recording.hpp"

namespace anycast::sim {

struct DemoOptions {
  std::uint64_t seed = 7;
  Recording* recording = nullptr;  ///< of one of the nodes, where somebody wants to see more
};

/// Where the evening's trouble is.
inline constexpr const char* kDemoNode = "hk-idc-1";

/// Plays an evening of the built-in fleet through the production core and prints what happened, the
/// users' figures beside two fixed alternatives, and the time it took. No root, no network, no
/// files. Returns 0, or 1 where the evening did not end as it has to: everybody served all the
/// time, the bad carrier moved and brought back, nobody else touched.
int run_demo(std::ostream& out, const DemoOptions& options);

}  // namespace anycast::sim
