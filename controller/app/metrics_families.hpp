#pragma once

#include "controller/app/metrics.hpp"

namespace anycast::metrics {

/// The anycast_* families of one published cycle.
void families(Exposition& out, const Published& p, Time now);

}  // namespace anycast::metrics
