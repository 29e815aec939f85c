#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/config/samples.hpp"

using namespace anycast;
using namespace anycast::config;

namespace {

/// Comments "# want 40:29 unit" (an error) and "# warn 40:29 asn-name".
std::vector<std::string> wanted(const std::string& text) {
  std::vector<std::string> out;
  for (const auto& line : split(text, '\n')) {
    if (line.starts_with("# want ") || line.starts_with("# warn ")) out.push_back(line.substr(2));
  }
  return out;
}

std::vector<std::string> found(const Loaded& loaded) {
  std::vector<std::string> out;
  for (const auto& d : loaded.diagnostics) {
    const bool error = d.severity == Diagnostic::Severity::error;
    out.push_back(
        fmt::format("{} {}:{} {}", error ? "want" : "warn", d.place.line, d.place.column, d.rule));
  }
  return out;
}

std::vector<std::filesystem::path> samples(const std::string& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator{tree(folder)}) {
    if (entry.path().extension() == ".yaml") out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

TEST_CASE("every bad sample is found at its line and column, and nothing else in it") {
  const auto files = samples("tests/config/bad");
  CHECK(files.size() >= 25);
  for (const auto& file : files) {
    const auto text = slurp(file);
    const auto loaded =
        load({{.name = file.filename().string(), .text = text}}, {.host_name = "hk-a"});
    INFO(shown(loaded));
    auto want = wanted(text);
    CHECK_FALSE(want.empty());
    CHECK(found(loaded) == want);
    const bool failed =
        std::ranges::any_of(want, [](const std::string& line) { return line.starts_with("want"); });
    CHECK(loaded.config.has_value() != failed);
  }
}

TEST_CASE("good samples have no error and print to a file that loads to the same") {
  auto files = samples("tests/config/good");
  files.push_back(tree("deploy/example/anycastd.yaml"));
  for (const auto& file : files) {
    const auto loaded =
        load({{.name = file.string(), .text = slurp(file)}}, {.host_name = "hk-idc-1"});
    INFO(shown(loaded));
    REQUIRE(loaded.config);
    const auto text = print(*loaded.config);
    const auto again = load_text(text);
    INFO(text << shown(again));
    REQUIRE(again.config);
    CHECK(print(*again.config) == text);
  }
}
