#pragma once

#include "controller/base/time.hpp"

namespace anycast::test {

inline const Time kNoon = *parse_utc("2026-06-01T12:00:00Z");

}  // namespace anycast::test
