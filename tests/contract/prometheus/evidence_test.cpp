// The same cases on the fake server and on a real Prometheus: what the fake pretends is true.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <regex>
#include <thread>

#include "adapters/prometheus/prometheus.hpp"
#include "controller/base/text.hpp"
#include "tests/contract/prometheus/sample_config.hpp"
#include "tests/contract/prometheus/servers.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fleet.hpp"

namespace anycast::test {

FakePrometheus::FakePrometheus(std::vector<Stored> data)
    : data_{std::move(data)}, http_{[this](const FakeRequest& r) { return answer(r); }} {}

FakeReply FakePrometheus::answer(const FakeRequest& request) const {
  static const std::regex kQuery{
      R"re((?:(\w+)|\{__name__=~"([^"]+)"(?:,job="(\w+)")?\})\[(\d+)ms\])re"};
  std::smatch match;
  const auto& query = request.form.at("query");
  if (request.path != "/api/v1/query" || !std::regex_match(query, match, kQuery)) {
    return {.status = 400, .body = R"({"status":"error","errorType":"bad_data","error":"no"})"};
  }
  const auto end = std::llround(std::stod(request.form.at("time")) * 1000);
  const auto begin = end - std::stoll(match[4]);
  const std::regex metric{match[1].matched ? match[1].str() : match[2].str()};
  const std::pair<std::string, std::string> job{"job", match[3].str()};
  std::vector<std::string> results;
  for (const auto& series : data_) {
    if (!std::regex_match(series.metric, metric)) continue;
    const bool of_job = std::ranges::find(series.labels, job) != series.labels.end();
    if (match[3].matched && !of_job) continue;
    std::vector<std::string> labels{fmt::format(R"("__name__":"{}")", series.metric)};
    for (const auto& [name, value] : series.labels)
      labels.push_back(fmt::format(R"("{}":"{}")", name, value));
    std::vector<std::string> values;
    for (const auto& [ms, value] : series.points) {
      if (ms >= begin && ms <= end)
        values.push_back(fmt::format(R"([{}.{:03},"{}"])", ms / 1000, ms % 1000, value));
    }
    if (!values.empty())
      results.push_back(fmt::format(R"({{"metric":{{{}}},"values":[{}]}})", join(labels, ","),
                                    join(values, ",")));
  }
  return {.body = fmt::format(
              R"({{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}})",
              join(results, ","))};
}

bool RealPrometheus::available() { return has_program("prometheus") && has_program("promtool"); }

RealPrometheus::RealPrometheus(const std::vector<Stored>& data) {
  std::ofstream metrics{dir_.file("data.om")};
  for (const auto& series : data) {
    std::vector<std::string> labels;
    for (const auto& [name, value] : series.labels)
      labels.push_back(fmt::format("{}=\"{}\"", name, value));
    for (const auto& [ms, value] : series.points)
      metrics << fmt::format("{}{{{}}} {} {}.{:03}\n", series.metric, join(labels, ","), value,
                             ms / 1000, ms % 1000);
  }
  metrics << "# EOF\n";
  metrics.close();
  std::ofstream{dir_.file("prometheus.yml")} << "global: {}\n";
  const auto log = dir_.file("log");
  Child load{{"promtool", "tsdb", "create-blocks-from", "openmetrics", dir_.file("data.om"),
              dir_.file("tsdb")},
             log};
  if (load.wait() != 0) throw std::runtime_error("promtool could not load the samples");
  const auto port = free_port();
  url_ = fmt::format("http://127.0.0.1:{}", port);
  server_ = std::make_unique<Child>(
      std::vector<std::string>{"prometheus", "--config.file=" + dir_.file("prometheus.yml"),
                               "--storage.tsdb.path=" + dir_.file("tsdb"),
                               "--storage.tsdb.retention.time=100y",
                               fmt::format("--web.listen-address=127.0.0.1:{}", port)},
      log);
  PrometheusSource source{sample_config("none", {url_})};
  for (int i = 0; i < 200 && !source.evidence(kAt); ++i)
    std::this_thread::sleep_for(milliseconds{50});
}

}  // namespace anycast::test

using namespace anycast;
using namespace anycast::test;

namespace {

using Points = std::vector<std::pair<std::int64_t, std::string>>;

/// Points given in seconds after kStart.
Points after_start(const Points& points) {
  Points out;
  for (const auto& [second, value] : points) out.emplace_back((kStart + second) * 1000, value);
  return out;
}

/// A packet each 5 s up to 1,200 s: every tenth lost, the others 50 ms and a millisecond more each.
Points steady(const std::string& kind) {
  Points out;
  for (std::int64_t i = 1; i <= 240; ++i) {
    const bool lost = i % 10 == 0;
    const auto rtt = lost ? std::string{"0"} : fmt::format("{}", 0.05 + 0.001 * double(i % 10));
    out.emplace_back((kStart + i * 5) * 1000 + 250, kind == "loss" ? (lost ? "0" : "1") : rtt);
  }
  return out;
}

/// smokeping_prober scraped each 5 s until 600 s, a ping a second: the tenth of each ten is lost,
/// the others take 52 ms; the exporter is restarted at 300 s. `edge` is "" for the requests.
Points counted(const std::string& edge) {
  Points out;
  std::int64_t sent = 0;
  std::int64_t came = 0;
  for (std::int64_t second = 1; second <= 600; ++second) {
    if (second == 300) sent = came = 0;
    ++sent;
    came += second % 10 == 0 ? 0 : 1;
    if (second % 5 != 0) continue;
    const bool holds = edge == "0.055" || edge == "+Inf";
    out.emplace_back((kStart + second) * 1000 + 250, std::to_string(edge.empty() ? sent
                                                                    : holds      ? came
                                                                                 : 0));
  }
  return out;
}

std::vector<Stored> data() {
  using Labels = std::vector<std::pair<std::string, std::string>>;
  const auto labels = [](std::string node, std::string region, Labels more = {}) {
    Labels out{{"carrier", "cm"}, {"node", std::move(node)}, {"region", std::move(region)}};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  };
  const auto says = [](Labels more) {
    Labels out{{"job", "anycastd"}, {"node", "hk-a"}, {"prefix", "203.0.113.0/24"}};
    out.insert(out.end(), more.begin(), more.end());
    out.emplace_back("upstream", "up1");
    return out;
  };
  const auto a = labels("hk-a", "beijing");
  const auto b = labels("hk-b", "chengdu");
  return {
      {"steady_loss", a, steady("loss")},
      {"steady_loss", b, steady("loss")},
      {"steady_loss", labels("anycast", "beijing"), steady("loss")},
      {"steady_rtt", a, steady("rtt")},
      {"steady_rtt", b, steady("rtt")},
      {"steady_rtt", labels("anycast", "beijing"), steady("rtt")},
      {"count_loss", a, counted("")},
      {"count_rtt", labels("hk-a", "beijing", {{"le", "0.05"}}), counted("0.05")},
      {"count_rtt", labels("hk-a", "beijing", {{"le", "0.055"}}), counted("0.055")},
      {"count_rtt", labels("hk-a", "beijing", {{"le", "+Inf"}}), counted("+Inf")},
      {"odd_loss", a, after_start({{10, "1"}, {20, "NaN"}, {30, "+Inf"}, {40, "1"}, {50, "0"}})},
      {"odd_rtt", a, after_start({{10, "NaN"}, {20, "0.1"}, {30, "0.1"}, {40, "0.1"}})},
      {"twice_loss", labels("hk-a", "beijing", {{"replica", "a"}}), after_start({{10, "1"}})},
      {"twice_loss", labels("hk-a", "beijing", {{"replica", "b"}}), after_start({{10, "0"}})},
      {"steady_announces", {{"node", "hk-a"}, {"upstream", "up1"}}, after_start({{590, "1"}})},
      {"steady_announces",
       {{"node", "hk-a"}, {"upstream", "up2"}},
       after_start({{580, "1"}, {595, "0"}})},
      {"steady_announces", {{"node", "hk-b"}, {"upstream", "up1"}}, after_start({{530, "1"}})},
      {"anycast_announces", says({{"stance", "announce"}}), after_start({{575, "1"}})},
      {"anycast_announces", says({{"stance", "announce;cm=prepend_to:2"}}),
       after_start({{580, "1"}, {590, "1"}})},
      {"anycast_announces", {{"job", "other"}, {"node", "hk-b"}}, after_start({{590, "1"}})},
      {"anycast_damping_penalty",
       {{"job", "anycastd"}, {"node", "hk-a"}, {"prefix", "203.0.113.0/24"}},
       after_start({{580, "1000"}, {590, "870"}})},
      {"anycast_last_change_timestamp_seconds",
       {{"job", "anycastd"}, {"node", "hk-a"}},
       after_start({{590, "1700000500"}})},
      {"anycast_plan_info",
       {{"hash", "9d0c1b2"}, {"job", "anycastd"}, {"node", "hk-a"}},
       after_start({{590, "1"}})},
      {"anycast_prepends", says({}), after_start({{590, "1"}})},
  };
}

struct Subject {
  std::string name;
  std::string url;
};

/// Both servers, started once.
const std::vector<Subject>& subjects() {
  static const FakePrometheus fake{data()};
  static const auto real =
      RealPrometheus::available() ? std::make_unique<RealPrometheus>(data()) : nullptr;
  static const std::vector<Subject> all = [] {
    std::vector<Subject> out{{"fake", fake.url()}};
    if (real) out.push_back({"real", real->url()});
    return out;
  }();
  return all;
}

Evidence get(PrometheusSource& source, Time at) {
  auto evidence = source.evidence(at);
  INFO((evidence ? "" : evidence.error().text));
  REQUIRE(evidence);
  return std::move(*evidence);
}

/// What a fresh source says about the same window.
void check_same(const Evidence& evidence, const Subject& subject, const std::string& prefix) {
  PrometheusSource fresh{sample_config(prefix, {subject.url})};
  const auto whole = get(fresh, evidence.at);
  REQUIRE(evidence.series.size() == whole.series.size());
  for (std::size_t i = 0; i < whole.series.size(); ++i) {
    CHECK(evidence.series[i].key == whole.series[i].key);
    CHECK(evidence.series[i].samples == whole.series[i].samples);
  }
  CHECK(evidence.faults == whole.faults);
}

}  // namespace

TEST_CASE("the contract runs on a real Prometheus too") {
  if (RealPrometheus::available()) return;
  if (std::getenv("CI") != nullptr) FAIL("prometheus and promtool are not installed");
  WARN("SKIP: prometheus and promtool are not installed, only the fake was tried");
}

TEST_CASE("a window comes as samples of their own time, losses without RTT") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    PrometheusSource source{sample_config("steady", {subject.url})};
    const auto evidence = get(source, kAt);
    CHECK(evidence.server == subject.url);
    CHECK(evidence.faults.empty());
    CHECK_FALSE(evidence.partial);
    REQUIRE(evidence.series.size() == 3);
    // Pings of the anycast address belong to no node.
    CHECK(evidence.series[0].key == ProbeKey{"", "", "cm", "beijing", Target::vip});
    CHECK(evidence.series[1].key ==
          ProbeKey{.node = "hk-a", .upstream = "", .carrier = "cm", .region = "beijing"});
    const auto& samples = evidence.series[1].samples;
    CHECK(evidence.series[0].samples == samples);
    REQUIRE(samples.size() == 119);
    const Time first{seconds{kStart + 5} + milliseconds{250}};
    CHECK(samples[0] == Sample{first, true, milliseconds{51}});
    CHECK(samples[9] == Sample{first + seconds{45}, false});
    CHECK(samples[118] == Sample{first + seconds{590}, true, milliseconds{59}});
  }
}

TEST_CASE("after the first window only the newest part is fetched, with the same result") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    PrometheusSource source{sample_config("steady", {subject.url})};
    get(source, kAt);
    CHECK(source.fetched() == 6 * 119);
    for (int cycle = 1; cycle <= 4; ++cycle) {
      const auto evidence = get(source, kAt + cycle * seconds{15});
      CHECK(source.fetched() == 6 * 5);
      check_same(evidence, subject, "steady");
    }
  }
}

TEST_CASE("a jump backwards and a gap longer than the window fetch the whole window") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    PrometheusSource source{sample_config("steady", {subject.url})};
    get(source, kAt);
    auto evidence = get(source, kAt - seconds{60});
    CHECK(source.fetched() == 6 * 107);
    check_same(evidence, subject, "steady");
    evidence = get(source, kAt + seconds{560});
    CHECK(source.fetched() == 6 * 120);
    check_same(evidence, subject, "steady");
  }
}

TEST_CASE("after an error the whole window is fetched") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    const TempDir dir;
    std::ofstream{dir.file("token")} << "t";
    auto config = sample_config("steady", {subject.url});
    config.prometheus.bearer_token_file = dir.file("token");
    PrometheusSource source{config};
    get(source, kAt);
    std::filesystem::remove(dir.file("token"));
    CHECK_FALSE(source.evidence(kAt + seconds{15}));
    CHECK(source.fetched() == 0);
    std::ofstream{dir.file("token")} << "t";
    get(source, kAt + seconds{30});
    CHECK(source.fetched() == 6 * 120);
  }
}

TEST_CASE("values that cannot be are dropped and told") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    PrometheusSource source{sample_config("odd", {subject.url})};
    const auto evidence = get(source, kAt);
    REQUIRE(evidence.series.size() == 1);
    const Time start{seconds{kStart}};
    CHECK(evidence.series[0].samples ==
          std::vector<Sample>{{start + seconds{40}, true, milliseconds{100}},
                              {start + seconds{50}, false}});
    CHECK(evidence.faults ==
          std::vector<std::string>{"2 samples dropped, first hk-a cm beijing at 22:13:40: "
                                   "evidence.loss is neither 0 nor 1",
                                   "1 sample dropped, first hk-a cm beijing at 22:13:30: received, "
                                   "but evidence.rtt is not between 0 and 60 seconds"});
  }
}

TEST_CASE("two replicas of one probe are refused") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    PrometheusSource source{sample_config("twice", {subject.url})};
    const auto evidence = get(source, kAt);
    CHECK(evidence.series.empty());
    CHECK(evidence.faults == std::vector<std::string>{
                                 "hk-a cm beijing refused: several series of evidence.loss at the "
                                 R"(same time, replica="a", replica="b")"});
  }
}

TEST_CASE("no series is no data and no error") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    PrometheusSource source{sample_config("absent", {subject.url})};
    const auto evidence = get(source, kAt);
    CHECK(evidence.series.empty());
    CHECK(evidence.faults.empty());
    CHECK_FALSE(evidence.partial);
    CHECK(source.fleet(kAt) == FleetView{});
  }
}

TEST_CASE("the fleet says what it announces, and an old word counts as none") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    PrometheusSource source{sample_config("steady", {subject.url})};
    CHECK(source.fleet(kAt) == FleetView{{"hk-a", announcing({"up1"})}});
    CHECK(source.fleet(kAt - seconds{12}) ==
          FleetView{{"hk-a", announcing({"up2"})}, {"hk-b", announcing({"up1"})}});
  }
}

TEST_CASE("one query reads all that the nodes say about themselves") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    auto config = sample_config("steady", {subject.url});
    config.fleet.announcements = R"(anycast_announces{job="anycastd"})";
    PrometheusSource source{config};
    const NodeView expected{
        .stances = {{"up1", {.asks = {{"cm", {.verb = Verb::prepend_to, .count = 2}}}}}},
        .penalty = {{"203.0.113.0/24", 870}},
        .last_change = Time{seconds{kStart + 500}},
        .plan_hash = "9d0c1b2"};
    CHECK(source.fleet(kAt) == FleetView{{"hk-a", expected}});
  }
}

TEST_CASE("a selector that the server refuses is told in the server's words") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    PrometheusSource source{sample_config("sum(x) - ", {subject.url})};
    const auto evidence = source.evidence(kAt);
    REQUIRE_FALSE(evidence);
    CHECK(evidence.error().remedy == Remedy::look_at_peer);
    CHECK(evidence.error().text.find(" answered 400, bad_data: ") != std::string::npos);
  }
}

TEST_CASE("counters and buckets come as samples, and a restart of the exporter as a gap") {
  for (const auto& subject : subjects()) {
    INFO(subject.name);
    auto config = sample_config("count", {subject.url});
    config.evidence.source = Exporter::smokeping;
    PrometheusSource source{config};
    const auto evidence = get(source, kAt + seconds{5});
    CHECK(evidence.faults.empty());
    REQUIRE(evidence.series.size() == 1);
    const auto& samples = evidence.series[0].samples;
    const auto lost = std::ranges::count(samples, false, &Sample::received);
    // From 5 s to 295 s and from 305 s (at 300 s nobody can know how old the total is) to 600 s; of
    // the losses in each stretch two may have been under way.
    CHECK(samples.size() - static_cast<std::size_t>(lost) == 261 + 265);
    CHECK(lost == 27 + 28);
    const Time first{seconds{kStart + 5} + milliseconds{250}};
    CHECK(samples.front() ==
          Sample{first + Duration{1'250'000}, true, Duration{52'501}, Duration{2'500}});
    const auto restarted = first + seconds{295};
    CHECK(std::ranges::none_of(samples, [&](const Sample& sample) {
      return sample.at > restarted - seconds{5} && sample.at <= restarted + seconds{5};
    }));
  }
}
