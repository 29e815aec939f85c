#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/net.hpp"
#include "controller/base/time.hpp"
#include "controller/model/lvs.hpp"

namespace anycast {

/// Where a real server listens: "192.0.2.11:80", "[2001:db8::11]:80"; the port from 1.
std::optional<ServerKey> parse_server(std::string_view text);

/// How a real server is asked whether it serves.
struct Check {
  enum class Kind { tcp, http, https };
  Kind kind = Kind::tcp;
  Duration interval = seconds{2};
  Duration fast_interval = milliseconds{500};  ///< while its verdict is unknown or about to change
  Duration timeout = seconds{1};               ///< for a whole try
  int rise = 2;                                ///< good tries in a row until it counts as up
  int fall = 3;                                ///< failed tries in a row until it counts as down
  std::optional<Address> source = {};          ///< of our end of the connection
  std::string path = "/";
  std::string host = {};            ///< Host header and name in TLS; default: the endpoint
  std::vector<int> status = {200};  ///< those that are good
  std::string body = {};            ///< has to be in the first 64 KiB of the answer
  int redirects = 0;                ///< followed, to the same endpoint only
  std::string ca_file = {};         ///< default: what the host trusts
  bool verify = true;               ///< the certificate, with https
  bool operator==(const Check&) const = default;
};
std::string to_string(Check::Kind kind);

/// What came of one try.
struct Answer {
  enum class Kind {
    good,
    failed,
    late,  ///< we were late ourselves, or could not try: says nothing of the real server
  };
  Kind kind = Kind::late;
  std::string why = {};  ///< of all but good, without a subject: "refused the connection"
  Duration took = {};
  bool operator==(const Answer&) const = default;
};

enum class Alive { unknown, up, down };
std::string to_string(Alive alive);

/// The verdict on a real server, and the tries that may change it.
struct RealState {
  Alive alive = Alive::unknown;
  Time since = {};  ///< of the verdict
  Time heard = {};  ///< of the last try that said something
  int streak =
      0;  ///< such tries in a row that speak against the verdict: good ones > 0, failed < 0
  std::string why =
      {};  ///< of the last failure, or why it could not be tried; empty after a good try
  Duration took = {};  ///< of the last try that said something
  std::uint64_t tries = 0;
  std::uint64_t failures = 0;
  bool operator==(const RealState&) const = default;
};

/// The verdict after one more try. It turns with `rise` good or `fall` failed tries in a row, the
/// first one too; a try that is late counts for nothing.
RealState after(const Check& check, RealState state, const Answer& answer, Time at);
/// Time between two tries.
Duration pace(const Check& check, const RealState& state);
/// How long a real server waits for its first try, less than `interval`: the same on every start,
/// and spread so that many do not hear of us at once.
Duration first_wait(std::string_view service, const ServerKey& endpoint, Duration interval);
/// Whether `heard` is so long ago that nothing is known any more.
bool stale(const Check& check, const RealState& state, Time now);

/// A service of a node: real servers that serve the same.
struct Service {
  struct Real {
    ServerKey endpoint = {};
    int weight = 1;  ///< its share of the service; 0: does not count, is still asked
  };
  Check check = {};
  std::vector<Real> servers = {};
  Ppm high = 500'000;  ///< so much of it, by weight, has to be up before the service comes up
  Ppm low = 250'000;   ///< with less the node turns less attractive
  std::vector<Lvs> lvs = {};  ///< of ours in this host's kernel
};

/// All services of this node with what is known of each real server.
using Health = std::map<std::string, std::map<ServerKey, RealState>>;

/// What the checks cost and how far they can be trusted, since they began.
struct CheckStats {
  std::uint64_t tries = 0;
  std::uint64_t failures = 0;
  std::uint64_t late = 0;    ///< tries that said nothing, see Answer::Kind::late
  std::uint64_t missed = 0;  ///< tries that began late, by more than a tenth of the interval
  std::size_t open = 0;      ///< under way now
};

enum class Level {
  unknown,
  up,
  low,  ///< some real servers are up, not enough: the node should be less attractive
  down  ///< none is up, or too few for it to come up: the node should not attract anybody
};
std::string to_string(Level level);

/// What a service can serve now, by the weights of its real servers.
struct Capacity {
  int total = 0;
  int up = 0;
  int unknown = 0;  ///< neither up nor down for sure
};

/// What is remembered of a service from cycle to cycle.
struct ServiceState {
  Level level = Level::unknown;
  Time since = {};
  std::vector<ServerKey> down = {};  ///< real servers, sorted
  bool operator==(const ServiceState&) const = default;
};

/// A service with everything that led to its level.
struct ServiceReport {
  std::string name;
  ServiceState state = {};
  Capacity capacity = {};
  int servers = 0;  ///< those with a weight
  int servers_up = 0;
  int servers_unknown = 0;
  int needs = 0;  ///< weight for what is better than the level, or with `up` for staying there
  bool passing = false;  ///< low, and not yet for so long that the rest would be found dead too
  std::string why = {};  ///< "1 of 4 real servers up, comes up at 2"
};

}  // namespace anycast
