#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/choice.hpp"
#include "controller/model/health.hpp"
#include "controller/model/inside_change.hpp"
#include "controller/model/order.hpp"
#include "controller/model/origin.hpp"
#include "controller/model/readings.hpp"
#include "controller/model/router.hpp"
#include "controller/model/state.hpp"

namespace anycast {

enum class Measure { rtt, loss, jitter };
std::string to_string(Measure measure);

struct RegionReport {
  std::string region;
  Estimate estimate = {};
  Verdict level = Verdict::unknown;  ///< by the values alone, undamped
  std::vector<Measure> over = {};    ///< measures at or over `bad`
  std::string unusable = {};         ///< why it takes no part, or empty
  std::int64_t cusum = 0;            ///< ProbeReading::cusum
  bool losing = false;  ///< loss is over `clear` for sure, in the fast or the main window
};

/// A path with everything that led to its verdict.
struct PathReport {
  PathKey key;
  std::vector<RegionReport> regions = {};
  Estimate pooled = {};  ///< of the main window
  Estimate fast = {};
  Estimate slow = {};
  std::int64_t cusum = 0;        ///< of the usable regions without the worst `regions - 1` of them
  std::int64_t cusum_limit = 0;  ///< those regions' share of `thresholds.cusum`
  bool alarm = false;            ///< `cusum` is at its limit, and enough regions are losing
  std::string nature = {};       ///< "detour", "congestion", "outage", or empty
  std::string unknown_why = {};  ///< why nothing is known, or empty
  bool measured_bad = false;
  bool measured_clear = false;
  std::vector<Measure> over = {};
  int regions_bad = 0;
  PathState state = {};
  std::string blame =
      {};  ///< "border", "node", "session" or "path" for a bad path; empty otherwise
};

/// A probe that takes no part in judging any path, because the fault is its own or its region's.
struct Discarded {
  std::string carrier;
  std::string region;
  std::string blame = {};  ///< "probe" or "access"
  std::string text = {};
};

/// One guard's word about one step, with its figures.
struct GuardResult {
  std::string guard;
  bool passed;
  std::string text;
  std::string key = {};               ///< configuration path whose place explains it
  std::optional<Time> earliest = {};  ///< when it might pass, if it knows
};

/// A wanted change of one session's stance.
struct Step {
  std::string upstream;
  Stance from;
  Stance to;
  int rung = 0;
  Cause cause;
  std::string why = {};
  std::vector<std::string> carriers = {};
  std::vector<GuardResult> guards = {};
  std::uint64_t decision = 0;  ///< set once it is taken
  std::uint64_t order = 0;     ///< the order that wants it

  bool allowed() const;
  std::optional<Time> earliest() const;
};

/// Something a person should read first, worst first.
struct Notice {
  enum class Level { error, warning, info };
  Level level;
  std::string code;
  std::string text;
};

/// A line for the journal and the history.
struct Event {
  std::string kind;  ///< "cell-state", "step", "guard-refused", "blind", "operator", ...
                     ///< (anycastd-metrics(7))
  int priority;      ///< syslog: 3 err, 4 warning, 5 notice, 6 info
  std::string text;
  std::string upstream = {};
  std::string carrier = {};
  std::string node = {};
  std::string from = {};
  std::string to = {};
  std::string cause = {};
  std::string actor = {};
  std::uint64_t decision = 0;
};

/// Handing over a fragment to the routing daemon.
struct Change {
  enum class Why { step, drift, adopt, blackhole, egress };
  Why why;
  Fragment fragment = {};
  std::string diff = {};                         ///< of the fragment file, unified
  std::string text = {};                         ///< one line: what it is for
  std::vector<std::string> upstreams = {};       ///< whose exports change
  Charges charges = {};                          ///< what it costs of the flap-damping budget
  std::optional<Duration> person_confirms = {};  ///< leave it on probation until a person confirms
  bool urgent = false;  ///< the node's own death or an order to leave at once: the fast path
};

/// What has to be true of one session, with the reason and what comes next.
struct SessionReport {
  std::string upstream;
  Stance wanted;
  std::string why = {};
  std::string next = {};
  std::optional<Time> earliest = {};
  std::string effect = {};  ///< what the last automatic step did for the users, or empty
};

/// What networks that validate origins think of one of our prefixes, by all who were asked.
struct OriginReport {
  Prefix prefix;
  Asn asn = 0;
  OriginState state = OriginState::unknown;
  std::string text = {};  ///< the state with who says so and why
  Time since = {};
};

/// What the kernel has to be asked for.
struct InsidePlan {
  std::vector<InsideChange> changes = {};
  std::string waits = {};                   ///< why they are not carried out now; empty: they are
  std::vector<InsideChange> proposal = {};  ///< what they would be if a person applied the plan now
  /// To the order that has them carried out, before it is known how that went.
  std::optional<OrderReply> reply = {};
};

/// The result of one cycle's thinking. Everything printed anywhere comes from here.
struct Plan {
  Time now;
  Condition condition = Condition::run;
  std::string condition_why = {};
  std::vector<PathReport> paths = {};
  std::vector<Discarded> discarded = {};
  std::vector<CarrierPlan> carriers = {};  ///< with policy prefer
  std::vector<OriginReport> origins = {};  ///< with `rpki`, in the order of `prefixes`
  std::vector<ServiceReport> services = {};
  InsidePlan inside = {};
  std::optional<int> track = {};  ///< what Keepalived's track file has to say
  std::vector<Step> steps = {};
  std::vector<SessionReport> sessions = {};
  std::vector<EgressReport> egress = {};
  std::vector<Notice> notices = {};
  std::vector<Event> events = {};
  std::vector<OrderReply> replies = {};
  Fragment fragment = {};
  std::optional<Change> change = {};
  bool confirm = false;  ///< a person said yes to the change on probation
  bool undo = false;     ///< a person said no to it
  int nodes_announcing = 0;
  std::map<std::string, int> carrier_paths = {};  ///< announcing (node, upstream) pairs by carrier
  std::map<std::string, int> carrier_paths_of = {};
  int series_expected = 0;
  int series_usable = 0;
  std::string hash = {};  ///< of everything decided, to be compared between nodes
  /// What `change` would be if a person applied the plan now; equal to it in mode auto.
  std::optional<Change> proposal = {};
  bool already_in_force = false;  ///< steps were taken that the daemon runs already
  std::uint64_t answers =
      0;  ///< the order that hears how `change`, `confirm` or `undo` ended; 0 none
};

/// How handing over a change ended.
struct Outcome {
  bool attempted = false;
  std::optional<Error> error = {};  ///< what ran before runs again
  bool on_probation = false;        ///< verified, waits for a person's confirm
  bool left = false;  ///< it failed after the daemon had activated it: peers have heard of it
  Duration took = {};
};

}  // namespace anycast
