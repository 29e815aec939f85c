// Whatever a server sends, the parser returns, and what it accepts becomes well-formed evidence:
// series unique and sorted, samples ascending and inside the window, RTTs possible.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "adapters/prometheus/reply.hpp"
#include "adapters/prometheus/samples.hpp"

namespace {

using namespace anycast;

const Time kAt{seconds{1'795'424'275}};

void require(bool holds) {
  if (!holds) std::abort();
}

Config config() {
  Config out;
  out.carriers = {"ct", "cm"};
  out.regions = {"beijing"};
  out.nodes = {{"hk-1", Node{}}, {"hk-2", Node{}}};
  return out;
}

void check(const Evidence& evidence, const Config& c) {
  const auto by_key = [](const auto& a, const auto& b) { return !(a.key < b.key); };
  require(std::adjacent_find(evidence.series.begin(), evidence.series.end(), by_key) ==
          evidence.series.end());
  for (const auto& series : evidence.series) {
    Time before = evidence.at - c.evidence.window;
    for (const auto& sample : series.samples) {
      require(sample.at > before && sample.at <= evidence.at);
      require(sample.received ? sample.rtt > Duration{0} && sample.rtt <= seconds{60}
                              : sample.rtt == Duration{0});
      before = sample.at;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Config c = config();
  prometheus::SampleWindow window{c};
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  // A line break parts the answer about loss from the one about RTT.
  const auto cut = std::min(text.find('\n'), text.size());
  const auto loss = prometheus::parse_reply(text.substr(0, cut), window.labels());
  const auto rtt = prometheus::parse_reply(text.substr(cut), window.labels());
  const prometheus::Reply none;
  window.merge(loss ? *loss : none, rtt ? *rtt : none, kAt - c.evidence.window, kAt);
  check(window.evidence(kAt), c);
  window.merge(rtt ? *rtt : none, loss ? *loss : none, kAt - seconds{5}, kAt + seconds{5});
  check(window.evidence(kAt + seconds{5}), c);
  const auto fleet = prometheus::parse_reply(text.substr(0, cut), prometheus::fleet_labels());
  if (fleet) prometheus::read_fleet(*fleet, c, kAt);
  return 0;
}
