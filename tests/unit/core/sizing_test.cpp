#include "controller/core/sizing.hpp"

#include <cmath>

#include "controller/core/meter.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::core;

namespace {

/// Seconds until the alarm at each of `sizing_losses`, three packets a second.
std::vector<double> alarms(int cusum) {
  Thresholds thresholds;
  thresholds.cusum = cusum;
  std::vector<double> out;
  for (const auto& alarm : sizing(thresholds, minutes{10}, 3, seconds{1}).alarm)
    out.push_back(to_seconds(alarm.value()));
  return out;
}

bool near(const std::vector<double>& computed, const std::vector<double>& simulated) {
  for (std::size_t i = 0; i < simulated.size(); ++i) {
    if (std::abs(computed.at(i) - simulated[i]) > std::max(2.0, 0.1 * simulated[i])) return false;
  }
  return computed.size() == simulated.size();
}

}  // namespace

TEST_CASE("the computed delays are those of a simulated CUSUM") {
  // Means of simulated runs with independent losses of 3, 6, 10, 30 and 100 %.
  CHECK(near(alarms(16), {397, 116, 60, 18, 5}));
  CHECK(near(alarms(8), {194, 58, 31, 9, 3}));
}

TEST_CASE("one probe at 15 s needs most of an hour for what three at 1 s prove in minutes") {
  const Thresholds thresholds;
  const auto slow = sizing(thresholds, minutes{10}, 1, seconds{15});
  const auto fast = sizing(thresholds, minutes{10}, 3, seconds{1});
  CHECK(slow.smallest == 25'000);
  CHECK(fast.smallest == 555);
  CHECK(slow.clear == seconds{15} * 268);
  CHECK(fast.clear == seconds{90});
}

TEST_CASE("a loss that is nearer to clear than to bad never raises the alarm") {
  Thresholds thresholds;
  thresholds.loss = {.warn = 200'000, .bad = 500'000, .clear = 100'000};
  const auto losses = sizing_losses(thresholds);
  CHECK(losses == std::vector<Ppm>{100'000, 300'000, 500'000, 1'000'000});
  const auto row = sizing(thresholds, minutes{10}, 3, seconds{1});
  CHECK(!row.alarm.at(0));
  CHECK(row.alarm.at(3));
}
