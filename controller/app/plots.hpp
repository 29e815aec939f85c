#pragma once

#include <map>
#include <optional>
#include <vector>

#include "controller/model/evidence.hpp"
#include "controller/model/plot.hpp"
#include "controller/ports/ports.hpp"

namespace anycast {

/// Sorts raw samples into spans and sums a span up once nothing more will come for it.
class Plots {
 public:
  /// Takes what is newer than what it has; evidence that may be partial is left out.
  void feed(const Evidence& evidence);
  /// Spans that ended at least kLate before the newest evidence, once each.
  std::vector<PlotRecord> closed();

  /// A sample may be stored this long after its time.
  static constexpr Duration kLate = minutes{1};

 private:
  struct Last {
    Time at = {};
    std::optional<Sample> reply = {};  ///< the sample itself, where it was a reply in a known order
  };
  struct Span {
    int sent = 0;
    int lost = 0;
    std::vector<Duration> rtts = {};
    std::int64_t steps_us = 0;
    int steps = 0;
  };
  void take(const ProbeKey& probe, const Sample& sample);

  std::map<ProbeKey, Last> last_;
  std::map<PlotKey, std::map<Time, Span>> open_;
  Time newest_ = {};
  Time begun_ = {};  ///< the first whole span
  Time done_ = {};   ///< spans that began before have been told
};

/// Passes evidence on and lets `plots` see it.
class PlottedEvidence final : public EvidenceSource {
 public:
  PlottedEvidence(EvidenceSource& source, Plots& plots) : source_{source}, plots_{plots} {}
  Result<Evidence> evidence(Time at) override;
  Result<FleetView> fleet(Time at) override { return source_.fleet(at); }

 private:
  EvidenceSource& source_;
  Plots& plots_;
};

/// The thresholds of every carrier from now on.
std::vector<PlotLimits> limits_of(const Config& config, Time now);

}  // namespace anycast
