#include "controller/sim/pilot.hpp"

#include <fmt/format.h>

#include <iostream>
#include <set>

#include "controller/app/line.hpp"
#include "controller/sim/baselines.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::sim;

namespace {

/// Days in which few probes ping seldom, so that four meters are quickly fed.
Fixture thin(int days) {
  auto out = *calibrated_week({.seed = 3, .days = days});
  auto& config = out.setup.config;
  config.regions = {"beijing"};
  config.evidence.scrape = seconds{15};
  config.evidence.min_samples = 20;
  config.prometheus.lag = seconds{20};
  for (auto& [carrier, thresholds] : config.thresholds) thresholds.regions = 1;
  return out;
}

struct Run {
  explicit Run(int days) : fixture{thin(days)} {}

  Fixture fixture;
  Probes probes{fixture, 3};
  Pilot pilot{fixture.setup};

  template <class EachCycle>
  Figures cycles(EachCycle each) {
    return steered(fixture, 3, [&](Scene& scene) {
      probes.ping(scene.load, scene.routing.spread(), scene.tick);
      if (scene.now.time_since_epoch() % seconds{30} != Duration{0}) return;
      pilot.cycle(probes, scene.routing, scene.now);
      each(scene);
    });
  }
};

}  // namespace

TEST_CASE("four controllers with skewed clocks have the same plan for the same evidence") {
  Run run{4};
  const std::vector<Duration> ahead = {seconds{0}, seconds{5}, seconds{-5}, milliseconds{800}};
  for (std::size_t i = 0; i < ahead.size(); ++i) run.pilot.nodes()[i].ahead = ahead[i];
  std::map<Time, std::string> plans;
  int compared = 0;
  int different = 0;
  const auto figures = run.cycles([&](const Scene& scene) {
    for (const auto& node : run.pilot.nodes()) {
      const auto at = aligned(scene.now + node.ahead, seconds{30});
      const auto known = plans.emplace(at, node.plan_hash).first;
      ++compared;
      if (known->second != node.plan_hash) ++different;
    }
  });
  std::cout << fmt::format(
      "plan hashes of 4 controllers with skewed clocks: {} ticks, {} different\n", plans.size(),
      different);
  CHECK(plans.size() >= 10'000);
  CHECK(compared >= 40'000);
  CHECK(different == 0);
  CHECK(figures.unannounced_s == 0);
}

TEST_CASE("controllers that see different things keep the floor together") {
  Run run{1};
  // One scrape in two is enough for nobody to be blind all day.
  run.fixture.setup.config.evidence.min_samples = 10;
  run.pilot = Pilot{run.fixture.setup};
  int cycle = 0;
  int differing = 0;
  const auto figures = run.cycles([&](const Scene&) {
    ++cycle;
    auto& nodes = run.pilot.nodes();
    std::set<std::string> hashes;
    for (const auto& node : nodes) hashes.insert(node.plan_hash);
    differing += hashes.size() > 1 ? 1 : 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      auto& answer = nodes[i].answer;
      // Two servers, each with every other scrape, and each node's has troubles of its own.
      answer = {.scrapes = i % 2 == 0 ? sim::Answer::Scrapes::even : sim::Answer::Scrapes::odd};
      const auto turn = (cycle / 40 + 3 * static_cast<int>(i)) % 8;
      if (turn == 0) answer.error = Error{.remedy = Remedy::wait, .text = "timed out"};
      if (turn == 1) answer.empty = true;
      if (turn == 2) answer.late = minutes{3};
      if (turn == 3) answer.fleet_unknown = true;
    }
  });
  std::cout << fmt::format(
      "controllers that see different things: {} cycles, in {} of them their plans differ; at "
      "least "
      "{} nodes announced\n",
      cycle, differing, figures.least_nodes);
  CHECK(differing > cycle / 10);
  CHECK(figures.unannounced_s == 0);
  CHECK(figures.least_nodes >= run.fixture.config().guards.min_nodes);
}
