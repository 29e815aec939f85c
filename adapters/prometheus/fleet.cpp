#include <set>
#include <utility>

#include "adapters/prometheus/samples.hpp"

namespace anycast::prometheus {

std::vector<std::string> fleet_labels() { return {"node", "upstream"}; }

FleetView read_fleet(const Reply& reply, const Config& config, Time at) {
  const Time oldest = at - config.fleet.max_age;
  FleetView view;
  std::set<std::pair<std::string, std::string>> denied;
  for (const auto& series : reply.series) {
    const auto node = config.nodes.find(series.wanted[0]);
    if (node == config.nodes.end()) continue;
    const Point* newest = nullptr;
    for (const auto& point : series.points) {
      const Time when{milliseconds{point.at_ms}};
      if (when <= oldest || when > at) continue;
      if (newest == nullptr || point.at_ms > newest->at_ms) newest = &point;
    }
    if (newest == nullptr) continue;
    auto& announced = view[node->first];
    const auto& upstream = series.wanted[1];
    if (!node->second.sessions.contains(upstream)) continue;
    if (newest->value == 1) announced.insert(upstream);
    // Two series about one session (relabelled, or one per prefix): unknown counts as not
    // announcing, and so does a contradiction.
    if (newest->value != 1) denied.insert({node->first, upstream});
  }
  for (const auto& [node, upstream] : denied) view[node].erase(upstream);
  return view;
}

}  // namespace anycast::prometheus
