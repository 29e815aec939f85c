#include "adapters/prometheus/samples.hpp"

#include <limits>

#include "tests/support/catch.hpp"
#include "tests/unit/prometheus/series.hpp"

using namespace anycast;
using anycast::prometheus::Point;
using anycast::prometheus::Reply;
using anycast::prometheus::SampleWindow;
using anycast::prometheus::Series;
using anycast::prometheus::testing::at;
using anycast::prometheus::testing::kAt;
using anycast::prometheus::testing::kStart;
using anycast::prometheus::testing::Points;

namespace {

const Time kOldest{milliseconds{kStart}};
const ProbeKey kBeijing{.node = "hk-a", .upstream = "", .carrier = "cm", .region = "beijing"};
const double kNan = std::numeric_limits<double>::quiet_NaN();

Config config() {
  Config out;
  out.evidence.loss = "probe_success";
  out.evidence.rtt = "probe_rtt";
  out.evidence.slow_window = out.evidence.window;  // what is fetched is the longest
  out.carriers = {"cm"};
  out.regions = {"beijing"};
  out.nodes["hk-a"].sessions = {{"up1", Session{}}, {"up2", Session{}}};
  out.nodes["hk-b"].sessions = {{"up1", Session{}}};
  out.upstreams = {{"up1", Upstream{.asn = 64500}}, {"up2", Upstream{.asn = 64501}}};
  return out;
}

/// A series of the probe in Beijing.
Series probed(const Points& points, std::string others = "i=\"1\"",
              std::vector<std::string> wanted = {"hk-a", "cm", "beijing"}) {
  return prometheus::testing::series(std::move(wanted), points, std::move(others));
}

Evidence evidence(const Config& config, std::vector<Series> loss, std::vector<Series> rtt) {
  SampleWindow window{config};
  window.merge({.series = std::move(loss)}, {.series = std::move(rtt)}, kOldest, kAt);
  return window.evidence(kAt);
}

std::vector<Sample> samples(const Evidence& evidence) {
  REQUIRE(evidence.series.size() == 1);
  CHECK(evidence.series[0].key == kBeijing);
  return evidence.series[0].samples;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a reply takes the RTT of its own time stamp, a lost packet takes none") {
  const auto c = config();
  const auto out = evidence(c, {probed({{5, 1}, {10, 0}, {15, 1}})},
                            {probed({{5, 0.0512}, {10, 0}, {15, 0.2}}, "i=\"1\",phase=\"rtt\"")});
  CHECK(samples(out) == std::vector<Sample>{{at(5), true, milliseconds{51} + Duration{200}},
                                            {at(10), false},
                                            {at(15), true, milliseconds{200}}});
  CHECK(out.faults.empty());
  CHECK(out.at == kAt);
}

TEST_CASE("an RTT that came with a lost packet is not looked at") {
  const auto c = config();
  const auto out = evidence(c, {probed({{5, 0}, {10, 0}})}, {probed({{5, 0.1}, {10, kNan}})});
  CHECK(samples(out) == std::vector<Sample>{{at(5), false}, {at(10), false}});
  CHECK(out.faults.empty());
}

TEST_CASE("a reply without a possible RTT of that time is dropped and told") {
  const auto c = config();
  const double inf = std::numeric_limits<double>::infinity();
  const auto out =
      evidence(c, {probed({{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 1}})},
               {probed({{1, 0}, {2, -0.1}, {3, kNan}, {4, inf}, {5, 60.5}, {6, 60}})});
  CHECK(samples(out) == std::vector<Sample>{{at(6), true, seconds{60}}});
  CHECK(
      out.faults ==
      Lines{"2 samples dropped, first hk-a cm beijing at 20:26:47: received, but evidence.rtt has "
            "no sample of that time",
            "5 samples dropped, first hk-a cm beijing at 20:26:41: received, but evidence.rtt is "
            "not between 0 and 60 seconds"});
}

TEST_CASE("a success that is neither 0 nor 1 says nothing") {
  const auto c = config();
  const auto out = evidence(c, {probed({{1, kNan}, {2, 0.5}, {3, 2}, {4, -1}, {5, 0}})}, {});
  CHECK(samples(out) == std::vector<Sample>{{at(5), false}});
  CHECK(out.faults ==
        Lines{"4 samples dropped, first hk-a cm beijing at 20:26:41: evidence.loss is "
              "neither 0 nor 1"});
}

TEST_CASE("of equal samples of one time one is kept, of different ones none") {
  const auto c = config();
  const auto out = evidence(c, {probed({{1, 0}, {1, 0}, {2, 0}, {2, 1}, {3, 1}, {4, 1}})},
                            {probed({{2, 0.1}, {3, 0.1}, {3, 0.1}, {4, 0.1}, {4, 0.2}})});
  CHECK(samples(out) == std::vector<Sample>{{at(1), false}, {at(3), true, milliseconds{100}}});
  CHECK(out.faults ==
        Lines{"2 samples dropped, first hk-a cm beijing at 20:26:42: two values for one time",
              "1 sample dropped, first hk-a cm beijing at 20:26:44: received, but evidence.rtt has "
              "no sample of that time"});
}

TEST_CASE("samples out of order are sorted") {
  const auto c = config();
  const auto out = evidence(c, {probed({{9, 0}, {3, 0}, {6, 0}})}, {});
  CHECK(samples(out) == std::vector<Sample>{{at(3), false}, {at(6), false}, {at(9), false}});
}

TEST_CASE("the window is open on the left and closed on the right, whatever the server sends") {
  const auto c = config();
  const auto out = evidence(c, {probed({{-5, 0}, {0, 0}, {1, 0}, {600, 0}, {601, 0}})}, {});
  CHECK(samples(out) == std::vector<Sample>{{at(1), false}, {at(600), false}});
  CHECK(out.faults.empty());
}

TEST_CASE("samples from the future are cut, and told from 5 seconds on") {
  const auto c = config();
  const auto out = evidence(c, {probed({{1, 0}, {605, 0}, {606, 0}})}, {});
  CHECK(samples(out) == std::vector<Sample>{{at(1), false}});
  CHECK(out.faults == Lines{"1 sample of evidence.loss ignored, more than 5s after the time that "
                            "was asked for"});
}

TEST_CASE("samples from before the window are cut, and told with the age of the newest") {
  const auto c = config();
  const auto out = evidence(c, {probed({{-600, 0}, {-6, 0}, {1, 0}})}, {});
  CHECK(samples(out) == std::vector<Sample>{{at(1), false}});
  CHECK(out.faults == Lines{"2 samples of evidence.loss ignored, older than the window of 10m: the "
                            "newest of them is 10m 6s old"});
}

TEST_CASE("two series of one probe at the same time are refused with the labels that differ") {
  const auto c = config();
  const auto out = evidence(c,
                            {probed({{1, 1}, {3, 1}}, R"(job="icmp",replica="a")"),
                             probed({{2, 1}, {4, 1}}, R"(job="icmp",replica="b")")},
                            {probed({{1, 0.1}})});
  CHECK(out.series.empty());
  CHECK(out.faults == Lines{"hk-a cm beijing refused: several series of evidence.loss at the same "
                            R"(time, replica="a", replica="b")"});
}

TEST_CASE("a probe that was there twice for a while is refused for that while only") {
  const auto c = config();
  const auto out =
      evidence(c,
               {probed({{10, 0}, {20, 0}, {30, 0}, {40, 0}, {50, 0}, {60, 0}}, "replica=\"a\""),
                probed({{32, 0}, {34, 0}}, "replica=\"b\"")},
               {});
  CHECK(samples(out) ==
        std::vector<Sample>{
            {at(10), false}, {at(20), false}, {at(40), false}, {at(50), false}, {at(60), false}});
  CHECK(out.faults ==
        Lines{"hk-a cm beijing refused from 20:27:12 to 20:27:14: several series of evidence.loss "
              R"(at the same time, replica="a", replica="b")"});
}

TEST_CASE("losses whose replies are in doubt are in doubt too") {
  const auto c = config();
  const auto out = evidence(c, {probed({{10, 1}, {30, 1}, {31, 0}, {32, 1}, {60, 1}})},
                            {probed({{10, 0.1}, {30, 0.1}, {32, 0.1}, {60, 0.1}}, "phase=\"rtt\""),
                             probed({{30, 0.001}, {32, 0.001}}, "phase=\"resolve\"")});
  CHECK(samples(out) ==
        std::vector<Sample>{{at(10), true, milliseconds{100}}, {at(60), true, milliseconds{100}}});
  CHECK(out.faults.size() == 1);
}

TEST_CASE("a forgotten phase in the RTT selector is refused, not averaged") {
  const auto c = config();
  const auto out =
      evidence(c, {probed({{1, 1}})},
               {probed({{1, 0.1}}, R"(phase="rtt")"), probed({{1, 0.001}}, R"(phase="resolve")")});
  CHECK(out.series.empty());
  CHECK(out.faults == Lines{"hk-a cm beijing refused: several series of evidence.rtt at the same "
                            R"(time, phase="resolve", phase="rtt")"});
}

TEST_CASE("a probe whose labels were changed goes on as one series") {
  const auto c = config();
  const auto out =
      evidence(c, {probed({{7, 0}, {9, 0}}, "a=\"1\""), probed({{3, 0}, {5, 0}}, "b=\"1\"")}, {});
  CHECK(samples(out) ==
        std::vector<Sample>{{at(3), false}, {at(5), false}, {at(7), false}, {at(9), false}});
  CHECK(out.faults.empty());
}

TEST_CASE("series of names that are not configured are told once") {
  const auto c = config();
  const auto out = evidence(c,
                            {probed({{1, 0}}), probed({{1, 0}}, "", {"anycast", "cm", "chengdu"}),
                             probed({{1, 0}}, "", {"hk-x", "cm", "beijing"}),
                             probed({{2, 0}}, "", {"hk-a", "c\x1b[1m", "beijing"})},
                            {});
  CHECK(samples(out).size() == 1);
  CHECK(out.faults == Lines{"3 series of evidence.loss ignored, no such name is configured: "
                            R"(carrier="c?[1m", node="hk-x", region="chengdu")"});
}

TEST_CASE("a probe of the anycast address or of an anchor belongs to no node and no session") {
  auto c = config();
  c.evidence.labels.upstream = "via";
  const auto out = evidence(c,
                            {probed({{1, 1}}, "", {"anycast", "cm", "beijing", "any"}),
                             probed({{1, 0}}, "", {"anchor", "cm", "beijing", ""})},
                            {probed({{1, 0.04}}, "", {"anycast", "cm", "beijing", "any"})});
  REQUIRE(out.series.size() == 2);
  CHECK(out.series[0].key == ProbeKey{"", "", "cm", "beijing", Target::vip});
  CHECK(out.series[0].samples == std::vector<Sample>{{at(1), true, milliseconds{40}}});
  CHECK(out.series[1].key == ProbeKey{"", "", "cm", "beijing", Target::anchor});
  CHECK(out.faults.empty());
}

TEST_CASE("a node may be called anycast") {
  auto c = config();
  c.nodes["anycast"] = c.nodes["hk-a"];
  const auto out = evidence(c, {probed({{1, 0}}, "", {"anycast", "cm", "beijing"})}, {});
  REQUIRE(out.series.size() == 1);
  CHECK(out.series[0].key == ProbeKey{"anycast", "", "cm", "beijing"});
}

TEST_CASE("so many anycast addresses as there are may be pinged at the same time, no more") {
  auto c = config();
  c.prefixes = {{.prefix = *Prefix::parse("203.0.113.0/24"),
                 .origin_asn = 64500,
                 .vips = {*Address::parse("203.0.113.1"), *Address::parse("203.0.113.2")}}};
  const std::vector<std::string> vip{"anycast", "cm", "beijing"};
  std::vector<Series> loss{probed({{10, 0}, {20, 1}}, "target=\"1\"", vip),
                           probed({{11, 1}, {21, 0}}, "target=\"2\"", vip)};
  std::vector<Series> rtt{probed({{10, 0}, {20, 0.02}}, "phase=\"rtt\",target=\"1\"", vip),
                          probed({{11, 0.01}, {21, 0}}, "phase=\"rtt\",target=\"2\"", vip)};
  const auto both = evidence(c, loss, rtt);
  REQUIRE(both.series.size() == 1);
  CHECK(both.series[0].samples == std::vector<Sample>{{at(10), false},
                                                      {at(11), true, milliseconds{10}},
                                                      {at(20), true, milliseconds{20}},
                                                      {at(21), false}});
  CHECK(both.faults.empty());
  loss.push_back(probed({{12, 0}, {22, 0}}, "target=\"3\"", vip));
  const auto more = evidence(c, loss, rtt);
  CHECK(more.series.empty());
  REQUIRE(more.faults.size() == 1);
  CHECK(more.faults[0].starts_with("anycast cm beijing refused: several series"));
}

TEST_CASE("the upstream label counts only where it is configured, and may be absent") {
  auto c = config();
  c.evidence.labels.upstream = "via";
  CHECK(SampleWindow{c}.labels() == std::vector<std::string>{"node", "carrier", "region", "via"});
  const auto out = evidence(c,
                            {probed({{1, 0}}, "", {"hk-a", "cm", "beijing", "up1"}),
                             probed({{1, 0}}, "", {"hk-a", "cm", "beijing", ""}),
                             probed({{1, 0}}, "", {"hk-a", "cm", "beijing", "up9"})},
                            {});
  REQUIRE(out.series.size() == 2);
  CHECK(out.series[0].key.upstream.empty());
  CHECK(out.series[1].key.upstream == "up1");
  CHECK(out.faults == Lines{"1 series of evidence.loss ignored, no such name is configured: "
                            R"(via="up9")"});
}

TEST_CASE("a newer part replaces what it covers and the oldest part is forgotten") {
  const auto c = config();
  SampleWindow window{c};
  window.merge({.series = {probed({{1, 0}, {30, 0}, {590, 0}})}}, {}, kOldest, kAt);
  const Time later = kAt + seconds{15};
  window.merge({.series = {probed({{590, 1}, {610, 0}})}}, {}, at(595), later);
  CHECK(samples(window.evidence(later)) ==
        std::vector<Sample>{{at(30), false}, {at(590), false}, {at(610), false}});
  window.merge({.series = {probed({{610, 0}, {611, 0}})}}, {}, at(580), later);
  CHECK(samples(window.evidence(later)) ==
        std::vector<Sample>{{at(30), false}, {at(610), false}, {at(611), false}});
}

TEST_CASE("a native histogram instead of a gauge is told") {
  const auto c = config();
  SampleWindow window{c};
  window.merge({}, {.histograms = 7}, kOldest, kAt);
  CHECK(window.evidence(kAt).faults ==
        Lines{"7 histogram samples of evidence.rtt ignored, expected a plain gauge"});
}

TEST_CASE("the longest window is kept, whichever it is") {
  auto c = config();
  c.evidence.window = minutes{2};
  c.evidence.slow_window = minutes{10};
  const auto out = evidence(c, {probed({{0, 0}, {1, 0}, {599, 0}})}, {});
  CHECK(samples(out) == std::vector<Sample>{{at(1), false}, {at(599), false}});
}
