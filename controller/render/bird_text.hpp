#pragma once

#include <string_view>

#include "controller/render/fragment_text.hpp"

namespace anycast::render {

/// Functions for the way in: this and the session's name.
inline constexpr std::string_view kBirdImport = "anycastd_egress_";

/// Reads exactly the few constructs that templates/bird/fragment.tmpl uses and refuses all others,
/// so that nothing can stand in a fragment that is not understood here:
///   define ANYCASTD_REVISION = N;
///   protocol static anycastd4|anycastd6 { ipv4|ipv6; route P blackhole; ... }
///   function anycastd_egress_F() { if bgp_path ~ [N, ...] then bgp_local_pref = N; ... }
///   filter F { if proto = "anycastd4" && net = P then { ... accept; } ... reject; }
/// with `bgp_path.prepend(N);`, `bgp_community.add((N,N));` and `bgp_large_community.add((N,N,N));`
/// before an `accept`, and comments with '#'. Places count from the first line of the text.
Result<FragmentText> parse_bird(std::string_view text);

}  // namespace anycast::render
