#include "controller/core/readings.hpp"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace anycast::core {
namespace {

using Names = std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>;

const ProbeReading* find(const Readings& readings, const Names& names) {
  const auto names_of = [](const ProbeReading& probe) {
    return Names{probe.key.node, probe.key.upstream, probe.key.carrier, probe.key.region};
  };
  const auto found = std::ranges::lower_bound(readings.probes, names, {}, names_of);
  return found != readings.probes.end() && names_of(*found) == names ? &*found : nullptr;
}

}  // namespace

const ProbeReading* find_probe(const Readings& readings, const PathKey& path,
                               const std::string& region) {
  const auto* own = find(readings, {path.node, path.upstream, path.carrier, region});
  return own != nullptr ? own : find(readings, {path.node, {}, path.carrier, region});
}

const ProbeReading* find_anchor(const Readings& readings, const std::string& carrier,
                                const std::string& region) {
  return find(readings, {{}, {}, carrier, region});
}

}  // namespace anycast::core
