#pragma once

#include <set>
#include <string>

#include "adapters/frr/frr.hpp"

namespace anycast::frr {

/// The hosts among the networks of a fragment: what an upstream is to drop (RFC 7999).
std::set<std::string> hosts_in(const Settings& settings, const Objects& objects);

/// Makes FRR discard what goes to exactly these hosts of our prefixes, by static routes that are
/// told from the operator's by their distance: bgpd announces a network only where there is a route
/// for it. They are kept by mgmtd (from FRR 9 on) or staticd, whichever runs beside bgpd; where
/// none does, bgpd says whether it minds. Nothing else is touched.
Result<void> discard(const Settings& settings, const std::set<std::string>& hosts);

}  // namespace anycast::frr
