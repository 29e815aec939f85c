#include "controller/core/meters.hpp"

#include <algorithm>
#include <utility>

namespace anycast::core {

Meters::Meters(const Config& config) : evidence_{config.evidence} {
  for (const auto& [carrier, thresholds] : config.thresholds) {
    weights_.emplace(carrier, CusumWeights::of(thresholds));
  }
}

void Meters::clear() {
  probes_.clear();
  head_ = {};
}

void Meters::feed(Probe& probe, const ProbeSeries& series, Time at) const {
  const auto known = std::max(probe.meter.newest().value_or(Time{}), at - evidence_.longest());
  auto fresh = series.samples.end();
  while (fresh != series.samples.begin() && std::prev(fresh)->at > known) --fresh;
  for (; fresh != series.samples.end(); ++fresh) probe.meter.add(*fresh);
  probe.meter.advance(at);
}

void Meters::feed(const Evidence& evidence) {
  if (evidence.server != head_.server || evidence.at < head_.at || head_.partial) clear();
  head_ = {.at = evidence.at,
           .server = evidence.server,
           .faults = evidence.faults,
           .partial = evidence.partial};
  const bool same =
      std::ranges::equal(evidence.series, probes_, {}, &ProbeSeries::key, &Probe::key);
  if (!same) recast(evidence);
  auto probe = probes_.begin();
  for (const auto& series : evidence.series) feed(*probe++, series, evidence.at);
  std::erase_if(probes_, [](const Probe& one) { return one.meter.empty(); });
}

/// One probe for each series: those that are known go on.
void Meters::recast(const Evidence& evidence) {
  std::vector<Probe> next;
  next.reserve(evidence.series.size());
  auto known = probes_.begin();
  for (const auto& series : evidence.series) {
    while (known != probes_.end() && known->key < series.key) ++known;
    if (known != probes_.end() && known->key == series.key) {
      next.push_back(std::move(*known));
    } else {
      const auto weights = weights_.find(series.key.carrier);
      next.push_back(
          {series.key, {weights == weights_.end() ? CusumWeights{} : weights->second, evidence_}});
    }
  }
  probes_ = std::move(next);
}

Readings Meters::read() const {
  Readings out = head_;
  out.probes.reserve(probes_.size());
  for (const auto& probe : probes_) {
    out.probes.push_back({.key = probe.key});
    probe.meter.read(out.probes.back());
  }
  return out;
}

Readings read(const Config& config, const Evidence& evidence) {
  Meters meters{config};
  meters.feed(evidence);
  return meters.read();
}

}  // namespace anycast::core
