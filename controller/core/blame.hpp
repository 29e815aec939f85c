#pragma once

#include <vector>

#include "controller/model/plan.hpp"

namespace anycast::core {

/// Says for every bad path where the fault lies, in PathReport::blame. The first rule that fits
/// decides:
///  2.1 "border"  every path of the carrier that is known is bad: moving its users helps nobody
///  2.2 "path"    some path of the carrier is good
/// The other rules of blame (sick probe, regional access, whole node, whole session) stand between
/// these two once they exist; until then their cases count as "path", which only means more caution
/// by guards.
void blame(std::vector<PathReport>& paths);

}  // namespace anycast::core
