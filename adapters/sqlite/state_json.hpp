#pragma once

#include <string>
#include <string_view>

#include "controller/base/error.hpp"
#include "controller/model/state.hpp"

namespace anycast {

/// Number of the JSON form that `print_state` writes. A reader refuses higher ones: they may hold
/// what it would silently drop. Raise it with every field that an older daemon must not lose.
inline constexpr int kStateFormat = 1;

/// The whole state as one JSON object. Times are integers, microseconds since the epoch; absent
/// optionals are left out; bytes that are not UTF-8 become U+FFFD.
std::string print_state(const State& state);

/// Reads what `print_state` wrote; every valid state comes back equal. A field that is missing
/// takes its default, a wrong type or word is an error that names the field.
Result<State> parse_state(std::string_view text);

}  // namespace anycast
