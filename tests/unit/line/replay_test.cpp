#include "controller/sim/replay.hpp"

#include <fmt/format.h>

#include <sstream>

#include "controller/app/record.hpp"
#include "controller/base/text.hpp"
#include "controller/config/config.hpp"
#include "controller/sim/article.hpp"
#include "controller/sim/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/texts.hpp"

using namespace anycast;
using anycast::test::replaced;

namespace {

// 19:00 in Hong Kong on a Monday; from 19:06 the users of mobile suffer at one node.
const Time kFrom = *parse_utc("2026-06-01T11:00:00.000Z");
constexpr Duration kSpan = minutes{24};
constexpr Duration kTrouble = minutes{6};

class WorldSource final : public EvidenceSource {
 public:
  explicit WorldSource(const Config& config) : world_{config, 7} {
    sim::quiet_day(world_);
    world_.add({.where = {"hk-idc-1", "cmi", "mobile"},
                .from = kFrom + kTrouble,
                .to = kFrom + hours{1},
                .rtt = milliseconds{185},
                .loss = 65'000});
  }
  Result<Evidence> evidence(Time at) override {
    ++asked;
    if (fails > 0) {
      --fails;
      return fail(Remedy::wait, "prom-a timed out");
    }
    auto out = world_.evidence(at);
    if (at > kFrom + minutes{15} && !warning.empty()) {
      out.partial = true;
      out.faults = {warning};
    }
    return out;
  }
  Result<FleetView> fleet(Time) override { return FleetView{}; }

  int asked = 0;
  int fails = 0;
  std::string warning = {};

 private:
  sim::World world_;
};

const core::Setup& setup() {
  static const auto made = *sim::article();
  return made;
}

const RecordHooks kQuiet{.wait = [](Duration) {}, .progress = [](Time) {}};

std::string recorded(WorldSource& source) {
  std::ostringstream out;
  const auto done =
      record(source, setup().config, {.from = kFrom, .to = kFrom + kSpan}, out, kQuiet);
  REQUIRE(done);
  return out.str();
}
std::string recorded() {
  WorldSource source{setup().config};
  return recorded(source);
}

sim::Replayed replayed(const std::string& text, const core::Setup& with = setup()) {
  std::istringstream in{text};
  auto trace = TraceSource::open(in, "june.jsonl");
  REQUIRE(trace);
  auto out = sim::replay(with, **trace);
  INFO((out ? "" : to_string(out.error())));
  REQUIRE(out);
  return *std::move(out);
}

std::string error_of(const std::string& text) {
  std::istringstream in{text};
  auto trace = TraceSource::open(in, "june.jsonl");
  if (!trace) return to_string(trace.error());
  const auto out = (*trace)->evidence(kFrom + kSpan);
  return out ? "" : to_string(out.error());
}

}  // namespace

TEST_CASE("what is read out of a trace is what was written into it") {
  const auto text = recorded();
  std::istringstream in{text};
  const auto trace = *TraceSource::open(in, "june.jsonl");
  CHECK(trace->head() == TraceHead{.from = kFrom, .to = kFrom + kSpan, .server = "built-in world"});
  trace->serve(hours{1}, hours{1});
  WorldSource source{setup().config};
  const auto truth = *source.evidence(kFrom + kSpan);
  const auto read = *trace->evidence(kFrom + kSpan);
  REQUIRE(read.series.size() == truth.series.size());
  for (std::size_t i = 0; i < truth.series.size(); ++i) {
    std::vector<Sample> in_span;
    for (const auto& sample : truth.series[i].samples) {
      if (sample.at > kFrom) in_span.push_back(sample);
    }
    CHECK(read.series[i].key == truth.series[i].key);
    CHECK(read.series[i].samples == in_span);
  }
}

TEST_CASE("samples of histograms, warnings and other targets survive a trace") {
  const Evidence evidence{
      .at = kFrom + seconds{30},
      .series = {{.key = {"", "", "mobile", "beijing", Target::anchor},
                  .samples = {{kFrom + seconds{1}, true, milliseconds{20}}}},
                 {.key = {"hk-idc-1", "cmi", "mobile", "beijing"},
                  .samples = {{kFrom + seconds{2}, true, milliseconds{50}, milliseconds{5}},
                              {kFrom + seconds{3}, false},
                              {kFrom + seconds{9}, true, milliseconds{70}, milliseconds{7}}}}},
      .server = "prom-a",
      .faults = {"prom-a warned: \"half\""},
      .partial = true};
  std::stringstream text;
  TraceWriter writer{text, {.from = kFrom, .to = kFrom + seconds{30}, .server = "prom-a"}};
  writer.page(evidence);
  REQUIRE(writer.end());
  const auto trace = *TraceSource::open(text, "june.jsonl");
  const auto read = *trace->evidence(evidence.at);
  CHECK(read.partial);
  CHECK(read.faults == evidence.faults);
  REQUIRE(read.series.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(read.series[i].key == evidence.series[i].key);
    CHECK(read.series[i].samples == evidence.series[i].samples);
  }
}

TEST_CASE("a page that fails is tried again, and an error that stays ends the recording") {
  WorldSource source{setup().config};
  const auto whole = recorded(source);
  source.fails = 2;
  CHECK(recorded(source) == whole);
  source.fails = 3;
  std::ostringstream out;
  const auto done =
      record(source, setup().config, {.from = kFrom, .to = kFrom + kSpan}, out, kQuiet);
  REQUIRE_FALSE(done);
  CHECK(done.error().text == "prom-a timed out");
}

TEST_CASE("what is no trace, or only a part of one, is refused with its line") {
  const auto text = recorded();
  CHECK(error_of("{}") == "june.jsonl:1:1: not a trace, expected what 'anycastctl record' writes");
  CHECK(error_of("") == error_of("{}"));
  CHECK(error_of(replaced(text, "\"format\":1", "\"format\":2")) ==
        "june.jsonl:1:1: a trace of another format than 1");
  const auto lines = split(text, '\n').size() - 1;
  CHECK(error_of(replaced(text, "{\"end\":true}\n", "")) ==
        fmt::format("june.jsonl:{}:1: the trace ends in the middle", lines));
  CHECK(error_of(replaced(text, "\"of\":0", "\"of\":99")).ends_with("was not told"));
  CHECK(error_of(replaced(text, "\"rtt_us\":[", "\"rtt_us\":[-5,"))
            .ends_with("an RTT that cannot be"));
  CHECK(error_of(replaced(text, "\"step_us\":5000000", "\"step_us\":0"))
            .ends_with("samples do not ascend"));
  CHECK(error_of(replaced(text, "\"at_us\":", "\"at_us\":1")).ends_with("outside of their page"));
}

/// Played twice with the same bytes, and the same as in every build: this runs with and without
/// sanitizers.
sim::Replayed as_written(const std::string& text, const core::Setup& with, const char* name) {
  auto once = replayed(text, with);
  const auto again = replayed(text, with);
  CHECK(once.digest == again.digest);
  CHECK(once.transcript == again.transcript);

  test::same_as_golden(
      name, fmt::format("{}{} plans, digest {}\n", once.transcript, once.plans, once.digest));
  return once;
}

TEST_CASE("a replay decides the same each time and in each build") {
  CHECK(as_written(recorded(), setup(), "replay.txt").steps > 0);
}

/// Written by `anycastctl record` in tests/lab/ladder_test.py, with the lab's own configuration.
TEST_CASE("a run of the lab is replayed the same each time and in each build") {
  const auto text = test::golden("lab.trace");
  std::istringstream in{text};
  const auto head = (*TraceSource::open(in, "lab.trace"))->head();
  auto loaded = config::load({{.name = "lab.trace", .text = head.config}}, {.needs_self = false});
  REQUIRE(loaded.config);
  auto with = setup();
  with.config = *std::move(loaded.config);
  CHECK(as_written(text, with, "lab_replay.txt").steps > 0);
}

TEST_CASE("another configuration decides otherwise on the same samples") {
  const auto text = recorded();
  auto careful = setup();
  for (auto& [carrier, thresholds] : careful.config.thresholds) {
    thresholds.rtt.bad = seconds{1};
    thresholds.loss.bad = 500'000;
  }
  CHECK(replayed(text, careful).steps == 0);
}

TEST_CASE("no step is replayed on evidence that was partial") {
  WorldSource source{setup().config};
  source.warning = "prom-a warned: a store is missing";
  const auto out = replayed(recorded(source));
  for (const auto& line : split(out.transcript, '\n')) {
    if (line < "2026-06-01T11:15:15Z") continue;
    INFO(line);
    CHECK(line.find("prepended") == std::string::npos);
    CHECK(line.find("withdrew") == std::string::npos);
  }
}
