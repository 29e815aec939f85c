#include "controller/core/estimate.hpp"

#include <cmath>

#include "controller/core/meters.hpp"
#include "controller/core/rounded.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"

using namespace anycast;
using namespace anycast::core;
using anycast::test::kStart;

namespace {

const ProbeKey kProbe{"hk-idc-1", "", "mobile", "beijing"};

/// One sample a second, the last at `kStart`; a negative RTT is a loss.
Evidence pings(const std::vector<int>& rtts_ms) {
  Evidence out{.at = kStart, .series = {{.key = kProbe}}};
  auto at = kStart - seconds{rtts_ms.size()};
  for (const int rtt : rtts_ms) {
    at += seconds{1};
    out.series[0].samples.push_back(
        {.at = at, .received = rtt >= 0, .rtt = milliseconds{std::max(rtt, 0)}});
  }
  return out;
}

ProbeReading reading(const std::vector<int>& rtts_ms) {
  return read(sim::article()->config, pings(rtts_ms)).probes.at(0);
}

Estimate estimate(const std::vector<int>& rtts_ms) { return reading(rtts_ms).main; }

/// `cycles` times `replies` replies and `losses` losses.
std::vector<int> bursts(int cycles, int replies, int losses) {
  std::vector<int> out;
  for (int i = 0; i < cycles; ++i) {
    out.insert(out.end(), static_cast<std::size_t>(replies), 50);
    out.insert(out.end(), static_cast<std::size_t>(losses), -1);
  }
  return out;
}

}  // namespace

TEST_CASE("a lost ping has no RTT: losses never make a path look fast") {
  auto evidence = pings({50, -1, 52, -1, 51});
  evidence.at += seconds{1};
  const auto e = read(sim::article()->config, evidence).probes.at(0).main;
  CHECK(e.sent == 5);
  CHECK(e.lost == 2);
  CHECK(e.rtt.value == milliseconds{51});
  CHECK(e.newest_age == seconds{1});
}

TEST_CASE(
    "jitter is the mean difference of neighbouring replies, and a loss between them breaks the "
    "pair") {
  CHECK(estimate({50, 60, 50}).jitter.value == milliseconds{10});
  const auto e = estimate({50, -1, 90, 92});
  CHECK(e.jitter.value == milliseconds{2});
  CHECK(!estimate({50, -1, 90}).has_jitter);
}

TEST_CASE("losses in a row are counted as runs") {
  const auto e = estimate({-1, -1, 50, -1, 50, 50, -1, -1, -1});
  CHECK(e.lost == 6);
  CHECK(e.runs == 3);
  CHECK(e.longest_run == 3);
}

TEST_CASE("a run that the window cuts counts with what is left of it") {
  auto rtts = std::vector<int>(90, -1);
  rtts.insert(rtts.end(), 30, 50);
  const auto r = reading(rtts);
  CHECK(r.fast.lost == 30);
  CHECK(r.fast.runs == 1);
  CHECK(r.fast.longest_run == 30);
  CHECK(r.main.longest_run == 90);
}

TEST_CASE("loss has Wilson's bounds") {
  // One-sided 95 %: z = 1.645. The closed form for n = 100.
  CHECK(loss_interval(0, 100).low == 0);
  CHECK(loss_interval(0, 100).high == 26'347);
  CHECK(loss_interval(100, 100).high == kAll);
  CHECK(loss_interval(3, 100).value == 30'000);
  CHECK(loss_interval(3, 100).low == 12'051);
  CHECK(loss_interval(3, 100).high == 72'716);
}

TEST_CASE("losses in bursts of four prove as much as a quarter of them alone") {
  const auto once = loss_interval(3, 100);
  CHECK(loss_interval(12, 400, 4 * kAll) == once);
  CHECK(loss_interval(12, 400).low > once.low);
}

TEST_CASE("single losses far apart are independent, bursts are over-dispersed by their length") {
  CHECK(estimate(bursts(6, 99, 1)).phi == kAll);
  // Runs of 5, each within one block of 10 s: 5 lost there and none in its neighbours.
  auto inside = bursts(6, 95, 5);
  inside.insert(inside.end(), 3, 50);
  CHECK(estimate(inside).phi == 5 * kAll);
}

TEST_CASE("a change of the level of loss is no burst") {
  auto rtts = std::vector<int>(300, 50);
  // Every fourth is lost from here on: 2 or 3 in a block of 10.
  const auto bad = bursts(75, 3, 1);
  rtts.insert(rtts.end(), bad.begin(), bad.end());
  CHECK(estimate(rtts).phi == kAll);
}

TEST_CASE("the median's rank interval holds the median and narrows with more samples") {
  std::vector<int> few(20, 40);
  std::vector<int> many(400, 40);
  for (std::size_t i = 0; i < few.size(); ++i) few[i] += static_cast<int>(i % 10);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] += static_cast<int>(i % 10);
  const auto a = estimate(few).rtt;
  const auto b = estimate(many).rtt;
  CHECK(a.low <= a.value);
  CHECK(a.value <= a.high);
  CHECK(b.high - b.low < a.high - a.low);
}

TEST_CASE("halves are rounded away from zero, and nothing else is") {
  for (const double value : {0.0, 0.5, 1.5, 2.4999999999999996, 0.49999999999999994, -0.5, -1.2,
                             -2.5, 4503599627370495.5, 9007199254740993.0}) {
    CAPTURE(value);
    CHECK(rounded(value) == std::llround(value));
  }
}

TEST_CASE("the three windows end at the same time") {
  auto rtts = std::vector<int>(1200, 90);
  rtts.insert(rtts.end(), 560, 70);
  rtts.insert(rtts.end(), 40, 50);
  const auto r = reading(rtts);
  CHECK(r.fast.sent == 60);
  CHECK(r.main.sent == 600);
  CHECK(r.slow.sent == 1800);
  CHECK(r.fast.rtt.value == milliseconds{50});
  CHECK(r.main.rtt.value == milliseconds{70});
  CHECK(r.slow.rtt.value == milliseconds{90});
}

TEST_CASE("regions are pooled by counts for loss and by their median for RTT") {
  const auto one = estimate(std::vector<int>(100, 40));
  auto two = estimate(std::vector<int>(100, 44));
  const auto sick = estimate(std::vector<int>(100, 900));
  two.lost = 30;
  two.phi = 3 * kAll;
  const std::vector<const Estimate*> regions{&one, &two, &sick};
  const auto all = pool(regions);
  CHECK(all.sent == 300);
  CHECK(all.lost == 30);
  CHECK(all.phi == 3 * kAll);
  CHECK(all.loss == loss_interval(30, 300, 3 * kAll));
  CHECK(all.rtt.value == milliseconds{44});
  CHECK(pool({}).sent == 0);
}

TEST_CASE("the CUSUM rises with losses, falls with replies and stays within its clamps") {
  // Clear 1 %, bad 3 %: ln 3 a loss, 0.0204 a reply.
  CHECK(reading(std::vector<int>(500, 50)).cusum == 0);
  CHECK(reading({50, 50, -1}).cusum == 1'098'612);
  CHECK(reading({50, -1, 50}).cusum == 1'098'612 - 20'409);
  // A loss right after a loss weighs a fifth.
  CHECK(reading({50, -1, -1}).cusum == 1'098'612 + 219'722);
  CHECK(reading(std::vector<int>(500, -1)).cusum == 16'000'000);
  auto over = std::vector<int>(500, -1);
  over.insert(over.end(), 800, 50);
  CHECK(reading(over).cusum == 0);
}

TEST_CASE("a region with more than half of the users is the middle one") {
  const auto region = [](int ms) {
    Estimate e{.sent = 10, .rtt = {milliseconds{ms}, milliseconds{ms - 1}, milliseconds{ms + 1}}};
    e.has_rtt = true;
    return e;
  };
  const auto a = region(300);
  const auto b = region(100);
  const auto c = region(200);
  const std::vector<const Estimate*> all = {&a, &b, &c};
  const auto middle = [&](std::vector<Ppm> weights) { return pool(all, weights).rtt.value; };
  CHECK(pool(all).rtt.value == milliseconds{200});
  CHECK(middle({1, 1, 1}) == milliseconds{200});
  CHECK(middle({600'000, 200'000, 200'000}) == milliseconds{300});
  CHECK(middle({200'000, 500'000, 300'000}) == milliseconds{100});
  CHECK(pool(all, std::vector<Ppm>{600'000, 200'000, 200'000}).rtt.high == milliseconds{301});
}

TEST_CASE("replies of a histogram widen the median by their bucket and have no jitter") {
  auto evidence = pings(std::vector<int>(100, 105));
  for (auto& sample : evidence.series[0].samples) sample.half = milliseconds{5};
  const auto e = read(sim::article()->config, evidence).probes.at(0).main;
  CHECK(e.rtt == Bounded<Duration>{milliseconds{105}, milliseconds{100}, milliseconds{110}});
  CHECK_FALSE(e.has_jitter);
}
