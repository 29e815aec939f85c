#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/bird/reply.hpp"
#include "controller/model/origin.hpp"
#include "controller/model/router.hpp"

namespace anycast::bird {

/// `show status`.
struct Status {
  std::string version = {};
  std::string server_time = {};   ///< as BIRD prints it, in its own time zone
  std::string reconfigured = {};  ///< "Last reconfiguration on"
};
Result<Status> read_status(const Reply& reply);

/// When the last reconfiguration was. BIRD prints local time; the zone follows from `server_time`
/// and `now`. Nothing where a `timeformat base` of the operator cannot be read.
std::optional<Time> reconfigured_at(const Status& status, Time now);

struct Channel {
  bool up = false;
  std::string output_filter = {};
  std::int64_t exported = 0;  ///< routes
};

/// `show protocols all "X"` of one BGP protocol.
struct Protocol {
  std::string state = {};  ///< "Established", "Active", ..., or BIRD's own state where it is no BGP
  std::string since = {};
  bool refreshes = false;                        ///< the neighbour sends its routes again
  std::map<std::string, Channel> channels = {};  ///< by "ipv4", "ipv6"
};
/// Nothing where no protocol has this name (8003).
Result<std::optional<Protocol>> read_protocol(const Reply& reply);

/// `show route P export X all` in the layout of 2.x (BGP.as_path) and of 3.x (bgp_path); sorted.
Result<std::vector<Export>> read_routes(const Reply& reply);

/// `eval ANYCASTD_REVISION`; nothing where BIRD does not know the name (9001).
Result<std::optional<std::uint32_t>> read_revision(const Reply& reply);

/// `show protocols all "X"` of an RPKI protocol: how long ago its cache said that the ROAs were
/// whole. Nothing while they are not, also where no protocol of this kind has the name.
Result<std::optional<Duration>> read_roa_age(const Reply& reply);

/// `eval roa_check(...) = ROA_VALID`.
Result<bool> read_truth(const Reply& reply);

/// `show route table T where ...` of a table of ROAs; an error where a line is none.
Result<std::vector<Roa>> read_roas(const Reply& reply);

/// `configure status`: whether an undo is scheduled.
Result<bool> read_unconfirmed(const Reply& reply);

/// A reply that is not what the command can give, in words.
Error unexpected(std::string_view command, const Reply& reply);
/// An error reply (8002) of a configure command with the place that BIRD names.
Error configuration_error(const Reply& reply);

}  // namespace anycast::bird
