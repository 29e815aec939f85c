#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/evidence.hpp"
#include "controller/model/health.hpp"
#include "controller/model/origin.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/router.hpp"
#include "controller/model/seen.hpp"
#include "controller/model/state.hpp"

namespace anycast {

/// Where probe samples come from. Blocks at most for the configured deadlines of all its servers.
class EvidenceSource {
 public:
  virtual ~EvidenceSource() = default;
  /// The whole window that ends at `at` (already aligned and lagged), as long as the longest that
  /// is read. A source that knows what its only caller has may leave that out of a series, see
  /// core::Meters::feed.
  virtual Result<Evidence> evidence(Time at) = 0;
  /// What the other nodes say that they announce; entries older than `fleet.max_age` are left out.
  virtual Result<FleetView> fleet(Time at) = 0;
};

/// A routing daemon. Every exchange has a deadline; nothing is ever assumed to have worked.
class RouteSpeaker {
 public:
  virtual ~RouteSpeaker() = default;
  /// Asks the daemon. Sends no command that could change anything.
  virtual Result<RouterView> in_force() = 0;
  /// Lets the daemon check the text without activating it. Errors carry the daemon's
  /// file:line:column.
  virtual Result<void> check(const Fragment& fragment) = 0;
  /// Activates the text on probation: unless `confirm` follows within `probation` the daemon goes
  /// back by itself. On an error, what ran before runs again and stands in the file again.
  virtual Result<void> apply(const Fragment& fragment, Duration probation) = 0;
  /// Keeps what is on probation. An error means that the daemon has gone back already.
  virtual Result<void> confirm() = 0;
  /// Takes back what is on probation now, file and running configuration.
  virtual Result<void> undo() = 0;
  /// Takes back what is on probation and past its time, where the daemon has no timer of its own.
  /// Asked before each cycle by the one who writes, never by a dry run; the next `in_force` tells
  /// how it went.
  virtual void overdue() {}
  /// What the ROAs that the daemon has say about our prefixes. Sends no command that could change
  /// anything. An error where it has none, or does not know them whole.
  virtual Result<OriginView> origins() {
    return fail(Remedy::fix_value, "this routing daemon knows no ROAs");
  }
  /// The node's own death: stops announcing on all sessions by the fastest way, then makes it last
  /// with `withdrawn`, a fragment in which every session withdraws. Not blocked by an operator's
  /// broken file.
  virtual Result<void> silence(const Fragment& withdrawn) = 0;
};

/// A validator of ROAs, beside what the routing daemon has of one.
class RoaSource {
 public:
  virtual ~RoaSource() = default;
  virtual Result<OriginView> origins() = 0;
};

/// Who asks this node's real servers, beside the line.
class HealthSource {
 public:
  virtual ~HealthSource() = default;
  /// What is known now of every real server; does not wait for any of them.
  virtual Result<Health> health() = 0;
};

/// A line of the history.
struct HistoryEntry {
  std::int64_t row = 0;
  Time at = {};
  Event event = {};
};

struct HistoryQuery {
  std::optional<Time> since = {};
  std::optional<Time> until = {};
  std::string upstream = {};
  std::string carrier = {};
  std::string kind = {};
  std::uint64_t decision = 0;  ///< 0: any, or none
  std::int64_t after_row = 0;
  int limit = 20;  ///< newest first
};

/// What must survive: state and history, in one transaction, whole or not at all.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<std::optional<State>> load() = 0;
  virtual Result<void> save(const State& state, Time at, const std::vector<Event>& events) = 0;
  virtual Result<std::vector<HistoryEntry>> history(const HistoryQuery& query) = 0;
  /// Keeps everything that led to a decision, as long as the history; what was kept for the same
  /// decision before is replaced.
  virtual Result<void> keep(std::uint64_t decision, Time at, const std::string& explanation) = 0;
  virtual Result<std::optional<std::string>> explanation(std::uint64_t decision) = 0;
};

/// Where lines for people go at once (journal or standard error).
class Journal {
 public:
  virtual ~Journal() = default;
  virtual void write(const Event& event) = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

}  // namespace anycast
