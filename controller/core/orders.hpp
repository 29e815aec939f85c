#pragma once

#include <vector>

#include "controller/core/context.hpp"

namespace anycast::core {

/// What the orders of this cycle mean for the plan.
struct Ordered {
  std::vector<Step> steps;          ///< wanted by an order alone (undo)
  std::optional<Order> apply = {};  ///< a person applies the plan
  bool confirm = false;
  bool undo = false;
  bool forced = false;  ///< one of them goes beyond the flap-damping budget
  std::uint64_t probation_order =
      0;                        ///< the order that is answered once confirm or undo has happened
  std::uint64_t blackhole = 0;  ///< the order that is answered once they have changed
  Blackholes blackholes_before = {};  ///< what there was before it
};

/// Takes the orders into `context.state` (drain, pins, freeze) or refuses them, with a reply for
/// each that is answered at once; expired standing orders end here too.
Ordered take_orders(Context& context, std::vector<Event>& events, std::vector<OrderReply>& replies);

}  // namespace anycast::core
