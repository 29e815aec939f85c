#include <cstddef>
#include <cstdint>
#include <string_view>

#include "adapters/bird/operator_config.hpp"
#include "adapters/bird/readout.hpp"
#include "controller/base/text.hpp"
#include "controller/render/bird_text.hpp"
#include "controller/render/fragment.hpp"

// The control socket's lines, whatever they say, and the two kinds of files that we read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anycast;
  using namespace anycast::bird;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  ReplyParser parser;
  for (const auto& line : split(text, '\n')) {
    const auto progress = parser.feed(line);
    if (!progress) break;
    if (*progress == ReplyParser::Progress::more) continue;
    const auto reply = parser.take();
    (void)read_protocol(reply);
    (void)read_routes(reply);
    (void)read_revision(reply);
    (void)read_unconfirmed(reply);
    (void)read_roa_age(reply);
    (void)read_roas(reply);
    (void)read_truth(reply);
    (void)configuration_error(reply);
    if (const auto status = read_status(reply)) (void)reconfigured_at(*status, Time{});
  }
  for (const auto& include : includes_of(text, "/etc/bird/bird.conf")) {
    if (text.substr(include.at, include.length).find('"') != std::string_view::npos)
      __builtin_trap();
  }
  (void)render::parse_bird(text);
  (void)render::revision_of(text);
  return 0;
}
