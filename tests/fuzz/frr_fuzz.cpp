#include <cstddef>
#include <cstdint>
#include <string_view>

#include "adapters/frr/objects.hpp"
#include "adapters/frr/readout.hpp"
#include "adapters/frr/vty.hpp"
#include "controller/base/text.hpp"
#include "controller/render/fragment.hpp"
#include "controller/render/frr_text.hpp"

// The bytes of a vty socket in pieces of all lengths, and everything that is read from what they
// carry: configurations, JSON, fragments.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anycast;
  using namespace anycast::frr;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  ReplyReader reader;
  for (std::size_t at = 0, step = 1; at < text.size(); at += step, step = step % 7 + 1) {
    if (!reader.feed(text.substr(at, step))) break;
  }
  (void)read_version(text);
  (void)read_neighbor(text);
  (void)read_advertised(text);
  (void)read_roas(text);
  const auto running = read_running(text);
  // What goes back to bgpd is what came from it, line by line, and nothing that ends a line.
  for (const auto& line : delta({}, running.objects, "router bgp 64500").filters) {
    for (const char c : line) {
      if (c == '\n' || c == '\0') __builtin_trap();
    }
  }
  if (!(read_running(text_of(running.objects)).objects == running.objects)) __builtin_trap();
  (void)delta(running.objects, {}, "router bgp 64500");
  (void)marker_of(running.objects);
  (void)render::parse_frr(text);
  (void)render::revision_of(text);
  return 0;
}
