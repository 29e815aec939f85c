#include "controller/sim/simulate.hpp"

#include <nlohmann/json.hpp>

#include "controller/sim/plot.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::sim;

namespace {

Fixture week(std::uint64_t seed, int days = 7) {
  return *calibrated_week({.seed = seed, .days = days});
}

bool near(double is, double wanted, double within) { return std::abs(is - wanted) <= within; }

const Simulation& one_day() {
  static const auto run = *simulate({.days = 1});
  return run;
}

}  // namespace

TEST_CASE("seed 1 of the calibrated week gives the table of the article") {
  const auto fixture = week(1);
  const auto robin = spread(fixture, round_robin(fixture));
  CHECK(near(robin.all.mean_rtt_ms(), 210.0, 1));
  CHECK(near(robin.all.mean_loss(), 0.0510, 0.0005));
  const auto single = spread(fixture, single_node(fixture));
  CHECK(near(single.all.mean_rtt_ms(), 195.0, 1));
  CHECK(near(single.all.mean_loss(), 0.0380, 0.0005));
  const auto map = spread(fixture, static_map(fixture));
  CHECK(near(map.all.mean_rtt_ms(), 109.0, 1));
  CHECK(near(map.all.mean_loss(), 0.0070, 0.0005));
  const auto best = spread(fixture, oracle(fixture));
  CHECK(near(best.all.mean_rtt_ms(), 108.9, 1));
  CHECK(near(best.all.mean_loss(), 0.0045, 0.0005));
}

TEST_CASE("the article's loop ends with nobody announcing") {
  const auto fixture = week(1, 1);
  const auto figures = steered(fixture, 1, naive(fixture, 1, {}));
  CHECK(figures.least_nodes == 0);
  CHECK(figures.unannounced_s > 23 * 3600);
}

TEST_CASE("our controllers leave nobody without an announcement and are never damped") {
  const auto& ours = one_day().row("ours");
  CHECK(ours.unannounced_s == 0);
  CHECK(ours.back_and_forth == 0);
  for (const auto& profile : ours.damping) {
    CHECK(profile.damped_s == 0);
    CHECK(profile.highest < 1'500);
  }
  CHECK(ours.answers.calm_penalty <= 1'000);
}

TEST_CASE("the same seed gives the same run") {
  CHECK(report(one_day()).dump() == report(*simulate({.days = 1})).dump());
}

TEST_CASE("another seed is another week") {
  const auto one = week(1, 1);
  const auto two = week(2, 1);
  CHECK(spread(one, round_robin(one)).all.rtt_ms != spread(two, round_robin(two)).all.rtt_ms);
}

TEST_CASE("a recorded run is the same run, and keeps every moment at which something was done") {
  Recording recording{"hk-tx-1"};
  const auto run = *simulate({.days = 1, .recording = &recording});
  CHECK(report(run) == report(one_day()));
  const auto& moments = recording.moments();
  CHECK(moments.size() == 2'880);
  std::uint64_t steps = 0;
  for (const auto& [at, event] : recording.events()) {
    if (!event.kind.starts_with("step-")) continue;
    ++steps;
    REQUIRE(moments.contains(at));
    CHECK(moments.at(at)->state.sessions.at(event.upstream).decision == event.decision);
    CHECK(recording.explanations().contains(event.decision));
  }
  CHECK(steps > 0);
  // Five minutes each, of the probes' own numbers.
  CHECK(recording.points().size() > 12 * 280);
}

TEST_CASE("a recording of any length keeps as many moments as there may be") {
  Recording recording{"hk-ali-1"};
  Published picture{.config = std::make_shared<Config>(week(1, 1).config())};
  const auto begin = *parse_utc("2026-06-01T10:00:00Z");
  for (int i = 0; i < 20'000; ++i) {
    picture.now = begin + i * seconds{30};
    if (i % 1'000 == 1) {
      CHECK(recording.save({}, picture.now,
                           {{.kind = "step-prepend", .priority = 5, .text = "prepended"}}));
    }
    recording.take(std::make_shared<Published>(picture));
  }
  const auto& moments = recording.moments();
  CHECK(moments.size() <= Recording::kMost);
  CHECK(moments.size() > Recording::kMost / 2);
  for (int i = 1; i < 20'000; i += 1'000) CHECK(moments.contains(begin + i * seconds{30}));
}

TEST_CASE("an expectation that is not met is told with the figure") {
  const auto met = parse_expectations("nobody<=0s, damped<=0");
  REQUIRE(met);
  CHECK(unmet(one_day(), *met).empty());
  const auto missed = parse_expectations("rtt<=1ms");
  REQUIRE(missed);
  const auto told = unmet(one_day(), *missed);
  REQUIRE(told.size() == 1);
  CHECK(told.front().ends_with("ms, expected rtt<=1ms"));
}

TEST_CASE("an expectation that cannot be read is refused with the word") {
  CHECK(parse_expectations("rtt<115").error().text ==
        "expectation 'rtt<115': it has no '<='; write for example rtt<=115ms");
  CHECK(parse_expectations("rt<=115").error().text ==
        "expectation 'rt<=115': no figure 'rt', there are rtt, loss, peak, updates, nobody, "
        "penalty, calm, damped, aba, regret, inflation, decided, missed, false; write for example "
        "rtt<=115ms");
  CHECK(parse_expectations("loss<=0.8ms").error().text ==
        "expectation 'loss<=0.8ms': 'loss' is in '%'; write for example rtt<=115ms");
}

TEST_CASE("a fixture that does not exist is refused with those that do") {
  CHECK(simulate({.fixture = "weak"}).error().text ==
        "unknown fixture 'weak'; there are: calibrated-week, load-feedback");
}

TEST_CASE("in a picture no text is taken for markup") {
  auto run = one_day();
  run.fixture = "<script>";
  const auto picture = plot(run, PlotFormat::html);
  CHECK(picture.find("<script>") == std::string::npos);
  CHECK(picture.find("&lt;script&gt;") != std::string::npos);
}
