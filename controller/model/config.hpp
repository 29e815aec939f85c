#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/base/net.hpp"
#include "controller/base/time.hpp"
#include "controller/model/community.hpp"
#include "controller/model/egress.hpp"
#include "controller/model/evidence_config.hpp"
#include "controller/model/guards.hpp"
#include "controller/model/health.hpp"
#include "controller/model/local.hpp"
#include "controller/model/stance.hpp"

namespace anycast {

/// How far the daemon goes by itself. The words in the file are observe, advise, auto.
enum class Mode { observe, advise, automatic };
std::string to_string(Mode mode);

struct AnycastPrefix {
  Prefix prefix;
  Asn origin_asn;
  std::vector<Address> vips = {};
};

struct TlsFiles {
  std::string ca_file = {};
  std::string cert_file = {};
  std::string key_file = {};
};

struct PrometheusConfig {
  std::vector<std::string> urls = {};  ///< asked in this order, first that answers
  std::string bearer_token_file = {};
  std::string username = {};
  std::string password_file = {};
  TlsFiles tls = {};
  Duration interval = seconds{15};      ///< one cycle per interval, aligned to it
  Duration fast_interval = seconds{5};  ///< while a change is pending, see `Config::fast_interval`
  Duration connect_timeout = seconds{1};
  Duration timeout = seconds{4};
  Duration max_age = seconds{45};  ///< a newest sample older than this makes the series unusable
  Duration lag = seconds{0};  ///< evaluate at now - lag, for remote-written data that arrives late
  std::int64_t max_body = 32 << 20;  ///< bytes
};

template <class T>
struct Levels {
  T warn;
  T bad;
  T clear;
  bool operator==(const Levels&) const = default;
};

struct Thresholds {
  Levels<Duration> rtt = {milliseconds{140}, milliseconds{200}, milliseconds{160}};
  Levels<Ppm> loss = {10'000, 30'000, 10'000};
  Levels<Duration> jitter = {milliseconds{30}, milliseconds{50}, milliseconds{35}};
  int regions = 2;  ///< so many regions must agree that a path is bad
  int cusum = 16;   ///< logarithm of the likelihood ratio, `bad` against `clear`, that is an alarm
  Duration for_ = seconds{45};
  Duration clear_for = minutes{10};
  bool operator==(const Thresholds&) const = default;
};

struct Upstream {
  Asn asn;
  std::vector<std::string> carries = {};
  int prepend_max = 3;
  Duration cost = {};                       ///< counts in the score of its paths, for policy prefer
  std::vector<Community> communities = {};  ///< what it can be asked to do
};

struct Session {
  Address neighbor;
  Address local;
  std::optional<int> multihop = {};
  std::string protocol =
      {};  ///< name of the BGP protocol in the routing daemon; default: the upstream's name
  std::optional<Address> probe_target =
      {};  ///< pins measurement to this session; default: the node's
};

struct Node {
  std::string site = {};
  std::optional<Address> probe_target = {};
  /// Share of all users that it can serve when most of them are there; nothing: of all of them.
  std::optional<Ppm> capacity = {};
  std::map<std::string, Session> sessions = {};  ///< by upstream
  std::map<std::string, Service> services = {};  ///< what has to work for it to attract users
  Local local = {};
  EgressOrders egress = {};
};

/// How many users there are, as shares of their total. Empty: all the same.
struct Weights {
  std::map<std::string, Ppm> carriers = {};  ///< complete or empty
  std::map<std::string, Ppm> regions = {};   ///< complete or empty
};

struct Rung {
  Stance stance;
  Duration settle;  ///< time on this rung before the next one is considered
};

struct Policy {
  enum class Kind { ladder, prefer };
  Kind kind = Kind::ladder;
  Prefer prefer = {};
  std::vector<Rung> carrier_bad = {};     ///< rung 1, 2, ... ; rung 0 is the plain announcement
  Duration restore_settle = minutes{10};  ///< time on each rung on the way back
  Duration drain_settle =
      seconds{30};  ///< GRACEFUL_SHUTDOWN this long before an ordered withdrawal
};

/// A span of the week in which automation may not do one kind of thing.
struct Window {
  enum class Forbids { announce, degrade };
  std::string name;
  std::vector<int> days = {};  ///< 0 Sunday to 6 Saturday
  Duration from = {};          ///< since local midnight
  Duration to = {};            ///< since local midnight; less than `from`: ends on the next day
  std::string timezone = {};
  std::vector<Forbids> forbid = {};
};

struct Budget {
  int count = 6;
  Duration per = hours{1};
};

struct Guards {
  int min_nodes = 1;
  int min_paths_per_carrier = 1;
  std::vector<std::string> anchors = {};  ///< nodes whose announcements automation never removes
  Budget max_changes = {};
  Duration hold_after_change = minutes{3};
  Duration turn =
      seconds{30};  ///< length of a node's turn for removing an announcement, see guard "turn"
  Duration confirm = seconds{60};
  Damping damping = {};
  Pause reannounce = {minutes{45}, hours{6}};  ///< from a withdrawal until an automatic return
  Pause reversal = {minutes{30}, hours{4}};    ///< until automation moves a session back again
  EffectGuard effect = {};
  std::vector<Window> windows = {};
};

struct FleetConfig {
  /// Instant selector of the nodes' own metric; with it the other metrics by which they tell about
  /// themselves are asked for, with the same matchers.
  std::string announcements = "anycast_announces";
  Duration max_age = seconds{60};  ///< older than this counts as not announcing
};

struct RouterConfig {
  std::string kind = "bird";
  std::string socket = "/run/bird/bird.ctl";
  std::string config = "/etc/bird/bird.conf";  ///< the operator's file; read, never written
  std::string fragment = "/run/anycastd/bird.conf";
  std::string templates = "/usr/share/anycastd/templates";
  Duration timeout = seconds{2};  ///< for one exchange on the control socket
};

struct WebConfig {
  std::string listen = "127.0.0.1:9477";
};

struct ControlConfig {
  std::string socket = "/run/anycastd/ctl.sock";
  std::string group = {};  ///< members may read and write; empty: root and the daemon's user only
};

struct HistoryConfig {
  std::string file = "/var/lib/anycastd/history.db";
  Duration keep = hours{24 * 400};
};

/// Who is asked whether a ROA authorises our AS to originate a prefix before it is announced anew.
struct RpkiConfig {
  bool router = false;        ///< the routing daemon: BIRD's ROA tables, FRR's RPKI cache
  std::string table4 = "r4";  ///< BIRD's ROA tables
  std::string table6 = "r6";
  std::string protocol = {};     ///< BIRD's RPKI protocol that fills them; empty: they do not age
  std::string validator = {};    ///< file with a validator's JSON export; empty: there is none
  Duration max_age = hours{2};   ///< older data says nothing; RFC 8210 6: expires after 7,200 s
  bool allow_not_found = false;  ///< what no ROA covers may be announced too

  bool asked() const { return router || !validator.empty(); }
};

/// A second configuration that is judged beside this one and never acts.
struct ShadowConfig {
  std::string config = {};  ///< its file, of what differs; relative to this one's; empty: none
};

/// One file for the whole fleet; every node loads the same and knows itself by `self`.
struct Config {
  std::string self = {};
  Mode mode = Mode::observe;
  std::vector<AnycastPrefix> prefixes = {};
  PrometheusConfig prometheus = {};
  EvidenceConfig evidence = {};
  std::vector<std::string> regions = {};
  std::vector<std::string> carriers = {};
  Weights weights = {};
  std::map<std::string, Thresholds> thresholds = {};  ///< complete: every carrier has an entry
  std::map<std::string, Upstream> upstreams = {};
  std::map<std::string, Node> nodes = {};
  EgressConfig egress = {};
  Policy policy = {};
  Guards guards = {};
  FleetConfig fleet = {};
  RouterConfig router = {};
  RpkiConfig rpki = {};
  WebConfig web = {};
  ControlConfig control = {};
  HistoryConfig history = {};
  ShadowConfig shadow = {};

  /// Where each value was written, by its dotted path; one left at its default has no entry.
  std::map<std::string, Place> origins = {};
  /// Of the same text in the same files; its first 7 hex digits name this configuration.
  std::string digest = {};

  const Node& me() const { return nodes.at(self); }
  /// Time between two cycles while a change is pending: never less than between two scrapes, which
  /// would show nothing new, and never more than `prometheus.interval`.
  Duration fast_interval() const;
  bool is_anchor(const std::string& node) const;
  /// Upstream names of a node that carry the carrier, sorted.
  std::vector<std::string> sessions_for(const std::string& node, const std::string& carrier) const;
};

}  // namespace anycast
