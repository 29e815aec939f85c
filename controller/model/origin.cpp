#include "controller/model/origin.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/number.hpp"

namespace anycast {

std::string to_string(const Roa& roa) {
  return fmt::format("{}-{} AS{}", to_string(roa.prefix), roa.max_length, roa.asn);
}

std::optional<Roa> parse_roa(std::string_view text) {
  const auto dash = text.find('-');
  const auto blank = text.find(" AS");
  if (dash == std::string_view::npos || blank == std::string_view::npos || blank < dash)
    return std::nullopt;
  const auto prefix = Prefix::parse(text.substr(0, dash));
  const auto most = parse_number<int>(text.substr(dash + 1, blank - dash - 1));
  const auto asn = parse_number<Asn>(text.substr(blank + 3));
  if (!prefix || !most || !asn) return std::nullopt;
  const Roa out{.prefix = *prefix, .max_length = *most, .asn = *asn};
  if (!is_whole(out)) return std::nullopt;
  return out;
}

bool is_whole(const Roa& roa) {
  return roa.prefix.is_network() && roa.max_length >= roa.prefix.length &&
         roa.max_length <= roa.prefix.address.bits();
}

std::string to_string(OriginState state) {
  switch (state) {
    case OriginState::unknown: return "unknown";
    case OriginState::valid: return "valid";
    case OriginState::not_found: return "not_found";
    case OriginState::invalid: return "invalid";
  }
  return "unknown";
}

Origin judge_origin(const Prefix& prefix, Asn asn, std::vector<Roa> roas) {
  std::erase_if(roas, [&](const Roa& roa) { return !roa.prefix.contains(prefix); });
  if (roas.empty()) return {.state = OriginState::not_found};
  const bool valid = asn != 0 && std::ranges::any_of(roas, [&](const Roa& roa) {
                       return roa.asn == asn && prefix.length <= roa.max_length;
                     });
  if (valid) return {.state = OriginState::valid};
  std::ranges::sort(roas);
  roas.erase(std::unique(roas.begin(), roas.end()), roas.end());
  return {.state = OriginState::invalid, .roas = std::move(roas)};
}

}  // namespace anycast
