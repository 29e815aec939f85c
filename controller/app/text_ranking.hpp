#pragma once

#include <string>
#include <vector>

#include "controller/app/text_parts.hpp"

namespace anycast::text {

/// A carrier's paths in the order of policy prefer, best first, a line each, and what its users
/// wait for: the first eight, those that were chosen, and those of the node that is asked about.
std::vector<std::string> ranking(const Json& r, const Json& choice, const Look& look);

}  // namespace anycast::text
