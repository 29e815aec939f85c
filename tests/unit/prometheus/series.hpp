#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "adapters/prometheus/reply.hpp"
#include "controller/base/time.hpp"

namespace anycast::prometheus::testing {

inline constexpr std::int64_t kStart = 1'780'000'000'000;  // 2026-05-28T20:26:40Z
inline const Time kAt{milliseconds{kStart + 600'000}};

inline Time at(double second) {
  return Time{milliseconds{kStart}} + Duration{static_cast<std::int64_t>(second * 1e6)};
}

using Points = std::vector<std::pair<std::int64_t, double>>;

/// `wanted` are values of labels; `points` are seconds after kStart with values.
inline Series series(std::vector<std::string> wanted, const Points& points,
                     std::string others = {}) {
  Series out{.wanted = std::move(wanted), .others = std::move(others)};
  for (const auto& [second, value] : points) out.points.push_back({kStart + second * 1000, value});
  return out;
}

}  // namespace anycast::prometheus::testing
