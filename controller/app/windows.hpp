#pragma once

#include <vector>

#include "controller/base/time.hpp"
#include "controller/model/config.hpp"
#include "controller/model/seen.hpp"

namespace anycast {

/// The windows that are open at `now`, each in its own time zone. A zone that the host no longer
/// knows leaves its window closed; the configuration check has refused unknown ones.
std::vector<OpenWindow> open_windows(const std::vector<Window>& windows, Time now);

}  // namespace anycast
