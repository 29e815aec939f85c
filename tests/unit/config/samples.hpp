#pragma once

#include <string>
#include <vector>

#include "controller/config/config.hpp"
#include "tests/support/texts.hpp"

namespace anycast::config {

using test::replaced;
using test::slurp;
using test::tree;

inline const std::string kExample = slurp(tree("deploy/example/anycastd.yaml"));

/// The text as one source named "x.yaml", on the host "hk-a".
inline Loaded load_text(const std::string& text) {
  return load({{.name = "x.yaml", .text = text}}, {.host_name = "hk-a"});
}

inline Loaded load_example() {
  return load({{.name = "anycastd.yaml", .text = kExample}}, {.host_name = "hk-idc-1.example.net"});
}

/// Everything that was found, as a person sees it.
inline std::string shown(const Loaded& loaded) {
  std::string out;
  for (const auto& diagnostic : loaded.diagnostics) out += to_string(diagnostic);
  return out;
}

}  // namespace anycast::config
