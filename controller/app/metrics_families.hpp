#pragma once

#include "controller/app/metrics.hpp"

namespace anycast::metrics {

/// With all that did not happen yet: a series that begins with its first decision hides that one
/// from rate() and increase().
Counts from_zero(Counts decisions);
/// The anycast_* families of one published cycle.
void families(Exposition& out, const Published& p, const Context& context);
/// Those about what this node keeps in its kernel.
void inside(Exposition& out, const Published& p);
void keepalived(Exposition& out, const Published& p);
/// Over which upstream packets leave.
void egress(Exposition& out, const Published& p);
/// What a shadow would have done. None of these is read by another node.
void shadow(Exposition& out, const Published& p);

}  // namespace anycast::metrics
