#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/error.hpp"

namespace anycast::frr {

struct Entry {
  bool permit = false;
  std::set<std::string> lines = {};  ///< "match as-path anycastd.own", "set ..."
  bool operator==(const Entry&) const = default;
};

/// Named parts of a FRR configuration, line by line as `show running-config` prints them. Known
/// communities stand as numbers and all communities sorted, as our fragments have them.
struct Objects {
  /// "seq 5 permit P" by "ip prefix-list NAME", "ipv6 prefix-list NAME" and "bgp as-path
  /// access-list NAME".
  std::map<std::string, std::set<std::string>> lists = {};
  std::map<std::string, std::map<int, Entry>> maps = {};
  /// By prefix, with what follows it on its line: "", "route-map X".
  std::map<std::string, std::string> networks = {};
  bool operator==(const Objects&) const = default;

  bool empty() const { return lists.empty() && maps.empty(); }
};

/// What a configuration says of the names that are ours, see render::is_frr_name, and of our
/// surroundings. `networks` has everything that the default instance originates, whoever said so.
struct Running {
  Objects objects = {};
  std::string instance = {};            ///< "router bgp 64500", empty where there is none
  std::set<std::string> attached = {};  ///< route-maps of ours that a neighbour names, or one calls
};
/// Reads `show running-config`, a file of the operator, one of our fragments, or what `text_of`
/// gave.
Running read_running(std::string_view text);
std::string text_of(const Objects& objects);

/// Only the networks of these prefixes.
Objects only(Objects objects, const std::map<std::string, std::string>& networks);

/// N of the marker "anycastd revision N", or 0.
std::uint32_t marker_of(const Objects& objects);

/// Commands that make `from` to `to`, each safe to be the last one that is carried out: what a map
/// matches comes before it; a new entry denies until it is complete; one that is to deny does so
/// first; a permitted prefix stays permitted all the time; what nobody needs goes last. The marker
/// is that of `to` only once all else is done, also where both have the same.
struct Delta {
  std::vector<std::string> filters = {};  ///< additions, and changes in place
  std::vector<std::string> origins = {};  ///< `network` additions, inside of `instance`
  std::vector<std::string> removals = {};
  std::vector<std::string> revision = {};   ///< the marker, once all else is done
  std::set<std::string> changed_maps = {};  ///< or their lists
  bool empty() const;
};
Delta delta(const Objects& from, const Objects& to, const std::string& instance);

/// `no network P` for all of them that are there.
std::vector<std::string> without_networks(const Objects& objects, const std::string& instance);

}  // namespace anycast::frr
