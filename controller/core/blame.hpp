#pragma once

#include <vector>

#include "controller/model/config.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/seen.hpp"

namespace anycast::core {

/// Takes probes out whose figures say nothing about our paths: their region becomes unusable in
/// every path of the carrier, with the reason. Before regions are pooled; the first rule that fits
/// decides:
///  2.1 "probe"   loses packets to its anchors; or, where none are measured, all carriers' probes
///                of the region are bad to all nodes while another region is not
///  2.2 "access"  the carrier's probe of one region is bad to all nodes, and another region of the
///                carrier is not: the region's own access network
/// "Bad to all nodes" takes two or more to which another region is not bad: what is bad for
/// everybody says nothing about one of them.
std::vector<Discarded> discard(const Config& config, const Seen& seen,
                               std::vector<PathReport>& paths);

/// Says for every bad path where the fault lies, in PathReport::blame. The first rule that fits
/// decides:
///  2.3 "border"   every path of the carrier that is known is bad: moving its users helps nobody
///  2.4 "node"     every known path of the node is bad, of two carriers or more over two sessions
///  or
///                 more
///  2.5 "session"  every known path of the session is bad, of two carriers or more
///  2.6 "path"     this carrier over this session
/// In 2.4 and 2.5 carriers that are bad at the border count neither for nor against.
void blame(std::vector<PathReport>& paths);

}  // namespace anycast::core
