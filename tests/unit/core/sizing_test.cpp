#include "controller/core/sizing.hpp"

#include <fmt/format.h>

#include <cmath>
#include <random>

#include "controller/core/judge.hpp"
#include "controller/core/meters.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"

using namespace anycast;
using namespace anycast::core;

namespace {

const std::vector<std::string> kPair = {"bad", "good"};

/// Two nodes with one session each to an upstream that leads to one carrier.
Config two_nodes(int probes) {
  Config config;
  config.carriers = {"mobile"};
  for (int i = 0; i < probes; ++i) config.regions.push_back(fmt::format("r{}", i));
  config.thresholds["mobile"] = {};
  config.upstreams["cmi"] = {.asn = Asn{64501}, .carries = {"mobile"}};
  for (const auto& name : kPair) {
    config.nodes[name].sessions["cmi"] = {.neighbor = *Address::parse("192.0.2.1"),
                                          .local = *Address::parse("192.0.2.2")};
  }
  return config;
}

/// The core's own meters and rules, fed with one packet of every probe a round.
class Trial {
 public:
  Trial(const Config& config, unsigned seed) : config_{config}, meters_{config}, random_{seed} {}

  /// One round with so much loss toward the node "bad"; whether its path counts as bad now.
  bool round(double loss) {
    at_ += config_.evidence.scrape;
    std::bernoulli_distribution lost{loss};
    Evidence evidence{.at = at_};
    for (const auto& node : kPair) {
      for (const auto& region : config_.regions) {
        const bool received = node != "bad" || !lost(random_);
        evidence.series.push_back(
            {.key = {.node = node, .upstream = "", .carrier = "mobile", .region = region},
             .samples = {
                 {.at = at_, .received = received, .rtt = milliseconds{received ? 50 : 0}}}});
      }
    }
    meters_.feed(evidence);
    const Seen seen{.now = at_, .evidence = Sourced<Readings>::ok(meters_.read(), at_)};
    bool bad = false;
    for (const auto& path : judge(config_, state_, seen).paths) {
      state_.paths[path.key] = path.state;
      bad = bad || (path.key.node == "bad" && path.state.verdict == Verdict::bad);
    }
    return bad;
  }

 private:
  const Config& config_;
  Meters meters_;
  std::mt19937 random_;
  State state_;
  Time at_ = test::kStart;
};

/// Mean rounds until the path is bad, after a full slow window without loss.
double rounds_until_bad(const Config& config, double loss) {
  constexpr int kTrials = 12;
  int total = 0;
  for (unsigned seed = 1; seed <= kTrials; ++seed) {
    Trial trial{config, seed};
    for (auto left = config.evidence.longest(); left > Duration{0}; left -= config.evidence.scrape)
      REQUIRE(!trial.round(0));
    do {
      ++total;
    } while (!trial.round(loss));
  }
  return total / static_cast<double>(kTrials);
}

}  // namespace

TEST_CASE("what sizing computes is what the core's own rules take, within a third") {
  for (const int probes : {3, 6}) {
    const auto config = two_nodes(probes);
    const auto& thresholds = config.thresholds.at("mobile");
    const auto losses = sizing_losses(thresholds);
    const auto row = sizing(thresholds, config.evidence, probes, config.evidence.scrape);
    for (std::size_t i = 1; i < losses.size(); ++i) {
      const auto computed = to_seconds(row.seen.at(i).value());
      const auto found =
          rounds_until_bad(config, to_ratio(losses[i])) * to_seconds(config.evidence.scrape);
      INFO(probes << " probes, loss " << print_share(losses[i]) << ": computed " << computed
                  << " s, found " << found << " s");
      CHECK(std::abs(computed - found) <= computed / 3);
    }
  }
}

TEST_CASE("one probe at 15 s needs most of an hour for what three at 1 s prove in minutes") {
  const Thresholds thresholds;
  const auto slow = sizing(thresholds, {}, 1, seconds{15});
  const auto fast = sizing(thresholds, {}, 3, seconds{1});
  CHECK(slow.smallest == 25'000);
  CHECK(fast.smallest == 555);
  CHECK(slow.clear == seconds{15} * 268);
  CHECK(fast.clear == seconds{90});
}

TEST_CASE("a loss that is nearer to clear than to bad is never seen for sure") {
  Thresholds thresholds;
  thresholds.loss = {.warn = 200'000, .bad = 500'000, .clear = 100'000};
  const auto losses = sizing_losses(thresholds);
  CHECK(losses == std::vector<Ppm>{100'000, 300'000, 500'000, 1'000'000});
  const auto row = sizing(thresholds, {}, 3, seconds{1});
  CHECK(!row.seen.at(0));
  CHECK(row.seen.at(3));
}
