#include "controller/core/readings.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace anycast::core {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

/// A node's probes of one upstream, or of none, and one carrier.
std::span<const ProbeReading> toward(std::span<const ProbeReading> of_node, const Names& names) {
  const auto names_of = [](const ProbeReading& probe) {
    return Names{probe.key.upstream, probe.key.carrier};
  };
  const auto begin = std::ranges::lower_bound(of_node, names, {}, names_of);
  auto end = begin;
  while (end != of_node.end() && names_of(*end) == names) ++end;
  return {begin, end};
}

const ProbeReading* find(std::span<const ProbeReading> probes, const std::string& region,
                         Target target) {
  const auto found = std::ranges::find_if(probes, [&](const ProbeReading& probe) {
    return probe.key.region == region && probe.key.target == target;
  });
  return found != probes.end() ? &*found : nullptr;
}

}  // namespace

const ProbeReading* PathProbes::of(const std::string& region) const {
  const auto* found = find(own, region, Target::node);
  return found != nullptr ? found : find(shared, region, Target::node);
}

PathProbes probes_for(std::span<const ProbeReading> of_node, const std::string& upstream,
                      const std::string& carrier) {
  PathProbes out{.shared = toward(of_node, {{}, carrier})};
  // Sorted by upstream: where the last probe has none, none has.
  if (!of_node.empty() && !of_node.back().key.upstream.empty())
    out.own = toward(of_node, {upstream, carrier});
  return out;
}

std::span<const ProbeReading> probes_of(const Readings& readings, const std::string& node) {
  const auto node_of = [](const ProbeReading& probe) { return std::string_view{probe.key.node}; };
  const std::string_view name{node};
  return {std::ranges::lower_bound(readings.probes, name, {}, node_of),
          std::ranges::upper_bound(readings.probes, name, {}, node_of)};
}

const ProbeReading* find_anchor(std::span<const ProbeReading> of_no_node,
                                const std::string& carrier, const std::string& region) {
  return find(toward(of_no_node, {{}, carrier}), region, Target::anchor);
}

}  // namespace anycast::core
