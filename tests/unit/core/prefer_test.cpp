#include "controller/core/prefer.hpp"

#include <random>
#include <set>

#include "controller/core/score.hpp"
#include "controller/sim/article.hpp"
#include "controller/sim/fleet.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"

using namespace anycast;
using anycast::test::kStart;
using anycast::test::preferring;

namespace {

const std::vector<std::string> kNodes{"hk-ali-1", "hk-aws-1", "hk-idc-1", "hk-tx-1"};

/// The fleet in a world of its own.
struct Play {
  explicit Play(core::Setup with = preferring())
      : setup{std::move(with)}, world{setup.config, 7}, fleet{setup, world, kStart} {
    sim::quiet_day(world);
  }

  void run(Duration span) {
    const auto end = fleet.now() + span;
    while (fleet.now() < end) fleet.tick();
  }
  void trouble(const PathKey& where, Duration lasts, Duration rtt, Ppm loss) {
    world.add(
        {.where = where, .from = fleet.now(), .to = fleet.now() + lasts, .rtt = rtt, .loss = loss});
  }
  std::string primary(const std::string& carrier) const {
    const auto& choices = fleet.published("hk-tx-1").state.choices;
    const auto found = choices.find(carrier);
    return found == choices.end() || !found->second.primary ? "none"
                                                            : to_string(*found->second.primary);
  }
  std::string users(const std::string& carrier) const {
    const auto path = world.catchment(carrier, fleet.announced());
    return path ? path->node + " " + path->upstream : "none";
  }
  int changes() {
    int out = 0;
    for (const auto& node : kNodes) out += fleet.speaker(node).changes;
    return out;
  }
  std::set<std::string> hashes() const {
    std::set<std::string> out;
    for (const auto& node : kNodes) out.insert(fleet.published(node).plan.hash);
    return out;
  }
  std::string stance(const std::string& node, const std::string& upstream) const {
    return encode(fleet.announced().at({node, upstream}));
  }

  core::Setup setup;
  sim::World world;
  sim::SimFleet fleet;
};

Bounded<Duration> about(int low, int value, int high) {
  return {milliseconds{value}, milliseconds{low}, milliseconds{high}};
}

}  // namespace

TEST_CASE("a score is RTT, 20 ms for each per cent of loss, and half of the jitter") {
  Estimate e{.sent = 1000, .lost = 20};
  e.rtt = {milliseconds{100}, milliseconds{97}, milliseconds{104}};
  e.loss = {20'000, 18'000, 22'000};
  e.jitter = {milliseconds{10}, milliseconds{10}, milliseconds{10}};
  e.has_rtt = e.has_jitter = true;
  const auto out = core::score(e);
  CHECK(out.value == milliseconds{145});
  CHECK(out.low == milliseconds{140});
  CHECK(out.high == Duration{150'657});
}

TEST_CASE("load counts from 70 per cent of what a node can serve") {
  CHECK(core::load_term(700'000) == Duration{0});
  CHECK(core::load_term(850'000) == milliseconds{50});
  CHECK(core::load_term(1'000'000) == milliseconds{100});
}

TEST_CASE("better is what is better by the margin with both bounds") {
  const Prefer limits;
  CHECK(core::surely_better(limits, about(90, 95, 100), about(126, 130, 140)));
  CHECK_FALSE(core::surely_better(limits, about(90, 95, 101), about(126, 130, 140)));
  // 15 % of 400 ms are more than 25 ms.
  CHECK_FALSE(core::surely_better(limits, about(300, 310, 320), about(375, 400, 420)));
}

TEST_CASE("a quiet day on near ties changes nothing") {
  Play play;
  play.run(hours{2});
  CHECK(play.changes() == 0);
  CHECK(play.primary("mobile") == "hk-idc-1 cmi");
  CHECK(play.hashes().size() == 1);
}

TEST_CASE("users leave a path that is surely worse, by one update, and stay where they are well") {
  Play play;
  play.run(minutes{20});
  play.trouble({"hk-idc-1", "cmi", "mobile"}, minutes{30}, milliseconds{150}, 40'000);
  play.run(minutes{15});
  CHECK(play.primary("mobile") == "hk-ali-1 cmi");
  CHECK(play.users("mobile") != "hk-idc-1 cmi");
  CHECK(play.stance("hk-idc-1", "cmi") == "announce;mobile=local_pref");
  CHECK(play.changes() == 1);
  play.run(hours{3});
  // 44 ms against 48 ms are no reason to go back.
  CHECK(play.primary("mobile") == "hk-ali-1 cmi");
  CHECK(play.changes() == 1);
}

TEST_CASE("a sure loss of more than a tenth moves the users within minutes") {
  Play play;
  play.run(minutes{20});
  play.trouble({"hk-idc-1", "cmi", "mobile"}, hours{1}, {}, 300'000);
  play.run(minutes{3});
  CHECK(play.users("mobile") != "hk-idc-1 cmi");
}

TEST_CASE("what is bad on every path moves nobody") {
  Play play;
  play.run(minutes{20});
  play.trouble({"", "", "mobile"}, hours{1}, milliseconds{200}, 100'000);
  play.run(minutes{30});
  CHECK(play.changes() == 0);
}

TEST_CASE("of paths that are all bad users still leave the one that is surely the worst") {
  Play play;
  play.run(minutes{20});
  play.trouble({"", "", "mobile"}, hours{2}, milliseconds{200}, {});
  play.trouble({"hk-idc-1", "cmi", "mobile"}, hours{1}, {}, 200'000);
  play.run(minutes{30});
  CHECK(play.users("mobile") != "hk-idc-1 cmi");
  CHECK(play.changes() == 1);
}

TEST_CASE("what is over by the time of a move is no reason for it") {
  const PathReport over{.key = {}, .fast = {.sent = 36, .rtt = about(39, 40, 41), .has_rtt = true}};
  CHECK_FALSE(core::still_worse(over, {}, milliseconds{60}));
  CHECK(core::still_worse(over, milliseconds{30}, milliseconds{60}));
  // Too few to tell.
  CHECK(core::still_worse(PathReport{.key = {}}, {}, milliseconds{60}));
}

TEST_CASE("users are not sent from a path that has become well while the step had to wait") {
  test::Bench bench{"hk-idc-1"};
  bench.setup = preferring();
  bench.setup.config.self = "hk-idc-1";
  bench.run(minutes{10});
  bench.state.freeze = Standing{.since = bench.now, .reason = "fibre works", .actor = "lin"};
  bench.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                   .from = bench.now,
                   .to = bench.now + minutes{10},
                   .rtt = milliseconds{190},
                   .loss = 60'000});
  bench.run(minutes{10});
  const SessionKey here{"hk-idc-1", "cmi"};
  CHECK(bench.state.choices.at("mobile").primary != here);
  REQUIRE(bench.step("cmi") != nullptr);
  bench.run(minutes{1} + seconds{30});
  bench.state.freeze.reset();
  bench.run(minutes{5});
  CHECK(bench.stance("cmi") == Stance{});
}

TEST_CASE("nothing is known, nothing is moved") {
  Play play;
  play.run(minutes{20});
  play.trouble({"hk-idc-1", "cmi", "mobile"}, hours{1}, milliseconds{200}, 200'000);
  play.fleet.prometheus_away = Error{.remedy = Remedy::wait, .text = "refused"};
  play.run(minutes{30});
  CHECK(play.changes() == 0);
}

TEST_CASE("users that come back over the margin come back once, after the hold") {
  auto setup = preferring();
  Play play{setup};
  play.world.set({"hk-ali-1", "cmi", "mobile"}, {.rtt = milliseconds{120}, .loss = 1'000});
  play.world.set({"hk-aws-1", "cmi", "mobile"}, {.rtt = milliseconds{140}, .loss = 1'000});
  play.run(minutes{40});
  CHECK(play.primary("mobile") == "hk-idc-1 cmi");
  const auto before = play.changes();
  play.trouble({"hk-idc-1", "cmi", "mobile"}, minutes{10}, milliseconds{200}, 100'000);
  play.run(minutes{15});
  CHECK(play.primary("mobile") == "hk-ali-1 cmi");
  const auto moved = play.fleet.now();
  while (play.primary("mobile") != "hk-idc-1 cmi" && play.fleet.now() - moved < hours{3})
    play.fleet.tick();
  CHECK(play.fleet.now() - moved >= minutes{15});
  play.run(minutes{20});
  CHECK(play.users("mobile") == "hk-idc-1 cmi");
  CHECK(play.changes() - before <= 3);
}

TEST_CASE("users are not taken back to where they were against the plan, but to a third path") {
  Play play;
  // Bad before anybody chose: the plan never had the users there, BGP did.
  play.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                  .from = kStart - hours{1},
                  .to = kStart + minutes{16},
                  .rtt = milliseconds{150},
                  .loss = 40'000});
  play.run(minutes{1});
  REQUIRE(play.primary("mobile") == "hk-ali-1 cmi");
  REQUIRE(play.users("mobile") == "hk-idc-1 cmi");
  play.run(minutes{25});
  REQUIRE(play.users("mobile") == "hk-ali-1 cmi");
  play.trouble({"hk-ali-1", "cmi", "mobile"}, hours{2}, milliseconds{100}, 300'000);
  std::string why;
  for (const auto end = play.fleet.now() + minutes{5}; play.fleet.now() < end;) {
    play.fleet.tick();
    for (const auto& plan : play.fleet.published("hk-tx-1").plan.carriers) why += plan.why + "\n";
  }
  CHECK(why.find("; hk-idc-1 cmi would be better, users have just left it") != std::string::npos);
  const auto third = play.primary("mobile");
  CHECK(play.users("mobile") == third);
  CHECK(third != "hk-idc-1 cmi");
  CHECK(third != "hk-ali-1 cmi");
  CHECK(play.hashes().size() == 1);
}

TEST_CASE("an untested community is not used: the session prepends for its only carrier") {
  auto setup = preferring();
  for (auto& community : setup.config.upstreams.at("cmi").communities) community.tested = false;
  Play play{setup};
  play.run(minutes{20});
  play.trouble({"hk-idc-1", "cmi", "mobile"}, hours{1}, milliseconds{150}, 40'000);
  play.run(minutes{15});
  CHECK(play.stance("hk-idc-1", "cmi").starts_with("prepend="));
  CHECK(play.users("mobile") != "hk-idc-1 cmi");
}

TEST_CASE("a node beyond its capacity gets no more users") {
  auto setup = preferring();
  setup.config.nodes.at("hk-ali-1").capacity = 200'000;
  Play play{setup};
  play.run(minutes{20});
  play.trouble({"hk-idc-1", "cmi", "mobile"}, hours{1}, milliseconds{150}, 40'000);
  play.run(minutes{15});
  CHECK(play.primary("mobile") == "hk-aws-1 cmi");
}

TEST_CASE("the same evidence gives the same plan on every node, whatever happens") {
  std::mt19937 dice{11};
  for (int round = 0; round < 2; ++round) {
    Play play;
    for (int i = 0; i < 8; ++i) {
      const auto carrier = play.setup.config.carriers.at(dice() % 3);
      play.trouble({kNodes.at(dice() % 4), "", carrier}, minutes{3 + static_cast<int>(dice() % 40)},
                   milliseconds{dice() % 250}, static_cast<Ppm>(dice() % 300'000));
      for (int tick = 0; tick < 40; ++tick) {
        play.fleet.tick();
        REQUIRE(play.hashes().size() == 1);
      }
    }
  }
}
