#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/router.hpp"

namespace anycast::render {

/// Routes that a neighbour's session prefers: those whose AS path has one of these.
struct Preferred {
  std::vector<Asn> as_path = {};  ///< sorted
  std::uint32_t local_preference = 0;
  auto operator<=>(const Preferred&) const = default;
};

/// What a fragment makes the daemon do, read from its text alone.
struct FragmentText {
  std::uint32_t revision = 0;
  std::vector<Prefix> routes = {};  ///< originated, sorted
  /// Exports by filter name, sorted; a route-map without an entry for a prefix exports nothing.
  std::map<std::string, std::vector<Export>> filters = {};
  /// What an import filter of the operator's prefers by a function or route-map of ours, sorted.
  std::map<std::string, std::vector<Preferred>> imports = {};
};

/// The reader for this kind of daemon, "bird" or "frr".
Result<FragmentText> parse_fragment(std::string_view kind, std::string_view text);

}  // namespace anycast::render
