#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "controller/base/time.hpp"

namespace anycast {

/// Which Prometheus labels say who measured what. `upstream` is empty where targets are per node.
struct EvidenceLabels {
  std::string node = "node";
  std::string carrier = "carrier";
  std::string region = "region";
  std::string upstream = {};
};

/// Whose metrics the samples are made of. blackbox_exporter pings once per scrape, smokeping_prober
/// by its own clock into counters and a histogram.
enum class Exporter { blackbox, smokeping };

struct EvidenceConfig {
  Exporter source = Exporter::blackbox;
  std::string rtt = {};   ///< instant selector of the RTT gauge, seconds; or of the buckets
  std::string loss = {};  ///< instant selector of probe_success, 0 or 1; or of the requests
  EvidenceLabels labels = {};
  Duration window = minutes{10};
  Duration fast_window = minutes{1};   ///< not longer than `window`
  Duration slow_window = minutes{30};  ///< not shorter than `window`
  Duration scrape = seconds{5};        ///< of blackbox_exporter one scrape is one packet
  Duration ping = seconds{1};          ///< between two packets of smokeping_prober
  std::vector<Duration> buckets = {};  ///< upper edges of its histogram, ascending; empty: unknown
  int min_samples = 60;                ///< per region and window

  /// What has to be fetched once.
  Duration longest() const { return std::max(window, slow_window); }
  /// Between two packets of a probe.
  Duration packet() const { return source == Exporter::smokeping ? ping : scrape; }
  /// Jitter needs the order of the replies, which a histogram does not keep.
  bool has_jitter() const { return source == Exporter::blackbox; }
};

}  // namespace anycast
