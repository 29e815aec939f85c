#pragma once

#include <string>
#include <vector>

#include "controller/model/config.hpp"

namespace anycast {

/// Empty where a median that is known by its bucket only can still be told to be bad or clear, else
/// why not, without a subject: "cannot tell 'bad' (200ms) from 'clear' (160ms): ...". Proven bad is
/// what lies in a bucket above `bad`, proven clear what lies in one below `clear`; each may begin
/// as far beyond its threshold as the two are from each other. `edges` are the upper ones, finite
/// and ascending, not empty.
std::string buckets_blur(const std::vector<Duration>& edges, const Levels<Duration>& levels);

}  // namespace anycast
