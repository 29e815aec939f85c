#include "controller/app/plots.hpp"

#include <nlohmann/json.hpp>

#include "controller/app/report_series.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/app/published_builder.hpp"

using namespace anycast;

namespace {

const Time kBegin = begin_of_span(testing::noon(), kPlotSpan);
const PlotKey kMobile = {.node = "hk-idc-1", .carrier = "mobile"};

Sample reply(Duration after, int ms, Duration half = {}) {
  return {.at = kBegin + after, .received = true, .rtt = milliseconds{ms}, .half = half};
}
Sample loss(Duration after) { return {.at = kBegin + after, .received = false}; }

ProbeSeries series(const std::string& region, std::vector<Sample> samples) {
  return {{.node = "hk-idc-1", .upstream = "", .carrier = "mobile", .region = region},
          std::move(samples)};
}

/// The whole span from kBegin on, and what lies before it so that it counts as whole.
std::vector<Sample> after_a_minute_before(std::vector<Sample> samples) {
  samples.insert(samples.begin(), reply(-minutes{1}, 40));
  return samples;
}

Evidence evidence(Duration until, std::vector<ProbeSeries> all) {
  return {.at = kBegin + until, .series = std::move(all)};
}

}  // namespace

TEST_CASE("a span is summed up once it is over, from the replies of all regions") {
  Plots plots;
  std::vector<Sample> samples;
  for (int i = 0; i <= 10; ++i) samples.push_back(reply(seconds{10 * i}, 100 + 10 * i));
  samples.push_back(loss(seconds{120}));
  plots.feed(evidence(minutes{5}, {series("beijing", after_a_minute_before(samples)),
                                   series("shenzhen", {loss(seconds{30})})}));
  CHECK(plots.closed().empty());  // a sample may be late
  plots.feed(evidence(minutes{6}, {}));
  CHECK(plots.closed() == std::vector<PlotRecord>{{kMobile,
                                                   {.at = kBegin,
                                                    .sent = 13,
                                                    .lost = 2,
                                                    .p10 = milliseconds{110},
                                                    .median = milliseconds{150},
                                                    .p90 = milliseconds{190},
                                                    // ten steps of 10 ms, and one from 40 to 100
                                                    .jitter = Duration{160'000 / 11}}}});
  CHECK(plots.closed().empty());
}

TEST_CASE("what comes again, late, partial or from elsewhere changes no point") {
  Plots plots;
  const auto whole = after_a_minute_before({reply(seconds{1}, 50), reply(seconds{2}, 50)});
  plots.feed(evidence(seconds{2}, {series("beijing", whole)}));
  plots.feed(evidence(seconds{3}, {series("beijing", whole)}));
  auto partial = evidence(seconds{4}, {series("beijing", {loss(seconds{4})})});
  partial.partial = true;
  plots.feed(partial);
  auto vip = series("beijing", {loss(seconds{5})});
  vip.key.target = Target::vip;
  plots.feed(evidence(minutes{6}, {vip}));
  const auto points = plots.closed();
  REQUIRE(points.size() == 1);
  CHECK(points[0].point.sent == 2);
  plots.feed(evidence(minutes{7}, {series("chengdu", {loss(seconds{9})})}));
  CHECK(plots.closed().empty());
}

TEST_CASE("a span of which the begin is missing is no point") {
  Plots plots;
  plots.feed(
      evidence(minutes{12}, {series("beijing", {reply(minutes{1}, 50), reply(minutes{6}, 60)})}));
  const auto points = plots.closed();
  REQUIRE(points.size() == 1);
  CHECK(points[0].point.at == kBegin + kPlotSpan);
}

TEST_CASE("without replies in a known order there is no jitter, without replies no delay") {
  Plots plots;
  plots.feed(evidence(minutes{12},
                      {series("beijing", after_a_minute_before({reply(seconds{1}, 50, seconds{1}),
                                                                reply(seconds{2}, 90, seconds{1}),
                                                                loss(minutes{6})}))}));
  const auto points = plots.closed();
  REQUIRE(points.size() == 2);
  CHECK(points[0].point.jitter == Duration{0});
  CHECK(points[0].point.median == milliseconds{50});
  CHECK(points[1].point == PlotPoint{.at = kBegin + kPlotSpan, .sent = 1, .lost = 1});
}

TEST_CASE("a day of twelve lines is a report of less than 300 kB") {
  const auto p = testing::evening();
  PlotHistory history{.from = kBegin - hours{24}, .until = kBegin, .span = kPlotSpan};
  for (const char* node : {"hk-ali-1", "hk-aws-1", "hk-idc-1", "hk-tx-1"}) {
    for (const char* carrier : {"mobile", "telecom", "unicom"}) {
      for (int i = 0; i < 288; ++i) {
        history.points.push_back({{.node = node, .carrier = carrier},
                                  {.at = history.from + i * kPlotSpan,
                                   .sent = 180,
                                   .lost = 12,
                                   .p10 = Duration{198'251},
                                   .median = Duration{231'349},
                                   .p90 = Duration{244'350},
                                   .jitter = Duration{38'000}}});
      }
    }
  }
  history.limits = limits_of(*p.config, history.from);
  const auto report = report::series(p, history,
                                     {{.row = 3,
                                       .at = kBegin - hours{1},
                                       .event = {.kind = "step-prepend",
                                                 .priority = 5,
                                                 .text = "prepended 2 on cmi",
                                                 .upstream = "cmi",
                                                 .decision = 1841}}});
  CHECK(report.at("kind") == "Series");
  CHECK(report.at("lines").size() == 12);
  CHECK(report.at("lines").at(11).at("node") == "hk-tx-1");
  CHECK(report.at("lines").at(0).at("points").at(287).dump() == "[287,180,12,1983,2313,2444,380]");
  CHECK(report.at("limits").at(2).at("rtt_bad_seconds") == 0.18);
  CHECK(report.at("marks").at(0).at("decision") == 1841);
  CHECK(report.dump().size() < 300'000);
}
