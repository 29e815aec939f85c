#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/core/meter.hpp"

namespace anycast::core {

/// All probes' statistics, kept up to date with work for what is new only: the same values as
/// `read` would make of the same window.
class Meters {
 public:
  explicit Meters(const Config& config);

  /// Takes what is new in the evidence: a series has samples in ascending order, of which those
  /// that are known already may be missing or come again unchanged. A series that is absent is
  /// forgotten. Everything is read anew from an answer that may not go on where the last one ended:
  /// another server, an earlier time, or any answer after a partial one.
  void feed(const Evidence& evidence);
  Readings read() const;
  void clear();

 private:
  struct Probe {
    ProbeKey key;
    Meter meter;
  };
  void feed(Probe& probe, const ProbeSeries& series, Time at) const;
  void recast(const Evidence& evidence);

  EvidenceConfig evidence_;
  std::map<std::string, CusumWeights> weights_;  ///< by carrier
  std::vector<Probe> probes_;                    ///< sorted by key
  Readings head_;                                ///< all but the probes
};

/// Statistics of a whole window.
Readings read(const Config& config, const Evidence& evidence);

}  // namespace anycast::core
