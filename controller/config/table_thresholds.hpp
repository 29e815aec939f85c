#pragma once

#include "controller/config/value.hpp"
#include "controller/model/config.hpp"

namespace anycast::config {

/// One carrier's entry of `thresholds`.
Table threshold(Thresholds& t);

}  // namespace anycast::config
