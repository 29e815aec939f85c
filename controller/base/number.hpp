#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace anycast {

/// The decimal number that the whole text is, or nothing: no blanks, no plus sign, a minus only
/// where T has one, nothing that T cannot hold. Leading zeros are taken.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || at != end) return std::nullopt;
  return value;
}

}  // namespace anycast
