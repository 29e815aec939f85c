#include "controller/core/damping.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"
#include "tests/support/stances.hpp"

using namespace anycast;
using anycast::test::Bench;
using anycast::test::kDrain;
using anycast::test::kPlain;
using anycast::test::kPrepend2;
using anycast::test::kStart;
using anycast::test::kWithdraw;

namespace {

const std::string kPrefix = "203.0.113.0/24";
constexpr Duration kHalf = minutes{15};

/// The article's fleet with the budget and the pauses that a configuration has by default.
Bench careful(const std::string& self = "hk-idc-1") {
  Bench bench{self};
  bench.setup.config.guards.damping = Damping{};
  bench.setup.config.guards.reannounce = Guards{}.reannounce;
  bench.setup.config.guards.reversal = Guards{}.reversal;
  for (auto& [node, view] : bench.others) view.penalty[kPrefix] = 0;
  bench.run(minutes{1});
  return bench;
}

void evening(Bench& bench, Duration span, Ppm loss) {
  bench.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                   .from = bench.now,
                   .to = bench.now + span,
                   .rtt = milliseconds{190},
                   .loss = loss});
}

std::string word(const Bench& bench, const std::string& upstream, const std::string& guard) {
  const auto* step = bench.step(upstream);
  if (step == nullptr) return "no step";
  const auto found = std::ranges::find(step->guards, guard, &GuardResult::guard);
  if (found == step->guards.end()) return "no word";
  return (found->passed ? "ok: " : "no: ") + found->text;
}

int penalty(const Bench& bench, const std::string& counter) {
  const auto found = bench.state.penalties.find(counter);
  if (found == bench.state.penalties.end()) return 0;
  return core::points(found->second, bench.now, bench.setup.config.guards.damping.half_life);
}

}  // namespace

TEST_CASE("a penalty halves with every half-life, to the point") {
  const Penalty full{.milli = 1'000'000, .at = kStart};
  const auto after = [&](Duration d) { return core::points(full, kStart + d, kHalf); };
  CHECK(after(Duration{0}) == 1000);
  CHECK(after(minutes{15}) == 500);
  CHECK(after(minutes{30}) == 250);
  CHECK(after(minutes{45}) == 125);
  CHECK(after(minutes{60}) == 63);   // 62.5
  CHECK(after(minutes{5}) == 794);   // 1000 * 2^(-1/3) = 793.7
  CHECK(after(minutes{22}) == 362);  // 1000 * 2^(-22/15) = 361.8
  CHECK(after(minutes{150}) == 0);
  CHECK(core::decayed(full, kStart + hours{24}, kHalf) == 0);
  CHECK(core::decayed(full, kStart - hours{1}, kHalf) == 1'000'000);
}

TEST_CASE("a penalty never grows with time, and says when it will have fallen") {
  const Penalty full{.milli = 1'437'123, .at = kStart};
  auto before = full.milli;
  for (int s = 0; s < 3 * 3600; s += 7) {
    const auto now = core::decayed(full, kStart + seconds{s}, kHalf);
    REQUIRE(now <= before);
    before = now;
  }
  const auto when = core::falls_to(full, 500, kHalf);
  CHECK(core::points(full, when, kHalf) <= 500);
  CHECK(core::points(full, when - seconds{1}, kHalf) == 501);
}

TEST_CASE("each kind of change costs the worse of the two vendors' increments") {
  CHECK(core::cost(kPlain, kPlain) == 0);
  CHECK(core::cost(kPlain, kPrepend2) == 500);
  CHECK(core::cost(kPrepend2, kDrain) == 500);
  CHECK(core::cost(kDrain, kWithdraw) == 1000);
  CHECK(core::cost(kWithdraw, kPlain) == 1000);
}

TEST_CASE("a step is charged to its session and to the prefix, and one that failed is not") {
  auto bench = careful();
  evening(bench, hours{3}, 60'000);
  bench.outcome.error = Error{.text = "drawn"};
  bench.run(minutes{20}, [&] { return bench.changes > 0; });
  CHECK(bench.state.penalties.empty());
  bench.outcome.left = true;
  bench.run(minutes{10}, [&] { return bench.changes > 1; });
  CHECK(penalty(bench, kPrefix) == 1000);
  bench.state.penalties.clear();
  bench.outcome = {};
  bench.run(minutes{20}, [&] { return bench.stance("cmi") == kPrepend2; });
  REQUIRE(bench.stance("cmi") == kPrepend2);
  CHECK(penalty(bench, kPrefix) == 500);
  CHECK(penalty(bench, "cmi") == 500);
  CHECK(penalty(bench, "hkbn") == 0);
}

TEST_CASE("in normal operation a withdrawal waits until all of the penalty has gone") {
  auto bench = careful();
  evening(bench, hours{12}, 60'000);
  bench.run(minutes{20}, [&] { return bench.stance("cmi") == kPrepend2; });
  REQUIRE(bench.stance("cmi") == kPrepend2);
  const auto began = bench.now;
  bench.run(minutes{10});
  CHECK(word(bench, "cmi", "damping") ==
        "no: 203.0.113.0/24: penalty 315 + 1000 -> 1315 of 1000; earliest " +
            format_clock(began + seconds{8'075}));
  bench.run(hours{4}, [&] { return bench.stance("cmi") == kWithdraw; });
  REQUIRE(bench.stance("cmi") == kWithdraw);
  CHECK(bench.now - began >= minutes{134});
  CHECK(penalty(bench, kPrefix) == 1001);
}

TEST_CASE("the reserve is for emergencies, and nothing of ours ever passes the ceiling") {
  auto bench = careful();
  evening(bench, hours{12}, 300'000);
  int most = 0;
  bench.run(hours{1}, [&] {
    most = std::max(most, penalty(bench, kPrefix));
    return bench.stance("cmi") == kWithdraw;
  });
  REQUIRE(bench.stance("cmi") == kWithdraw);
  const auto* step = bench.step("cmi");
  REQUIRE(step != nullptr);
  CHECK(word(bench, "cmi", "damping").find("of 1500, the reserve is open: mobile loses at least") !=
        std::string::npos);
  CHECK(most > 1000);
  CHECK(most <= 1500);
}

TEST_CASE("a loss opens the reserve where users feel it, or nobody knows whether they do") {
  const Bench bench{"hk-idc-1"};
  const std::vector<PathReport> paths{{.key = {"hk-idc-1", "cmi", "mobile"},
                                       .pooled = {.loss = {300'000, 200'000, 400'000}},
                                       .measured_bad = true}};
  const auto opens = [&](int lost, int lost_before) {
    Readings readings{.at = kStart};
    for (const auto& region : bench.setup.config.regions) {
      ProbeReading vip{.key = {"", "", "mobile", region, Target::vip}};
      vip.fast = {.sent = 12, .lost = lost};
      vip.main = {.sent = 120, .lost = lost_before};
      if (lost >= 0) readings.probes.push_back(vip);
    }
    const Seen seen{.now = kStart, .evidence = Sourced<Readings>::ok(readings, kStart)};
    core::Context context{.config = bench.setup.config, .seen = seen, .paths = paths, .state = {}};
    context.state.sessions["cmi"] = {};
    const Step step{.upstream = "cmi",
                    .from = kPlain,
                    .to = kPrepend2,
                    .cause = Cause::carrier,
                    .carriers = {"mobile"}};
    return core::emergency(context, step).has_value();
  };
  CHECK(opens(-1, 0));
  CHECK(opens(4, 4));
  // A burst is no proof, the minutes before it are; what is over counts no more.
  CHECK_FALSE(opens(2, 2));
  CHECK(opens(2, 24));
  CHECK_FALSE(opens(0, 24));
}

TEST_CASE("other nodes' updates count for the prefix, and silence is told") {
  auto bench = careful();
  evening(bench, hours{12}, 60'000);
  bench.others["hk-tx-1"].penalty[kPrefix] = 700;
  bench.run(minutes{20}, [&] { return bench.step("cmi") != nullptr; });
  CHECK(word(bench, "cmi", "damping") ==
        "no: 203.0.113.0/24: penalty 700 (700 of other nodes) + 500 -> 1200 of 1000; earliest " +
            format_clock(bench.now + seconds{437}));
  bench.others["hk-tx-1"].penalty[kPrefix] = 400;
  bench.others["hk-aws-1"].penalty.clear();
  bench.others.erase("hk-ali-1");
  bench.cycle();
  CHECK(
      word(bench, "cmi", "damping") ==
      "ok: 203.0.113.0/24: penalty 400 (400 of other nodes) + 500 -> 900 of 1000, that of 2 nodes "
      "unknown");
}

TEST_CASE("a person is held to the ceiling, and may force") {
  auto bench = careful();
  bench.state.penalties[kPrefix] = {.milli = 1'200'000, .at = bench.now};
  bench.order(
      {.kind = Order::Kind::pin, .upstream = "hkbn", .stance = kPrepend2, .reason = "ticket"});
  bench.cycle();
  CHECK(bench.replies.back().text ==
        "refused: hkbn: 203.0.113.0/24: penalty 1187 + 500 -> 1687 of 1500; earliest " +
            format_clock(core::falls_to(bench.state.penalties.at(kPrefix), 1000, kHalf)) +
            " (damping)");
  bench.order({.kind = Order::Kind::pin,
               .upstream = "hkbn",
               .stance = kPrepend2,
               .force = true,
               .reason = "ticket"});
  bench.cycle();
  CHECK(bench.replies.back().outcome == OrderReply::Outcome::done);
  CHECK(word(bench, "hkbn", "damping") ==
        "ok: 203.0.113.0/24: penalty 1173 + 500 -> 1673 of 1500, forced");
  CHECK(penalty(bench, kPrefix) == 1673);
}

TEST_CASE("changes that leave together cost the prefix once and each session its own") {
  auto bench = careful();
  bench.order({.kind = Order::Kind::drain, .reason = "kernel update"});
  bench.cycle();
  CHECK(penalty(bench, kPrefix) == 500);
  for (const auto* upstream : {"cmi", "hkbn", "pccw"}) CHECK(penalty(bench, upstream) == 500);
  bench.run(minutes{1});
  for (const auto* upstream : {"cmi", "hkbn", "pccw"}) CHECK(bench.stance(upstream) == kWithdraw);
  CHECK(penalty(bench, kPrefix) > 1400);
  CHECK(penalty(bench, kPrefix) <= 1500);
  // The end of the drain has to wait for it as well, unless a person forces it.
  bench.order({.kind = Order::Kind::undrain, .reason = "done"});
  bench.cycle();
  CHECK(bench.stance("cmi") == kWithdraw);
  CHECK(word(bench, "cmi", "damping").starts_with("no: 203.0.113.0/24: penalty 14"));
  bench.run(minutes{30});
  CHECK(bench.stance("cmi") == kPlain);
}

TEST_CASE("a daemon's clock that moves a session's beginning is no reset") {
  auto bench = careful();
  const auto resets = [&](const std::string& since) {
    bench.tamper_router = [since](RouterView& view) { view.sessions["cmi"].since = since; };
    bench.cycle();
    return std::ranges::count(bench.events, "session-reset", &Event::kind);
  };
  CHECK(resets("23:59:59.999") == 0);
  CHECK(resets("00:00:00.000") == 0);
  CHECK(resets("23:59:59.998") == 0);
  CHECK(resets("00:00:00.999") == 1);
  CHECK(resets("2026-06-01T12:00:01.000Z") == 1);
  CHECK(resets("2026-06-01T12:00:00.000Z") == 1);
  CHECK(resets("2026-06-01T12:00:02.000Z") == 2);
}

TEST_CASE("a peer's reset counts as a withdrawal, once, and only of what was announced") {
  auto bench = careful();
  bench.sessions_down = {"cmi"};
  bench.cycle();
  CHECK(penalty(bench, kPrefix) == 1000);
  CHECK(penalty(bench, "cmi") == 1000);
  bench.cycle();
  bench.sessions_down = {};
  bench.run(minutes{14});
  CHECK(penalty(bench, "cmi") == 518);
  CHECK(std::ranges::count(bench.events, "session-reset", &Event::kind) == 1);

  bench.tamper_router = [](RouterView& view) { view.sessions["cmi"].since = "12:00:00.100"; };
  bench.cycle();
  bench.tamper_router = [](RouterView& view) { view.sessions["cmi"].since = "12:30:00.100"; };
  bench.cycle();
  CHECK(std::ranges::count(bench.events, "session-reset", &Event::kind) == 2);
  bench.tamper_router = [](RouterView& view) { view.sessions["cmi"].since = "2026-06-01"; };
  bench.cycle();
  CHECK(std::ranges::count(bench.events, "session-reset", &Event::kind) == 2);
}

TEST_CASE("drift that changed no export costs nothing to repair, drift that did costs its change") {
  auto bench = careful();
  bench.running.revision ^= 1U;
  bench.cycle();
  CHECK(bench.changes == 1);
  CHECK(bench.state.penalties.empty());
  bench.running.revision ^= 1U;
  bench.running.exports["hkbn"].clear();
  bench.cycle();
  CHECK(bench.changes == 2);
  CHECK(penalty(bench, "hkbn") == 1000);
  CHECK(penalty(bench, kPrefix) == 1000);
}

TEST_CASE("what waits for a person's confirm is charged when it leaves and when it goes back") {
  auto bench = careful();
  bench.setup.config.mode = Mode::advise;
  evening(bench, hours{3}, 60'000);
  bench.run(minutes{20});
  const auto before = bench.running;
  bench.outcome.on_probation = true;
  bench.order({.kind = Order::Kind::apply, .confirm = seconds{60}, .reason = "carefully"});
  bench.cycle();
  REQUIRE(bench.state.pending.has_value());
  CHECK(penalty(bench, kPrefix) == 500);
  bench.running = before;
  bench.cycle();
  CHECK(!bench.state.pending.has_value());
  CHECK(penalty(bench, kPrefix) == 995);
}

TEST_CASE("what automation withdrew comes back no earlier than the pause, doubled each time") {
  auto bench = careful();
  bench.setup.config.guards.damping = {.normal = 9'000, .ceiling = 9'000};
  bench.setup.config.guards.reversal = {seconds{0}, seconds{0}};
  std::vector<Duration> away;
  for (int i = 0; i < 3; ++i) {
    evening(bench, minutes{20}, 300'000);
    bench.run(hours{4}, [&] { return bench.stance("cmi") == kWithdraw; });
    const auto gone = bench.now;
    bench.run(hours{8}, [&] { return bench.stance("cmi") != kWithdraw; });
    away.push_back(bench.now - gone);
    bench.run(hours{1});
  }
  // The first times the evidence is clear only a little after the pause.
  REQUIRE(away.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(away.at(i) >= (1 << i) * minutes{45});
    CHECK(away.at(i) <= (1 << i) * minutes{45} + minutes{15});
  }
  CHECK(bench.state.sessions.at("cmi").withdrawals.size() == 3);
}

TEST_CASE("a session is not moved back within the pause, and turns make it longer") {
  auto bench = careful();
  bench.setup.config.guards.damping = {.normal = 9'000, .ceiling = 9'000};
  bench.setup.config.policy.carrier_bad.pop_back();
  std::vector<Duration> stood;
  auto since = bench.now;
  auto before = bench.stance("cmi");
  evening(bench, minutes{12}, 60'000);
  const auto turned = [&] { return bench.stance("cmi") != before; };
  for (int i = 0; i < 4; ++i) {
    bench.run(hours{6}, turned);
    if (i > 0) stood.push_back(bench.now - since);
    since = bench.now;
    before = bench.stance("cmi");
    if (before == kPlain) evening(bench, hours{2} + minutes{10}, 60'000);
  }
  REQUIRE(stood.size() == 3);
  CHECK(stood.at(0) >= minutes{30});
  CHECK(stood.at(1) == minutes{60});
  CHECK(stood.at(2) == minutes{120});
}
