#include "controller/core/estimate.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"

using namespace anycast;
using namespace anycast::core;
using anycast::test::kStart;

namespace {

/// One sample a second; a negative RTT is a loss.
std::vector<Sample> pings(const std::vector<int>& rtts_ms) {
  std::vector<Sample> out;
  for (const int rtt : rtts_ms) {
    const auto at = kStart + seconds{static_cast<int>(out.size())};
    out.push_back({.at = at, .received = rtt >= 0, .rtt = milliseconds{std::max(rtt, 0)}});
  }
  return out;
}

}  // namespace

TEST_CASE("a lost ping has no RTT: losses never make a path look fast") {
  const auto e = estimate(pings({50, -1, 52, -1, 51}), kStart + seconds{5});
  CHECK(e.sent == 5);
  CHECK(e.lost == 2);
  CHECK(e.rtt.value == milliseconds{51});
  CHECK(e.newest_age == seconds{1});
}

TEST_CASE(
    "jitter is the mean difference of neighbouring replies, and a loss between them breaks the "
    "pair") {
  CHECK(estimate(pings({50, 60, 50}), kStart).jitter.value == milliseconds{10});
  const auto e = estimate(pings({50, -1, 90, 92}), kStart);
  CHECK(e.jitter.value == milliseconds{2});
  CHECK(!estimate(pings({50, -1, 90}), kStart).has_jitter);
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

TEST_CASE("the median's rank interval holds the median and narrows with more samples") {
  std::vector<int> few(20, 40);
  std::vector<int> many(400, 40);
  for (std::size_t i = 0; i < few.size(); ++i) few[i] += static_cast<int>(i % 10);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] += static_cast<int>(i % 10);
  const auto a = estimate(pings(few), kStart).rtt;
  const auto b = estimate(pings(many), kStart).rtt;
  CHECK(a.low <= a.value);
  CHECK(a.value <= a.high);
  CHECK(b.high - b.low <= a.high - a.low);
}

TEST_CASE("regions are pooled by counts for loss and by their median for RTT") {
  const auto one = estimate(pings(std::vector<int>(100, 40)), kStart);
  auto two = estimate(pings(std::vector<int>(100, 44)), kStart);
  const auto sick = estimate(pings(std::vector<int>(100, 900)), kStart);
  two.lost = 30;
  const auto all = pool({one, two, sick});
  CHECK(all.sent == 300);
  CHECK(all.lost == 30);
  CHECK(all.rtt.value == milliseconds{44});
  CHECK(pool({}).sent == 0);
}
