#pragma once

#include <span>
#include <string>

#include "controller/model/readings.hpp"
#include "controller/model/state.hpp"

namespace anycast::core {

/// All probes of a node.
std::span<const ProbeReading> probes_of(const Readings& readings, const std::string& node);
/// The probe of the path's node that speaks for it in a region: its own session's, else the node's;
/// or nullptr.
const ProbeReading* find_probe(std::span<const ProbeReading> of_node, const PathKey& path,
                               const std::string& region);
/// What the carrier's probe of a region says about its anchors, the targets of its own network; or
/// nullptr.
const ProbeReading* find_anchor(const Readings& readings, const std::string& carrier,
                                const std::string& region);

}  // namespace anycast::core
