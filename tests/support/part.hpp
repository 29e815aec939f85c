#pragma once

#include <string>

#include "controller/base/text.hpp"

namespace anycast::test {

/// The lines from the one that begins with `first` up to the one that begins with `last`.
inline std::string part(const std::string& text, const std::string& first,
                        const std::string& last) {
  std::string out;
  bool in = false;
  for (const auto& line : split(text, '\n')) {
    if (line.starts_with(first)) in = true;
    if (line.starts_with(last)) in = false;
    if (in) out += line + "\n";
  }
  return out;
}

}  // namespace anycast::test
