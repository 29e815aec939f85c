#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/time.hpp"
#include "controller/model/config.hpp"
#include "controller/model/effect.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/seen.hpp"
#include "controller/model/state.hpp"

namespace anycast {

/// Durations counted in buckets, cumulative only when they are printed.
struct Histogram {
  std::vector<Duration> bounds = {};       ///< upper bounds, ascending
  std::vector<std::uint64_t> counts = {};  ///< one more than `bounds`: the last is "above all"
  Duration sum = {};

  static Histogram of_cycles();   ///< 5 ms to 10 s
  static Histogram of_applies();  ///< 10 ms to 60 s
  void observe(Duration d);
  std::uint64_t total() const;
};

/// A count by the values of its labels, in the order that the owner documents.
using Counts = std::map<std::vector<std::string>, std::uint64_t>;

/// What only ever grows while the process lives.
struct Counters {
  std::uint64_t cycles = 0;
  std::uint64_t overruns = 0;  ///< cycles that took longer than the interval
  Histogram cycle_time = Histogram::of_cycles();
  Histogram apply_time = Histogram::of_applies();
  Counts applies = {};              ///< result: ok, refused, failed, rolled_back
  Counts decisions = {};            ///< action (announce, prepend, drain, withdraw), cause
  Counts guard_refusals = {};       ///< guard
  Counts cell_changes = {};         ///< node, carrier, the new state
  Counts prometheus_requests = {};  ///< server, result (ok, timeout, http_error, bad_answer, tls)
  std::uint64_t events_lost = 0;    ///< history records that could not be written
  std::optional<CheckStats> checks = {};  ///< of real servers, since the last reload
};

/// The evidence without its samples: what an operator asks about it.
struct EvidenceSummary {
  Time at;  ///< evaluation time
  std::string server = {};
  int series = 0;
  std::optional<Time> newest = {};  ///< time of the newest sample of any series
  std::vector<std::string> faults = {};
  bool partial = false;
  /// What users feel at the anycast address, by carrier; only where somebody pings it often enough.
  std::map<std::string, Users> users = {};
};
/// Of evidence that is there.
EvidenceSummary summarise(const Config& config, const Seen& seen);

/// How the last hand-over to the routing daemon ended.
struct ApplyOutcome {
  Time at;
  std::string result;  ///< ok, refused, failed, rolled_back
  std::string text;    ///< in the daemon's words where it has any
  Duration took = {};
  std::uint64_t decision = 0;
  std::string diff = {};  ///< of the fragment file, unified; empty for confirm and undo
};

/// What a session would say if the shadow acted.
struct ShadowSession {
  Stance stance = {};
  Time since = {};
  std::string why = {};
  std::string next = {};
};

/// A path of which the shadow thinks something else.
struct ShadowPath {
  PathKey key;
  Verdict verdict = Verdict::unknown;
  Verdict live = Verdict::unknown;
};

/// What a second configuration would have done so far, had it acted alone.
struct ShadowView {
  std::string file = {};
  std::string digest = {};
  std::string fault = {};          ///< why it is not judged, or empty
  std::optional<Time> since = {};  ///< it has gone its own way since then; none: not begun
  std::map<std::string, ShadowSession> sessions = {};  ///< by upstream, all of this node's
  EgressChoice egress = {};
  std::vector<ShadowPath> paths = {};
  Counts steps = {};  ///< since the process runs: action, cause
};

/// Immutable picture of the daemon after one cycle. The cycle thread makes it, everything that is
/// printed, served or measured is a pure function of it.
struct Published {
  std::shared_ptr<const Config> config;  ///< never null
  State state = {};                      ///< settled: after what this cycle applied
  Plan plan = {};
  Sourced<EvidenceSummary> evidence = {};
  Sourced<RouterView> router = {};  ///< the cycle's last reading: after an apply, the verification
  Sourced<FleetView> fleet = {};
  Sourced<Health> health = {};
  Sourced<InsideView> inside = {};              ///< after the changes of this cycle
  std::vector<std::string> inside_faults = {};  ///< changes that the kernel refused
  Sourced<VrrpView> vrrp = {};
  std::vector<OpenWindow> windows = {};
  Time now = {};      ///< of the cycle
  Time started = {};  ///< of the process
  Duration took = {};
  Counters counters = {};
  std::optional<ApplyOutcome> last_apply = {};
  Time config_loaded = {};
  std::optional<Error> reload_error = {};  ///< of the last reload, if it was refused
  std::optional<Error> store_error = {};   ///< while state and history cannot be saved
  std::optional<ShadowView> shadow = {};   ///< where the configuration names one
  std::string version = {};
};

}  // namespace anycast
