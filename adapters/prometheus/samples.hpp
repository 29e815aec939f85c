#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/prometheus/parts.hpp"
#include "adapters/prometheus/reply.hpp"
#include "controller/model/config.hpp"
#include "controller/model/evidence.hpp"
#include "controller/model/seen.hpp"

namespace anycast::prometheus {

/// The samples of one window as they were fetched, and how they become evidence.
///
/// A `loss` sample says received or lost; the RTT is the sample of the same probe at the same time
/// stamp (one scrape is one packet). The exporter writes an RTT of 0 for a lost packet, so the RTT
/// of a lost packet is never looked at. Of smokeping_prober a `loss` sample counts the requests and
/// the RTTs are buckets, see `count_up`. What cannot be right is dropped and told in `faults`,
/// never guessed.
///
/// The node label says which node was pinged, or "anycast" for the anycast address, by which a step
/// is measured afterwards, or "anchor" for what should always answer near the probe.
class SampleWindow {
 public:
  explicit SampleWindow(const Config& config) : config_{config} {}

  /// The labels that `parse_reply` has to keep apart for this class.
  std::vector<std::string> labels() const;

  void clear();
  /// Replaces everything in (from, at] by what the answers hold there, and forgets what is not in
  /// (at - longest, at]. Whether the server took the left edge as open or closed does not matter.
  void merge(const Reply& loss, const Reply& rtt, Time from, Time at);
  /// Series and faults of the window (at - longest, at]; `server` and `partial` are the caller's.
  Evidence evidence(Time at) const;

 private:
  struct Probe {
    Parts loss = {};
    std::map<Duration, Parts> rtt = {};  ///< by the bucket's upper edge, a gauge under 0
  };
  enum class Role { loss, rtt };

  void add(const Reply& reply, Role role, Time from, Time at);
  /// Upper edge of the series' bucket, `Duration::max()` for +Inf; nothing where `le` is no number.
  std::optional<Duration> edge_of(const Series& series) const;
  bool key_of(const Series& series, ProbeKey& key, std::string& unknown) const;

  const Config& config_;
  std::map<ProbeKey, Probe> probes_;
  std::vector<std::string> reply_faults_;
};

/// What to ask for, for `fleet.announcements`: where that selects `anycast_announces`, the other
/// metrics by which nodes tell about themselves are selected with the same matchers.
std::string fleet_selector(const std::string& announcements);
/// What the nodes say about themselves, from an answer to `fleet_selector[fleet.max_age]` at `at`,
/// read with `fleet_labels` (our own metrics, so the names are fixed). A session announces if every
/// series about it says 1 by its newest sample, with a stance that can be read. Any metric whose
/// name is not ours counts as `anycast_announces` (a recording rule's, say). Nodes and sessions
/// that are not configured are left out.
FleetView read_fleet(const Reply& reply, const Config& config, Time at);
std::vector<std::string> fleet_labels();

}  // namespace anycast::prometheus
