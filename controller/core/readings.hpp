#pragma once

#include <span>
#include <string>

#include "controller/model/readings.hpp"
#include "controller/model/state.hpp"

namespace anycast::core {

/// Probes that ping for a path: those of its own session and those of its node, each by region.
struct PathProbes {
  std::span<const ProbeReading> own = {};
  std::span<const ProbeReading> shared = {};

  /// The one that speaks for the path in a region: its own session's, else the node's; or nullptr.
  const ProbeReading* of(const std::string& region) const;
};
/// Of all probes of a node.
PathProbes probes_for(std::span<const ProbeReading> of_node, const std::string& upstream,
                      const std::string& carrier);

/// All probes of a node.
std::span<const ProbeReading> probes_of(const Readings& readings, const std::string& node);
/// What the carrier's probe of a region says about its anchors, the targets of its own network,
/// among the probes that ping no node; or nullptr.
const ProbeReading* find_anchor(std::span<const ProbeReading> of_no_node,
                                const std::string& carrier, const std::string& region);

}  // namespace anycast::core
