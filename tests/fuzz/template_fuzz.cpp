#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controller/render/fragment.hpp"

// A template that compiles renders a fragment or an error; whatever is rendered is what was asked.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anycast;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto compiled = render::compile_fragment("fuzz", text);
  if (!compiled) return 0;
  Config config;
  config.self = "hk1";
  config.prefixes = {{.prefix = *Prefix::parse("203.0.113.0/24"), .origin_asn = 64500}};
  config.nodes["hk1"].sessions["cmi"] = {.neighbor = *Address::parse("192.0.2.2"),
                                         .local = *Address::parse("192.0.2.1")};
  const auto out = render::fragment(*compiled, config, {{"cmi", {Stance::Kind::prepend, 2}}});
  if (out && render::revision_of(out->text) != out->revision) __builtin_trap();
  return 0;
}
