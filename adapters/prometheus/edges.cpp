#include "adapters/prometheus/edges.hpp"

#include <fmt/format.h>

#include "controller/model/buckets.hpp"

namespace anycast::prometheus {

void Edges::look_at(const ProbeKey& key, const std::string& name,
                    const std::vector<Bucket>& buckets) {
  std::vector<Duration> edges;
  for (const auto& bucket : buckets) {
    if (bucket.edge != Duration::max()) edges.push_back(bucket.edge);
  }
  const auto thresholds = config_.thresholds.find(key.carrier);
  if (edges.empty() || thresholds == config_.thresholds.end()) return;
  const auto blur = buckets_blur(edges, thresholds->second.rtt);
  if (!blur.empty()) {
    faults_.emplace(fmt::format("for {} the buckets of evidence.rtt {}", key.carrier, blur), name);
  }
  const auto& wanted = config_.evidence.buckets;
  if (!wanted.empty() && wanted != edges) {
    faults_.emplace("evidence.rtt has other buckets than evidence.buckets", name);
  }
}

void Edges::tell(std::vector<std::string>& faults) const {
  for (const auto& [text, name] : faults_)
    faults.push_back(fmt::format("{} (first {})", text, name));
}

}  // namespace anycast::prometheus
