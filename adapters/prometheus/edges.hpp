#pragma once

#include <map>
#include <string>
#include <vector>

#include "adapters/prometheus/counters.hpp"
#include "controller/model/config.hpp"
#include "controller/model/evidence.hpp"

namespace anycast::prometheus {

/// What is wrong with the buckets that exporters really have, each once, with the first that has
/// it.
class Edges {
 public:
  explicit Edges(const Config& config) : config_{config} {}

  void look_at(const ProbeKey& key, const std::string& name, const std::vector<Bucket>& buckets);
  void tell(std::vector<std::string>& faults) const;

 private:
  const Config& config_;
  std::map<std::string, std::string> faults_;
};

}  // namespace anycast::prometheus
