#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "controller/config/config.hpp"

namespace anycast::config {

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream stream{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

inline std::filesystem::path tree(const std::string& path) {
  return std::filesystem::path{ANYCASTD_SOURCE_DIR} / path;
}

/// The text as one source named "x.yaml", on the host "hk-a".
inline Loaded load_text(const std::string& text) {
  return load({{.name = "x.yaml", .text = text}}, {.host_name = "hk-a"});
}

inline Loaded load_example() {
  return load({{.name = "anycastd.yaml", .text = slurp(tree("deploy/example/anycastd.yaml"))}},
              {.host_name = "hk-idc-1.example.net"});
}

/// Everything that was found, as a person sees it.
inline std::string shown(const Loaded& loaded) {
  std::string out;
  for (const auto& diagnostic : loaded.diagnostics) out += to_string(diagnostic);
  return out;
}

/// `text` with its first `from` replaced; the text itself has to have it.
inline std::string changed(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace anycast::config
