#pragma once

#include <cstdint>

namespace anycast::core {

/// To the nearest whole number, halves away from zero, as std::llround does, but without a call.
inline std::int64_t rounded(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  const double rest = value - static_cast<double>(whole);
  return whole + (rest >= 0.5 ? 1 : 0) - (rest <= -0.5 ? 1 : 0);
}

}  // namespace anycast::core
