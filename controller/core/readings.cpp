#include "controller/core/readings.hpp"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace anycast::core {
namespace {

using Names = std::tuple<std::string_view, std::string_view, std::string_view>;

const ProbeReading* find(std::span<const ProbeReading> of_node, const Names& names) {
  const auto names_of = [](const ProbeReading& probe) {
    return Names{probe.key.upstream, probe.key.carrier, probe.key.region};
  };
  const auto found = std::ranges::lower_bound(of_node, names, {}, names_of);
  return found != of_node.end() && names_of(*found) == names ? &*found : nullptr;
}

}  // namespace

std::span<const ProbeReading> probes_of(const Readings& readings, const std::string& node) {
  const auto node_of = [](const ProbeReading& probe) { return std::string_view{probe.key.node}; };
  const std::string_view name{node};
  return {std::ranges::lower_bound(readings.probes, name, {}, node_of),
          std::ranges::upper_bound(readings.probes, name, {}, node_of)};
}

const ProbeReading* find_probe(std::span<const ProbeReading> of_node, const PathKey& path,
                               const std::string& region) {
  const auto* own = find(of_node, {path.upstream, path.carrier, region});
  return own != nullptr ? own : find(of_node, {{}, path.carrier, region});
}

const ProbeReading* find_anchor(const Readings& readings, const std::string& carrier,
                                const std::string& region) {
  return find(probes_of(readings, {}), {{}, carrier, region});
}

}  // namespace anycast::core
