#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/time.hpp"
#include "controller/model/blackhole.hpp"
#include "controller/model/choice.hpp"
#include "controller/model/effect.hpp"
#include "controller/model/egress.hpp"
#include "controller/model/health.hpp"
#include "controller/model/origin.hpp"
#include "controller/model/stance.hpp"

namespace anycast {

/// The thing that is good or bad: a carrier's users reaching one node over one upstream.
struct PathKey {
  std::string node;
  std::string upstream;
  std::string carrier;
  auto operator<=>(const PathKey&) const = default;
};
std::string to_string(const PathKey& key);

enum class Verdict { unknown, ok, warn, bad };
std::string to_string(Verdict verdict);

/// The damped verdict of a path and its running clocks.
struct PathState {
  Verdict verdict = Verdict::unknown;
  Time since = {};
  std::optional<Time> bad_since = {};    ///< bad without a break since then, not yet for `for`
  std::optional<Time> clear_since = {};  ///< measured clear without a break since then
  bool operator==(const PathState&) const = default;
};

/// Why a session says what it says.
enum class Cause { startup, carrier, restore, operated, service, undo };
std::string to_string(Cause cause);

struct Pin {
  Stance stance;
  std::optional<Time> until = {};
  std::string reason = {};
  std::string actor = {};
  bool force = false;  ///< whatever the flap-damping budget says
  bool operator==(const Pin&) const = default;
};

/// A session of this node: what it says since when, and the rung of the ladder that it stands on.
struct SessionState {
  Stance stance = {};
  int rung = 0;  ///< 0 plain, n = policy.carrier_bad[n - 1]
  Time since = {};
  Cause cause = Cause::startup;
  std::string why = {};
  std::uint64_t decision = 0;  ///< the decision that brought it here; 0 none of ours
  std::optional<Pin> pin = {};
  std::optional<Time> hold_until = {};  ///< no automatic step before (after an undo or a failure)
  std::vector<Time> withdrawals = {};   ///< automatic ones, each within a day of the one before
  std::vector<Time> reversals = {};     ///< automatic turns, each within 6 h of the one before
  bool operator==(const SessionState&) const = default;
};

/// What a router that damps holds against us (RFC 2439), in thousandths of a point, as of `at`.
struct Penalty {
  std::int64_t milli = 0;
  Time at = {};
  bool operator==(const Penalty&) const = default;
};

/// Damping points by counter: an upstream's name for the session, a prefix's text for the prefix as
/// the world sees it.
using Charges = std::map<std::string, int>;

/// What was known of a prefix's origin in the last cycle.
struct KnownOrigin {
  OriginState state = OriginState::unknown;
  Time since = {};
  bool proven = false;  ///< it was valid at some time since it is announced
  bool operator==(const KnownOrigin&) const = default;
};

/// A standing word of a person about the whole node.
struct Standing {
  Time since;
  std::optional<Time> until = {};
  std::string reason = {};
  std::string actor = {};
  bool now = false;    ///< a drain without the GRACEFUL_SHUTDOWN prelude
  bool force = false;  ///< whatever the flap-damping budget says
  bool operator==(const Standing&) const = default;
};

/// RUN acts; in all others announcements stay exactly as they are.
enum class Condition { run, blind, frozen, safe };
std::string to_string(Condition condition);

/// A change that was handed to the daemon and is not settled: written down before, so that a kill
/// in between leaves no doubt which of the two revisions was meant.
struct Pending {
  std::uint32_t from_revision = 0;
  std::uint32_t to_revision = 0;
  std::map<std::string, SessionState> sessions = {};  ///< as they will be once it has happened
  Egresses egress = {};                               ///< the same
  std::optional<Time> confirm_by = {};  ///< by a person; the daemon goes back by itself then
  std::uint64_t order = 0;
  Charges charges = {};  ///< what it costs, and costs again if it is taken back
  bool operator==(const Pending&) const = default;
};

/// Everything the pure core remembers from cycle to cycle; persisted whole, in one transaction with
/// the history.
struct State {
  std::map<PathKey, PathState> paths = {};
  std::map<std::string, SessionState> sessions = {};  ///< this node's, by upstream
  std::optional<Standing> drain = {};
  std::optional<Standing> freeze = {};
  Condition condition = Condition::run;
  Time condition_since = {};
  std::string condition_why = {};
  std::vector<Time> changes = {};  ///< our own changes, for the budget; oldest first
  std::optional<Time> safe_until = {};
  std::optional<Pending> pending = {};
  std::map<std::string, std::string> previous = {};  ///< last stance by upstream ("prepend=2")
  bool adopted = false;
  std::uint64_t next_decision = 1;
  std::string router_started = {};
  std::map<std::string, std::string> refused =
      {};  ///< by upstream: the guards that last refused, as told
  std::map<std::string, Penalty> penalties = {};  ///< by counter, see Charges
  std::optional<Time> router_away = {};           ///< since when the routing daemon is silent
  Learned learned = {};
  std::map<std::string, Choice> choices = {};  ///< by carrier, with policy prefer
  Blackholes blackholes = {};
  Egresses egress = {};                             ///< by carrier
  std::map<std::string, KnownOrigin> origins = {};  ///< by prefix text, with `rpki`
  std::map<std::string, std::string> up = {};  ///< sessions up in the last cycle, and since when
  std::map<std::string, ServiceState> services = {};
  InsideOurs inside = {};
  std::optional<Time> master_since = {};  ///< where Keepalived decides; none: another host serves
  bool operator==(const State&) const = default;
};

}  // namespace anycast
