#pragma once

#include <string>
#include <string_view>

#include "controller/render/fragment_text.hpp"

namespace anycast::render {

/// Names of what a FRR fragment defines besides its route-maps.
inline constexpr std::string_view kFrrRevisionMap = "anycastd.revision";
inline constexpr std::string_view kFrrOwnPath = "anycastd.own";  ///< routes without any AS: our own
/// Routes whose AS path leads to a carrier: this and its name.
inline constexpr std::string_view kFrrCarrierPath = "anycastd.carrier.";
/// Maps for the way in: this and the session's name.
inline constexpr std::string_view kFrrImportMap = "anycastd.in.";
/// The prefix-list that matches exactly this prefix: "anycastd.203.0.113.0-24".
std::string frr_list_name(const Prefix& prefix);
/// Whether a route-map, a list or an access-list of this name is ours to change.
bool is_frr_name(std::string_view name);

/// Reads exactly the few constructs that templates/frr/fragment.tmpl uses, line by line, and
/// refuses all others, so that nothing can stand in a fragment that is not understood here:
///   bgp as-path access-list anycastd.own seq 5 permit ^$
///   bgp as-path access-list anycastd.carrier.C seq 5|10|... permit _N_
///   ip|ipv6 prefix-list anycastd.P seq 5 permit P
///   route-map F permit|deny N, with match lines for one such list and for anycastd.own, and at
///   most
///    one `set as-path prepend`, one `set community ... additive`; exit
///   route-map anycastd.in.F permit N, which matches one anycastd.carrier.C and sets the local
///    preference; exit; and at the end route-map anycastd.in.F permit 65535; exit
///   router bgp, with ` address-family ipv4|ipv6 unicast` and `network P` in it; exit
///   route-map anycastd.revision deny 1, described as `anycastd revision N`; exit
/// and comments that begin with '!'. A list comes before the map that matches it.
Result<FragmentText> parse_frr(std::string_view text);

}  // namespace anycast::render
