#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/router.hpp"

namespace anycast::render {

/// What a BIRD fragment makes BIRD do, read from its text alone.
struct BirdText {
  std::uint32_t revision = 0;
  std::vector<Prefix> routes = {};                          ///< originated, sorted
  std::map<std::string, std::vector<Export>> filters = {};  ///< exports by filter name, sorted
};

/// Reads exactly the few constructs that templates/bird/fragment.tmpl uses and refuses all others,
/// so that nothing can stand in a fragment that is not understood here:
///   define ANYCASTD_REVISION = N;
///   protocol static anycastd4|anycastd6 { ipv4|ipv6; route P blackhole; ... }
///   filter F { if proto = "anycastd4" && net = P then { ... accept; } ... reject; }
/// with `bgp_path.prepend(N);`, `bgp_community.add((N,N));` and `bgp_large_community.add((N,N,N));`
/// before an `accept`, and comments with '#'. Places count from the first line of the text.
Result<BirdText> parse_bird(std::string_view text);

}  // namespace anycast::render
