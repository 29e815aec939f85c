#pragma once

#include <string_view>

#include "controller/base/error.hpp"
#include "controller/model/config.hpp"
#include "controller/model/order.hpp"

namespace anycast {

/// Reads the body of POST /v1/orders: a JSON object with kind, reason and, where the kind takes
/// them, upstream, stance, for_seconds, now, decision, confirm_seconds. Strict: an unknown member,
/// one that the kind does not take, a wrong type or a value out of range is an error that says what
/// was expected.
Result<Order> parse_order(std::string_view body, const Config& config);

}  // namespace anycast
