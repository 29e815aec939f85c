#pragma once

#include "controller/app/metrics.hpp"

namespace anycast::metrics {

/// The anycast_* families of one published cycle.
void families(Exposition& out, const Published& p, const Context& context);
/// Those about what this node keeps in its kernel.
void inside(Exposition& out, const Published& p);
void keepalived(Exposition& out, const Published& p);
/// Over which upstream packets leave.
void egress(Exposition& out, const Published& p);

}  // namespace anycast::metrics
