#include "controller/core/meters.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "controller/core/estimate.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"

using namespace anycast;
using anycast::test::kStart;

namespace {

/// Short windows, so that a short history fills and empties them.
Config config() {
  auto out = sim::article()->config;
  out.evidence.fast_window = seconds{20};
  out.evidence.window = seconds{60};
  out.evidence.slow_window = minutes{3};
  return out;
}

/// The definition, sample by sample over the window, as slowly as it likes.
Estimate by_definition(const std::vector<Sample>& samples, Time at, Duration span, Ppm phi) {
  std::vector<Sample> in;
  for (const auto& sample : samples) {
    if (sample.at > at - span && sample.at <= at) in.push_back(sample);
  }
  Estimate out{.sent = static_cast<int>(in.size()), .newest_age = at - samples.back().at};
  out.phi = phi;
  if (in.empty()) return out;
  std::vector<core::Rtt> replies;
  std::vector<std::uint64_t> steps;
  int run = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    run = in[i].received ? 0 : run + 1;
    if (run == 1) ++out.runs;
    out.longest_run = std::max(out.longest_run, run);
    if (!in[i].received) ++out.lost;
    if (in[i].received) {
      replies.push_back({static_cast<std::int32_t>(in[i].rtt.count()),
                         static_cast<std::int32_t>(in[i].half.count())});
    }
    const auto known = [](const Sample& s) { return s.received && s.half == Duration{}; };
    if (i > 0 && known(in[i]) && known(in[i - 1])) {
      const auto step = std::chrono::abs(in[i].rtt - in[i - 1].rtt).count();
      steps.push_back(static_cast<std::uint64_t>(step));
    }
  }
  std::ranges::sort(replies);
  out.loss = core::loss_interval(out.lost, out.sent, phi);
  out.has_rtt = !replies.empty();
  if (out.has_rtt) {
    const auto widest = [&](std::size_t rank) {
      return *std::prev(std::ranges::upper_bound(replies, replies[rank].us, {}, &core::Rtt::us));
    };
    out.rtt = core::median(core::median_ranks(replies.size()), widest);
  }
  out.has_jitter = !steps.empty();
  if (out.has_jitter) {
    std::uint64_t sum = 0;
    std::uint64_t squares = 0;
    for (const auto step : steps) {
      sum += step;
      squares += step * step;
    }
    out.jitter = core::mean(static_cast<int>(steps.size()), sum, squares);
  }
  return out;
}

Ppm phi_by_definition(const std::vector<Sample>& samples, Time at, Duration span) {
  std::map<std::int64_t, std::int64_t> blocks;
  for (const auto& sample : samples) {
    if (sample.at <= at - span || sample.at > at) continue;
    blocks[sample.at.time_since_epoch() / seconds{10}] += sample.received ? 0 : 1;
  }
  std::int64_t swings = 0;
  std::int64_t lost = 0;
  for (auto block = blocks.begin(); block != blocks.end(); ++block) {
    if (block == blocks.begin()) continue;
    const auto before = std::prev(block)->second;
    swings += (block->second - before) * (block->second - before);
    lost += block->second + before;
  }
  return lost == 0 ? kAll : std::max(kAll, swings * kAll / lost);
}

/// A stream with gaps, bursts and quiet spans.
rc::Gen<std::vector<Sample>> any_stream() {
  const auto step =
      rc::gen::tuple(rc::gen::inRange(0, 40), rc::gen::inRange(1, 400), rc::gen::inRange(1, 30));
  return rc::gen::map(
      rc::gen::container<std::vector<std::tuple<int, int, int>>>(step), [](const auto& drawn) {
        std::vector<Sample> out;
        auto at = kStart;
        for (const auto& [kind, rtt, count] : drawn) {
          // Rarely a gap as long as a window; bursts of losses; else replies.
          at += seconds{kind == 0 ? 100 : 0};
          for (int i = 0; i < count; ++i) {
            at += milliseconds{kind % 3 == 0 ? 5'000 : 1'000};
            const bool lost = kind % 5 == 1 || (kind % 5 == 2 && i % 3 == 0);
            const auto half = milliseconds{kind % 7 == 3 ? 1 + i % 2 : 0};
            out.push_back({.at = at,
                           .received = !lost,
                           .rtt = lost ? Duration{} : Duration{milliseconds{rtt + i % 7}},
                           .half = lost ? Duration{} : Duration{half}});
          }
        }
        return out;
      });
}

Evidence window(const std::vector<Sample>& all, Time at, Duration span) {
  Evidence out{.at = at, .server = "prom-a"};
  ProbeSeries series{.key = {"hk-idc-1", "", "mobile", "beijing"}};
  for (const auto& sample : all) {
    if (sample.at > at - span && sample.at <= at) series.samples.push_back(sample);
  }
  if (!series.samples.empty()) out.series.push_back(std::move(series));
  return out;
}

}  // namespace

TEST_CASE("meters that are fed what is new say the same as meters that read the window anew") {
  const auto setup = config();
  ::setenv("RC_PARAMS", "max_success=300", 0);
  int compared = 0;
  const bool holds = rc::check("any stream", [&] {
    const auto stream = *any_stream();
    if (stream.empty()) return;
    core::Meters meters{setup};
    const auto until = stream.back().at + minutes{4};
    for (auto at = kStart; at < until; at += seconds{*rc::gen::inRange(1, 40)}) {
      const auto evidence = window(stream, at, setup.evidence.longest());
      meters.feed(evidence);
      RC_ASSERT(meters.read() == core::read(setup, evidence));
      ++compared;
    }
  });
  CHECK(holds);
  CHECK(compared > 1000);
}

TEST_CASE("meters say what the definition of each figure says") {
  const auto setup = config();
  const auto& e = setup.evidence;
  ::setenv("RC_PARAMS", "max_success=300", 0);
  CHECK(rc::check("any stream", [&] {
    const auto stream = *any_stream();
    core::Meters meters{setup};
    for (auto at = kStart + seconds{7}; at < kStart + minutes{8}; at += seconds{17}) {
      const auto evidence = window(stream, at, e.longest());
      meters.feed(evidence);
      const auto all = meters.read();
      RC_ASSERT(all.probes.empty() == evidence.series.empty());
      if (all.probes.empty()) continue;
      const auto& samples = evidence.series[0].samples;
      const auto& is = all.probes[0];
      const auto phi = phi_by_definition(samples, at, e.slow_window);
      RC_ASSERT(is.slow == by_definition(samples, at, e.slow_window, phi));
      RC_ASSERT(is.main == by_definition(samples, at, e.window, phi));
      RC_ASSERT(is.fast == by_definition(samples, at, e.fast_window, phi));
      RC_ASSERT(is.cusum >= 0);
      RC_ASSERT(is.cusum <= 16'000'000);
    }
  }));
}

TEST_CASE("a source may leave out of a series what it has delivered before") {
  const auto setup = config();
  std::vector<Sample> stream;
  for (int i = 0; i < 400; ++i) {
    stream.push_back({.at = kStart + seconds{i},
                      .received = i % 9 != 0,
                      .rtt = i % 9 != 0 ? Duration{milliseconds{40 + i % 13}} : Duration{}});
  }
  core::Meters meters{setup};
  for (auto at = kStart; at < kStart + seconds{400}; at += seconds{15}) {
    auto newest = window(stream, at, seconds{15});
    if (newest.series.empty()) newest.series.push_back({.key = {"hk-idc-1", "", "mobile", "x"}});
    meters.feed(newest);
    CHECK(meters.read() == core::read(setup, window(stream, at, setup.evidence.longest())));
  }
}

TEST_CASE("an answer of another server, an earlier one and one after a partial one begin anew") {
  const auto setup = config();
  const std::vector<Sample> stream{{.at = kStart, .received = true, .rtt = milliseconds{40}},
                                   {.at = kStart + seconds{9}, .received = false}};
  const std::vector<Sample> other{{.at = kStart + seconds{1}, .received = false}};
  const auto at = kStart + seconds{10};
  const auto after = [&](Evidence before, const Evidence& now) {
    core::Meters meters{setup};
    before.at = std::max(before.at, kStart);
    meters.feed(before);
    meters.feed(now);
    return meters.read() == core::read(setup, now);
  };
  auto elsewhere = window(other, at, minutes{1});
  elsewhere.server = "prom-b";
  CHECK(after(window(stream, at, minutes{1}), elsewhere));
  auto partial = window(other, at, minutes{1});
  partial.partial = true;
  CHECK(after(partial, window(stream, at, minutes{1})));
  CHECK(after(window(other, at + seconds{1}, minutes{1}), window(stream, at, minutes{1})));
}

TEST_CASE("a series that is no longer returned is forgotten, not remembered as good") {
  const auto setup = config();
  const std::vector<Sample> stream{{.at = kStart, .received = true, .rtt = milliseconds{40}}};
  core::Meters meters{setup};
  meters.feed(window(stream, kStart, minutes{1}));
  CHECK(meters.read().probes.size() == 1);
  meters.feed({.at = kStart + seconds{1}, .server = "prom-a"});
  CHECK(meters.read().probes.empty());
}
