#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"
#include "tests/support/stances.hpp"

using namespace anycast;
using anycast::test::Bench;
using anycast::test::kDrain;
using anycast::test::kPlain;
using anycast::test::kPrepend2;
using anycast::test::kWithdraw;

namespace {

/// hk-idc-1 with mobile bad over cmi and prepended, the settle time over: the next step is a
/// withdrawal.
Bench at_the_edge(const std::string& self = "hk-idc-1") {
  Bench bench{self};
  bench.run(minutes{1});
  bench.world.add({.where = {self, "cmi", "mobile"},
                   .from = bench.now,
                   .to = bench.now + hours{24},
                   .rtt = milliseconds{190},
                   .loss = 60'000});
  bench.run(minutes{30}, [&] { return bench.stance("cmi") == kPrepend2; });
  bench.run(minutes{3} - bench.setup.config.prometheus.interval);
  return bench;
}

bool refused_by(const Bench& bench, const std::string& guard) {
  return std::ranges::any_of(bench.refusals("cmi"),
                             [&](const auto& r) { return r.starts_with(guard + ": "); });
}

std::string refusal(const Bench& bench, const std::string& guard) {
  for (const auto& r : bench.refusals("cmi")) {
    if (r.starts_with(guard + ": ")) return r;
  }
  return "no refusal by " + guard;
}

/// Runs for two rounds of turns: long enough for anything that only waits.
void long_enough(Bench& bench) { bench.run(minutes{10}); }

}  // namespace

TEST_CASE("an anchor keeps its announcement whatever the evidence says") {
  auto bench = at_the_edge("hk-ali-1");
  REQUIRE(bench.stance("cmi") == kPrepend2);
  long_enough(bench);
  CHECK(bench.stance("cmi") == kPrepend2);
  CHECK(refusal(bench, "anchor") == "anchor: this node is an anchor");
}

TEST_CASE("the floor counts nodes, and unknown nodes do not count") {
  auto bench = at_the_edge();
  bench.setup.config.guards.min_nodes = 2;
  for (auto& [upstream, session] : bench.state.sessions) {
    if (upstream != "cmi") session.stance = kWithdraw;
    if (upstream != "cmi") session.cause = Cause::carrier;
  }
  bench.others = {{"hk-ali-1", test::announcing({"cmi"})}};
  long_enough(bench);
  CHECK(bench.stance("cmi") == kPrepend2);
  CHECK(refusal(bench, "min_nodes") == "min_nodes: nodes 2 -> 1, needs 2");
}

TEST_CASE("the floor counts the ways that a carrier has left") {
  auto bench = at_the_edge();
  bench.others.erase("hk-aws-1");
  long_enough(bench);
  CHECK(bench.stance("cmi") == kPrepend2);
  CHECK(refusal(bench, "min_paths_per_carrier") ==
        "min_paths_per_carrier: paths mobile 2 -> 1, needs 2");
}

TEST_CASE("the last known announcer stays, also against an order") {
  Bench bench;
  bench.run(minutes{1});
  bench.setup.config.guards.min_nodes = 0;
  bench.setup.config.guards.min_paths_per_carrier = 0;
  bench.fleet_known = false;
  bench.order({.kind = Order::Kind::drain, .now = true, .reason = "test"});
  bench.cycle();
  REQUIRE(bench.replies.size() == 1);
  CHECK(bench.replies.front().outcome == OrderReply::Outcome::refused);
  CHECK(bench.replies.front().text.find("last_announcer") != std::string::npos);
  CHECK(bench.changes == 0);
}

TEST_CASE("without a proven destination nobody is repelled") {
  Bench bench;
  bench.run(minutes{1});
  bench.others = {{"hk-tx-1", test::announcing({"hkbn", "pccw"})}};
  bench.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                   .from = bench.now,
                   .to = bench.now + hours{24},
                   .rtt = milliseconds{190}});
  bench.run(hours{1});
  CHECK(bench.changes == 0);
  CHECK(refused_by(bench, "destination"));
}

TEST_CASE("announcements are removed only in the node's own turn") {
  auto bench = at_the_edge();
  bench.run(minutes{10}, [&] { return bench.stance("cmi") == kWithdraw; });
  REQUIRE(bench.stance("cmi") == kWithdraw);
  // hk-idc-1 is the third of four by name; a turn is 30 s and only its first half is used.
  const auto in_round = bench.now.time_since_epoch() % minutes{2};
  CHECK(in_round >= seconds{60});
  CHECK(in_round < seconds{75});
}

TEST_CASE("the budget refuses the change that is too many, and says when one is free") {
  auto bench = at_the_edge();
  const auto per = bench.setup.config.guards.max_changes.per;
  bench.state.changes.assign(6, bench.now - minutes{10});
  bench.cycle();
  CHECK(refusal(bench, "max_changes") == "max_changes: 6 of 6 changes used in 1h");
  const auto free = bench.state.changes.front() + per;
  CHECK(bench.step("cmi")->earliest() >= free);
}

TEST_CASE("a window forbids its kind of step while it is open") {
  auto bench = at_the_edge();
  bench.setup.config.guards.windows = {
      {.name = "evening-peak", .forbid = {Window::Forbids::degrade}}};
  bench.windows = {{"evening-peak", bench.now + hours{2}}};
  long_enough(bench);
  CHECK(bench.stance("cmi") == kPrepend2);
  CHECK(refused_by(bench, "window"));
  bench.setup.config.guards.windows.front().forbid = {Window::Forbids::announce};
  bench.run(minutes{10}, [&] { return bench.stance("cmi") == kWithdraw; });
  CHECK(bench.stance("cmi") == kWithdraw);
}

TEST_CASE("frozen means frozen, for the engine and for orders") {
  auto bench = at_the_edge();
  bench.order({.kind = Order::Kind::freeze, .reason = "live event"});
  bench.cycle();
  bench.order({.kind = Order::Kind::pin, .upstream = "hkbn", .stance = kPrepend2, .reason = "no"});
  long_enough(bench);
  CHECK(bench.stance("cmi") == kPrepend2);
  CHECK(bench.stance("hkbn") == kPlain);
  CHECK(bench.state.condition == Condition::frozen);
  CHECK(bench.replies.back().outcome == OrderReply::Outcome::refused);
  bench.order({.kind = Order::Kind::unfreeze, .reason = "over"});
  bench.run(minutes{10}, [&] { return bench.stance("cmi") == kWithdraw; });
  CHECK(bench.stance("cmi") == kWithdraw);
}

TEST_CASE("mode observe changes nothing, advise waits for a person") {
  for (const auto mode : {Mode::observe, Mode::advise}) {
    Bench bench;
    bench.setup.config.mode = mode;
    bench.run(minutes{1});
    bench.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                     .from = bench.now,
                     .to = bench.now + hours{24},
                     .rtt = milliseconds{190}});
    bench.run(hours{1});
    CHECK(bench.changes == 0);
    REQUIRE(bench.step("cmi") != nullptr);
    CHECK(refused_by(bench, "mode"));
    bench.order({.kind = Order::Kind::apply, .reason = "agreed with the NOC"});
    bench.cycle();
    const bool advise = mode == Mode::advise;
    CHECK(bench.changes == (advise ? 1 : 0));
    CHECK((bench.stance("cmi") == kPrepend2) == advise);
    CHECK((bench.replies.back().outcome == OrderReply::Outcome::done) == advise);
  }
}

TEST_CASE("a change that a person wants to confirm waits, and goes back without a word") {
  Bench bench;
  bench.setup.config.mode = Mode::advise;
  bench.run(minutes{1});
  bench.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                   .from = bench.now,
                   .to = bench.now + hours{24},
                   .rtt = milliseconds{190}});
  bench.run(minutes{30});
  const auto before = bench.running;
  bench.outcome.on_probation = true;
  bench.order({.kind = Order::Kind::apply, .confirm = seconds{60}, .reason = "carefully"});
  bench.cycle();
  REQUIRE(bench.state.pending.has_value());
  CHECK(bench.stance("cmi") == kPlain);
  bench.running = before;
  bench.cycle();
  CHECK(!bench.state.pending.has_value());
  CHECK(bench.stance("cmi") == kPlain);
  REQUIRE(bench.replies.size() == 2);
  CHECK(bench.replies.front().outcome == OrderReply::Outcome::done);
  CHECK(bench.replies.back().outcome == OrderReply::Outcome::failed);
  CHECK(bench.replies.back().id == bench.replies.front().id);
}

TEST_CASE("a drain lowers preference first, withdraws later, and its end brings everything back") {
  Bench bench;
  bench.run(minutes{1});
  bench.order({.kind = Order::Kind::drain, .reason = "kernel update"});
  bench.cycle();
  CHECK(bench.replies.back().outcome == OrderReply::Outcome::done);
  for (const auto* upstream : {"cmi", "hkbn", "pccw"}) CHECK(bench.stance(upstream) == kDrain);
  CHECK(bench.changes == 1);
  bench.run(minutes{1});
  for (const auto* upstream : {"cmi", "hkbn", "pccw"}) CHECK(bench.stance(upstream) == kWithdraw);
  bench.run(hours{1});
  CHECK(bench.changes == 2);
  bench.order({.kind = Order::Kind::undrain, .reason = "done"});
  bench.cycle();
  for (const auto* upstream : {"cmi", "hkbn", "pccw"}) CHECK(bench.stance(upstream) == kPlain);
  bench.run(hours{1});
  CHECK(bench.changes == 3);
}

TEST_CASE("a pin beats the engine until it ends, and then the engine goes on from its own rung") {
  Bench bench;
  bench.run(minutes{1});
  bench.order({.kind = Order::Kind::pin,
               .upstream = "cmi",
               .stance = kPrepend2,
               .lasts = minutes{90},
               .reason = "ticket"});
  bench.cycle();
  CHECK(bench.stance("cmi") == kPrepend2);
  bench.run(minutes{80});
  CHECK(bench.changes == 1);
  bench.run(minutes{15});
  CHECK(bench.stance("cmi") == kPlain);
  CHECK(bench.changes == 2);
}

TEST_CASE("an undo brings the last stance back and keeps the engine away for a while") {
  auto bench = at_the_edge();
  bench.order({.kind = Order::Kind::undo, .reason = "wrong call"});
  bench.cycle();
  CHECK(bench.stance("cmi") == kPlain);
  bench.run(minutes{20});
  CHECK(bench.stance("cmi") == kPlain);
  CHECK(refused_by(bench, "undone"));
  bench.run(minutes{30});
  CHECK(bench.stance("cmi") != kPlain);
}

TEST_CASE("a session that is down is not steered, and nothing happens while the daemon is away") {
  auto bench = at_the_edge();
  bench.sessions_down = {"cmi"};
  long_enough(bench);
  CHECK(bench.stance("cmi") == kPrepend2);
  CHECK(refusal(bench, "session") == "session: session cmi is Active: nothing to steer");
  bench.sessions_down.clear();
  bench.router_up = false;
  long_enough(bench);
  CHECK(bench.stance("cmi") == kPrepend2);
  CHECK(refused_by(bench, "router"));
}
