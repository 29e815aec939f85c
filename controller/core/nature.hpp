#pragma once

#include <string>

#include "controller/model/config.hpp"
#include "controller/model/plan.hpp"

namespace anycast::core {

/// What kind of fault the path's figures look like, for the person who reads them; empty where
/// nothing is wrong.
///  "outage"      nine of ten packets or more are lost
///  "congestion"  loss or jitter is over `warn`: queues are full
///  "detour"      neither, but the median RTT of the main window is over `warn`, or has left that
///  of
///                the slow window upwards by more than 15 ms and 20 %: a longer way
std::string nature(const Thresholds& thresholds, const PathReport& path);

}  // namespace anycast::core
