#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "controller/config/config.hpp"

/// Any text: no crash, no hang, an error or a configuration, and what is printed loads again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anycast;
  // Two sources where the text has a form feed, so that merging is tried as well.
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto cut = text.find('\f');
  std::vector<config::Source> sources = {{.name = "fuzz.yaml", .text = text.substr(0, cut)}};
  if (cut != std::string::npos) {
    sources.push_back({.name = "drop-in.yaml", .text = text.substr(cut + 1)});
  }
  const auto loaded = config::load(sources, {.host_name = "hk-a", .needs_self = false});
  bool failed = false;
  for (const auto& diagnostic : loaded.diagnostics) {
    failed |= diagnostic.severity == config::Diagnostic::Severity::error;
    if (config::to_string(diagnostic).empty() || diagnostic.place.file.empty()) std::abort();
  }
  if (failed == loaded.config.has_value()) std::abort();
  if (!loaded.config) return 0;
  const auto printed = config::print(*loaded.config);
  const auto again = config::load({{.name = "again.yaml", .text = printed}}, {.needs_self = false});
  if (!again.config || config::print(*again.config) != printed) std::abort();
  return 0;
}
