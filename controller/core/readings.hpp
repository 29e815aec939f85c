#pragma once

#include <string>

#include "controller/model/readings.hpp"
#include "controller/model/state.hpp"

namespace anycast::core {

/// The probe that speaks for a path in a region: its own session's, else the node's; or nullptr.
const ProbeReading* find_probe(const Readings& readings, const PathKey& path,
                               const std::string& region);
/// What the carrier's probe of a region says about its anchors, the targets of its own network; or
/// nullptr.
const ProbeReading* find_anchor(const Readings& readings, const std::string& carrier,
                                const std::string& region);

}  // namespace anycast::core
