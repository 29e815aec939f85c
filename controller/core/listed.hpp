#pragma once

#include <string>
#include <vector>

#include "controller/core/context.hpp"
#include "controller/core/guard_words.hpp"

namespace anycast::core {

/// What our fragment in the routing daemon's file exports and the configuration has no place for
/// any more: "203.0.113.0/24 on cmi", or a session that it does not know. A list that was emptied
/// or cut short by mistake looks like this, on all nodes at once; so nothing that follows from it
/// leaves before a person applies it.
std::vector<std::string> no_longer_listed(const Config& config, const RouterView& router);

/// Guard "listed": no step while something is no longer listed, also none of a person who did not
/// mean that: it would leave with it.
Word listed(const Context& context, const Step& step);

}  // namespace anycast::core
