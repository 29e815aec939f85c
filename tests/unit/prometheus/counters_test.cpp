#include "adapters/prometheus/counters.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <functional>

#include "controller/model/buckets.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/prometheus/series.hpp"

using namespace anycast;
using anycast::prometheus::Bucket;
using anycast::prometheus::count_up;
using anycast::prometheus::Counted;
using anycast::prometheus::Point;
using anycast::prometheus::testing::at;
using anycast::prometheus::testing::kStart;

namespace {

/// Scrapes each 5 s from 0 on: requests, replies up to 100 ms, replies.
struct Scrapes {
  std::vector<Point> sent = {};
  std::vector<Bucket> buckets = {{milliseconds{100}}, {Duration::max()}};

  Scrapes& add(std::int64_t second, double requests, double fast, double all) {
    const auto ms = kStart + second * 1000;
    sent.push_back({ms, requests});
    buckets[0].points.push_back({ms, fast});
    buckets[1].points.push_back({ms, all});
    return *this;
  }
  Counted read() const { return count_up(sent, buckets, EvidenceConfig{}); }
};

std::int64_t lost(const Counted& counted) {
  return std::ranges::count(counted.samples, false, &Sample::received);
}

/// What happens to one prober: pings each second, each answered or not; restarts and scrapes.
struct Second {
  bool answered;
  int rtt_ms;
  bool restarts;
  bool scraped;
};

rc::Gen<std::vector<Second>> any_prober() {
  return rc::gen::container<std::vector<Second>>(
      rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 10), rc::gen::inRange(1, 990),
                                  rc::gen::inRange(0, 40), rc::gen::inRange(0, 12)),
                   [](const auto& drawn) {
                     const auto& [answered, rtt, restarts, scraped] = drawn;
                     return Second{answered != 0, rtt, restarts == 0, scraped != 0};
                   }));
}

/// The counters that a Prometheus sees who scrapes each 5 s at half past, unless a scrape fails.
Scrapes scrapes_of(const std::vector<Second>& prober, bool restarts) {
  Scrapes out;
  std::int64_t sent = 0;
  std::int64_t came = 0;
  std::int64_t fast = 0;
  bool late = false;
  for (std::size_t i = 0; i < prober.size(); ++i) {
    const auto& now = prober[i];
    came += late ? 1 : 0;
    if (restarts && now.restarts) sent = came = fast = 0;
    ++sent;
    const bool in_time = now.answered && now.rtt_ms <= 500;
    late = now.answered && !in_time;
    came += in_time ? 1 : 0;
    fast += in_time && now.rtt_ms <= 100 ? 1 : 0;
    if (i % 5 == 4 && now.scraped) {
      out.add(static_cast<std::int64_t>(i), static_cast<double>(sent), static_cast<double>(fast),
              static_cast<double>(came));
    }
  }
  return out;
}

}  // namespace

TEST_CASE("replies lie in the middle of their bucket, losses behind them as one run") {
  const auto out = Scrapes{}.add(0, 100, 90, 98).add(5, 105, 91, 101).add(10, 110, 91, 101).read();
  const auto reply = [](double second, Duration rtt, Duration half) {
    return Sample{at(second), true, rtt, half};
  };
  const Duration fast{50'001};
  const Duration slow = milliseconds{30'050};
  CHECK(out.samples ==
        std::vector<Sample>{reply(5.0 / 3, fast, milliseconds{50}),
                            reply(10.0 / 3, slow + Duration{1}, milliseconds{29'950}),
                            reply(5, slow + Duration{1}, milliseconds{29'950}),
                            {at(6), false},
                            {at(7), false},
                            {at(8), false},
                            {at(9), false},
                            {at(10), false}});
}

TEST_CASE("a packet under way at a scrape is no loss") {
  Scrapes scrapes;
  // Now one, now none is under way.
  for (int i = 0; i < 20; ++i) {
    const double sent = 100 + 5 * i;
    const double came = sent - (i % 3 == 0 ? 0 : 1);
    scrapes.add(5 * i, sent, came, came);
  }
  CHECK(lost(scrapes.read()) == 0);
}

TEST_CASE("a counter that fell, a long gap and a total that may be new end a stretch") {
  CHECK(Scrapes{}.add(0, 900, 800, 800).add(5, 3, 2, 2).read().samples.empty());
  CHECK(Scrapes{}.add(0, 900, 800, 800).add(20, 920, 800, 800).read().samples.empty());
  CHECK(Scrapes{}.add(0, 1, 1, 1).add(5, 6, 1, 1).read().samples.empty());
  // Only the buckets were reset, or only the requests.
  CHECK(Scrapes{}.add(0, 900, 800, 800).add(5, 905, 1, 2).read().samples.empty());
}

TEST_CASE("what cannot be is told and no sample") {
  const auto odd = Scrapes{}
                       .add(0, 100, 90, 90)
                       .add(5, 105.5, 90, 90)
                       .add(10, 110, 91, 90)
                       .add(15, 115, -1, 90)
                       .read();
  CHECK(odd.samples.empty());
  CHECK(odd.no_count.size() == 3);
  auto holes = Scrapes{}.add(0, 100, 90, 90).add(5, 105, 95, 95);
  holes.buckets[0].points.pop_back();
  CHECK(holes.read().no_buckets.size() == 1);
  holes.buckets.pop_back();
  CHECK(holes.read().no_buckets.size() == 2);
  const auto flood = Scrapes{}.add(0, 100, 90, 90).add(5, 1e9, 1e9 - 10, 1e9 - 10).read();
  CHECK(flood.samples.empty());
  CHECK(flood.too_many.size() == 1);
}

TEST_CASE("a reset never creates loss, nor do packets under way, for any prober") {
  CHECK(rc::check("no packet is lost", [] {
    auto prober = *any_prober();
    for (auto& second : prober) second.answered = true;
    const auto out = scrapes_of(prober, true).read();
    RC_ASSERT(lost(out) == 0);
    RC_ASSERT(out.no_count.empty());
  }));
  CHECK(rc::check("some are", [] {
    const auto prober = *any_prober();
    const auto truth = std::ranges::count(prober, false, &Second::answered);
    const auto out = scrapes_of(prober, true).read();
    RC_ASSERT(lost(out) <= truth);
    RC_ASSERT(std::ranges::is_sorted(out.samples, std::less_equal{}, &Sample::at));
  }));
}

TEST_CASE("without a restart nearly every loss is told") {
  CHECK(rc::check([] {
    auto prober = *any_prober();
    for (auto& second : prober) second.scraped = true;
    const auto scrapes = scrapes_of(prober, false);
    RC_PRE(scrapes.sent.size() > 1);
    const auto& all = scrapes.buckets.back().points;
    const auto truth = (scrapes.sent.back().value - all.back().value) -
                       (scrapes.sent.front().value - all.front().value);
    const auto told = static_cast<double>(lost(scrapes.read()));
    RC_ASSERT(told >= truth - 2);
    RC_ASSERT(told <= std::max(0.0, truth));
  }));
}

TEST_CASE("buckets must let a median be proven bad and proven clear") {
  const Levels<Duration> levels{milliseconds{140}, milliseconds{200}, milliseconds{160}};
  const auto edges = [](std::vector<int> ms) {
    std::vector<Duration> out;
    for (const int edge : ms) out.emplace_back(milliseconds{edge});
    return out;
  };
  CHECK(buckets_blur(edges({120, 160, 200, 240}), levels).empty());
  CHECK(buckets_blur(edges({100, 150, 225, 300}), levels).empty());
  CHECK(buckets_blur(edges({51, 102, 205, 410}), levels) ==
        "cannot tell 'bad' (200ms) from 'clear' (160ms): bad is proven above 205ms, clear below "
        "102ms");
  CHECK(buckets_blur(edges({150, 190}), levels) ==
        "cannot tell 'bad' (200ms) from 'clear' (160ms): nothing is proven bad, clear below 150ms");
  CHECK(buckets_blur(edges({200, 210}), levels) ==
        "cannot tell 'bad' (200ms) from 'clear' (160ms): bad is proven above 200ms, nothing is "
        "proven clear");
}
