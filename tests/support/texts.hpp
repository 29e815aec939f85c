#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"

namespace anycast::test {

/// A file of the source tree, for example "tests/golden/replay.txt".
inline std::filesystem::path tree(const std::string& path) {
  return std::filesystem::path{ANYCASTD_SOURCE_DIR} / path;
}

/// All that is in the file; nothing where there is none.
inline std::string slurp(const std::filesystem::path& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

/// What tests/golden has under this name.
inline std::string golden(const std::string& name) { return slurp(tree("tests/golden/" + name)); }

/// ANYCASTD_GOLDEN=write rewrites the files; the difference is then read by a person.
inline void same_as_golden(const std::string& name, const std::string& text) {
  const char* mode = std::getenv("ANYCASTD_GOLDEN");
  if (mode != nullptr && std::string_view{mode} == "write")
    std::ofstream{tree("tests/golden/" + name), std::ios::binary} << text;
  INFO(name);
  CHECK(unified_diff(golden(name), text, "golden", "printed") == "");
}

/// The columns that the widest line takes on a terminal.
inline int widest(const std::string& text) {
  int width = 0;
  for (const auto& line : split(text, '\n')) width = std::max(width, display_width(line));
  return width;
}

/// The text with the first `what` replaced; it has to have one.
inline std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  INFO("not in the text: " << what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

}  // namespace anycast::test
