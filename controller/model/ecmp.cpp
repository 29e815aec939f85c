#include "controller/model/ecmp.hpp"

#include <fmt/format.h>

#include <string_view>

#include "controller/base/text.hpp"

namespace anycast {
namespace {

/// Far above what routing daemons count up from; the first byte is our protocol number. Two that
/// came out alike the kernel would refuse in one group, and each of them is checked when read back.
std::uint32_t number_of(std::string_view text) {
  constexpr std::uint32_t kFirst = std::uint32_t{kRouteProtocol} << 24U;
  constexpr std::size_t kDigits = 6;
  return kFirst |
         static_cast<std::uint32_t>(std::stoul(hash64_hex(text).substr(0, kDigits), nullptr, 16));
}

}  // namespace

std::uint32_t object_of(const RouteKey& route, const NextHop& hop) {
  return number_of(fmt::format("{} via {} dev {}", to_string(route), to_string(hop.via), hop.link));
}

std::uint32_t group_of(const RouteKey& route) { return number_of(to_string(route)); }

std::string to_string(const RouteKey& route) {
  return fmt::format("{} in table {}", to_string(route.to), route.table);
}

}  // namespace anycast
