#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/net.hpp"
#include "controller/base/time.hpp"

namespace anycast {

/// How routes toward a carrier's users are known.
struct EgressCarrier {
  std::vector<Asn> as_path = {};  ///< a route whose AS path has one of these leads to its users
};

/// Over which upstream packets to a carrier's users leave. No neighbour hears of a change of it.
struct EgressConfig {
  std::map<std::string, EgressCarrier> carriers = {};
  int local_preference = 200;     ///< of routes over the upstream that is to be used
  Duration settle = minutes{10};  ///< from a change until it is known what came of it
};

/// By carrier: upstreams of a node, the one first that the operator prefers.
using EgressOrders = std::map<std::string, std::vector<std::string>>;
/// The upstream in use by carrier.
using EgressChoice = std::map<std::string, std::string>;

/// What is remembered of a carrier's egress from this node.
struct EgressState {
  std::string upstream = {};  ///< in use
  Time since = {};
  std::string from = {};  ///< while it is on trial: the one before
  std::string why = {};
  std::map<std::string, Time> tried = {};  ///< upstreams that were bad themselves, until when
  std::vector<Time> turns = {};            ///< times at which the first of the order was left
  bool operator==(const EgressState&) const = default;
};
using Egresses = std::map<std::string, EgressState>;

EgressChoice in_use(const Egresses& egresses);

/// A carrier's egress in the plan, with what comes next.
struct EgressReport {
  std::string carrier;
  std::string upstream = {};  ///< in use once the plan is carried out
  Time since = {};
  std::string from = {};    ///< not empty: it was moved from there in this cycle
  std::string why = {};     ///< of the last move, or of none
  std::string wanted = {};  ///< where it would go if nothing held it
  std::string next = {};    ///< what holds it, or what is waited for
  std::optional<Time> earliest = {};
};

}  // namespace anycast
