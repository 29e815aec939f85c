#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "controller/config/rules.hpp"

namespace anycast::config {
namespace {

constexpr std::array<std::string_view, 6> kKeys = {"guards",    "policy",  "thresholds",
                                                   "upstreams", "version", "weights"};
constexpr std::array<std::string_view, 2> kOfUpstream = {"cost", "prepend_max"};
constexpr const char* kMay =
    "of its own it may have guards, policy, thresholds, weights, and of an upstream cost and "
    "prepend_max; all else is as in the configuration in force, or the two could not be compared";

template <std::size_t N>
bool is_in(const std::array<std::string_view, N>& keys, const std::string& key) {
  return std::ranges::find(keys, key) != keys.end();
}

void refuse(const Entry& entry, const std::string& path, Report& report) {
  const std::string hint = path == "mode" ? "a shadow is always judged as in mode auto" : kMay;
  report.error(entry.at, "shadow", fmt::format("a shadow may not say '{}'", path), {hint});
}

}  // namespace

void check_overlay(const Tree& overlay, Report& report) {
  if (overlay.kind != Tree::Kind::map) return;
  for (const auto& entry : overlay.entries) {
    if (!is_in(kKeys, entry.key)) refuse(entry, entry.key, report);
    if (entry.key != "upstreams") continue;
    for (const auto& upstream : entry.value.entries) {
      for (const auto& field : upstream.value.entries) {
        if (!is_in(kOfUpstream, field.key))
          refuse(field, fmt::format("upstreams.{}.{}", upstream.key, field.key), report);
      }
    }
  }
}

}  // namespace anycast::config
