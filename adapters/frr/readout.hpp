#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/frr/objects.hpp"
#include "controller/base/error.hpp"
#include "controller/model/origin.hpp"
#include "controller/model/router.hpp"

namespace anycast::frr {

/// "ipv4" or "ipv6", as commands and our channels name it.
std::string family_of(const Address& address);

/// "8.4.4" of `show version`.
Result<std::string> read_version(std::string_view text);

struct Channel {
  std::string map_out = {};   ///< route-map `out`, empty where there is none
  std::int64_t exported = 0;  ///< prefixes
};
/// `show bgp neighbors X json`.
struct Neighbor {
  std::string state = {};  ///< "Established", "Active", ...
  std::string since = {};  ///< empty while it is not
  std::uint64_t updates_sent = 0;
  bool refreshes = false;                        ///< what it has sent can be had again
  std::map<std::string, Channel> channels = {};  ///< by "ipv4", "ipv6"
  bool up() const { return state == "Established"; }
};
/// Nothing where bgpd has no such neighbour.
Result<std::optional<Neighbor>> read_neighbor(std::string_view text);

/// `show bgp ipv4|ipv6 unicast neighbors X advertised-routes json`: what stands in the Adj-RIB-Out,
/// sorted. FRR 8.4 does not say its communities. An unknown neighbour has none.
Result<std::vector<Export>> read_advertised(std::string_view text);

/// `show bgp ipv4|ipv6 unicast P json`: whether bgpd may announce a network of its own. It may not
/// while zebra has told of no route for it (bgp network import-check).
Result<bool> read_usable(std::string_view text);

/// `show rpki prefix P json`.
Result<std::vector<Roa>> read_roas(std::string_view text);

/// What an entry of a route-map adds for this prefix: the communities, standard and large.
std::vector<std::string> communities_for(const Objects& objects, const std::string& map,
                                         const Prefix& prefix);

}  // namespace anycast::frr
