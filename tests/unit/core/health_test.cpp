#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"
#include "tests/support/inside_world.hpp"
#include "tests/support/stances.hpp"

using namespace anycast;
using anycast::test::Bench;
using anycast::test::kPlain;
using anycast::test::kPrepend2;
using anycast::test::kWithdraw;
using anycast::test::server;

namespace {

/// A node of the article's fleet with four real servers, all up. Comes up at 2, is weak below 2.
struct House : Bench {
  explicit House(const std::string& self = "hk-idc-1") : Bench{self} {
    Service web{.high = 500'000, .low = 500'000};
    for (int i = 0; i < 4; ++i) web.servers.push_back({.endpoint = server(200 + i)});
    setup.config.nodes.at(self).services["web"] = web;
    setup.config.guards.min_paths_per_carrier = 1;
    up(4);
    run(minutes{12});
  }
  /// So many of the four are up, the others down; more than that are not known.
  void up(int servers, int unknown = 0) {
    servers_ = servers;
    unknown_ = unknown;
    tell();
  }
  void tell() {
    health.emplace();
    for (int i = 0; i < 4; ++i) {
      const auto alive = i < servers_              ? Alive::up
                         : i < servers_ + unknown_ ? Alive::unknown
                                                   : Alive::down;
      (*health)["web"][server(200 + i)] = {
          .alive = alive,
          .since = now,
          .heard = now + setup.config.prometheus.interval,
          .why = alive == Alive::down ? "refused the connection" : ""};
    }
  }
  const core::Thought& cycle_now() {
    tell();
    return cycle();
  }
  void run_now(Duration span) {
    for (const auto end = now + span; now < end;) cycle_now();
  }
  bool all_say(const Stance& stance) const {
    return std::ranges::all_of(state.sessions,
                               [&](const auto& entry) { return entry.second.stance == stance; });
  }
  std::string told(const std::string& kind) const {
    const auto found = std::ranges::find(events, kind, &Event::kind);
    return found == events.end() ? "nothing" : found->text;
  }

 private:
  int servers_ = 4;
  int unknown_ = 0;
};

bool refused_by(const Bench& bench, const std::string& upstream, const std::string& guard) {
  return std::ranges::any_of(bench.refusals(upstream),
                             [&](const auto& r) { return r.starts_with(guard + ": "); });
}

}  // namespace

TEST_CASE("a node whose last real server has died leaves at once, by the fast path") {
  House node;
  REQUIRE(node.all_say(kPlain));
  node.events.clear();
  node.up(0);
  const auto& thought = node.cycle_now();
  CHECK(node.all_say(kWithdraw));
  REQUIRE(thought.plan.change);
  CHECK(thought.plan.change->urgent);
  CHECK(node.told("service") ==
        "real server 192.0.2.200:80 of web went down on hk-idc-1: refused the connection; next: up "
        "after 2 good tries in a row");
  const auto level = std::ranges::find(node.events, "down", &Event::to);
  REQUIRE(level != node.events.end());
  CHECK(node.told("step-withdraw") ==
        "withdrew cmi for 203.0.113.0/24 on hk-idc-1: web: 0 of 4 real servers up, comes up at 2; "
        "192.0.2.200:80 refused the connection; guards ok; next: returns once the service is up, "
        "as the guards allow [#1]");
  CHECK(node.plan().services.front().state.level == Level::down);
  node.run_now(hours{2});
  CHECK(node.all_say(kWithdraw));
}

TEST_CASE("nothing holds a dead node: neither blindness, nor a freeze, nor a failed apply") {
  House node;
  SECTION("blind") {
    node.prometheus = false;
    node.run(minutes{1});
    REQUIRE(node.plan().condition == Condition::blind);
  }
  SECTION("frozen") {
    node.order({.kind = Order::Kind::freeze, .reason = "live event"});
    node.run(minutes{1});
    REQUIRE(node.plan().condition == Condition::frozen);
  }
  SECTION("safe") {
    node.state.safe_until = node.now + hours{1};
    node.state.condition = Condition::safe;
    node.state.condition_why = "drawn";
  }
  SECTION("a window that forbids to repel, and a budget that is used up") {
    node.setup.config.guards.windows = {{.name = "peak", .forbid = {Window::Forbids::degrade}}};
    node.windows = {{"peak", node.now + hours{1}}};
    node.state.changes.assign(6, node.now);
  }
  node.up(0);
  node.cycle_now();
  CHECK(node.all_say(kWithdraw));
}

TEST_CASE("the floor holds a dead node, on all its sessions together") {
  House node;
  SECTION("the last that is known to announce") {
    node.others.clear();
    node.setup.config.guards.min_nodes = 0;
    node.setup.config.guards.min_paths_per_carrier = 0;
  }
  SECTION("the fleet needs it") { node.setup.config.guards.min_nodes = 4; }
  SECTION("nobody else is known") { node.fleet_known = false; }
  SECTION("an anchor") { node.setup.config.guards.anchors = {"hk-idc-1", "hk-ali-1"}; }
  node.up(0);
  node.run_now(minutes{10});
  CHECK(node.all_say(kPlain));
  CHECK(node.told("guard-refused").starts_with("did not withdraw cmi on hk-idc-1: "));
}

TEST_CASE("in observe and advise a dead node is told, and left to a person") {
  House node;
  node.setup.config.mode = Mode::advise;
  node.up(0);
  node.cycle_now();
  CHECK(node.all_say(kPlain));
  CHECK(refused_by(node, "cmi", "mode"));
  node.order({.kind = Order::Kind::apply});
  node.cycle_now();
  CHECK(node.all_say(kWithdraw));
}

TEST_CASE("where the anchors are not enough, dead nodes leave one after the other") {
  House node;
  node.setup.config.guards.anchors.clear();
  node.up(0);
  int waited = 0;
  for (; waited < 20 && !node.all_say(kWithdraw); ++waited) {
    node.cycle_now();
    if (!node.all_say(kWithdraw)) CHECK(refused_by(node, "cmi", "turn"));
  }
  CHECK(waited > 1);
  CHECK(node.all_say(kWithdraw));
}

TEST_CASE("a person's pin stands above the node's death, and a drained node stays where it is") {
  House node;
  SECTION("pin") {
    node.order({.kind = Order::Kind::pin, .upstream = "cmi", .reason = "the checks are wrong"});
    node.cycle_now();
    node.up(0);
    node.cycle_now();
    CHECK(node.stance("cmi") == kPlain);
    CHECK(node.stance("pccw") == kWithdraw);
  }
  SECTION("undrained while dead") {
    node.order({.kind = Order::Kind::drain, .now = true, .reason = "work"});
    node.cycle_now();
    REQUIRE(node.all_say(kWithdraw));
    node.up(0);
    node.order({.kind = Order::Kind::undrain});
    node.run_now(minutes{10});
    CHECK(node.all_say(kWithdraw));
  }
}

TEST_CASE("a node comes back when its service does, after the pause of every withdrawal") {
  House node;
  node.setup.config.guards.reannounce = Guards{}.reannounce;
  node.setup.config.guards.hold_after_change = seconds{0};
  node.setup.config.policy.restore_settle = minutes{1};
  node.up(0);
  node.cycle_now();
  REQUIRE(node.all_say(kWithdraw));
  node.up(1);
  node.run_now(hours{1});
  CHECK(node.all_say(kWithdraw));  // one of four is not enough to come up
  node.up(2);
  node.run_now(minutes{5});
  CHECK(node.all_say(kPlain));
  node.up(0);
  node.cycle_now();
  REQUIRE(node.all_say(kWithdraw));
  node.up(4);
  node.run_now(minutes{80});
  CHECK(node.all_say(kWithdraw));  // 90 minutes the second time
  node.run_now(minutes{15});
  CHECK(node.all_say(kPlain));
}

TEST_CASE("with too few real servers a node turns less attractive by one rung, and no more") {
  House node;
  node.up(1);
  node.run_now(minutes{30});
  CHECK(node.all_say(kPrepend2));
  CHECK(node.state.sessions.at("cmi").cause == Cause::service);
  node.run_now(hours{2});
  CHECK(node.all_say(kPrepend2));
  node.up(2);
  node.run_now(hours{1});
  CHECK(node.all_say(kPlain));
}

TEST_CASE("a node whose real servers die one by one says nothing in between") {
  House node;
  auto& web = node.setup.config.nodes.at("hk-idc-1").services.at("web");
  web.check.interval = web.check.timeout = minutes{1};
  node.events.clear();
  for (const int left : {2, 1, 1, 0}) {
    node.up(left);
    node.cycle_now();
    CHECK(node.all_say(left > 0 ? kPlain : kWithdraw));
  }
  node.events.clear();
  node.up(1);
  node.run_now(minutes{3});
  CHECK(node.told("guard-refused") == "nothing");
}

TEST_CASE("a weak node repels nobody where no other node is proven good, or while blind") {
  House node;
  SECTION("alone") { node.others.clear(); }
  SECTION("blind") {
    node.prometheus = false;
    node.run(minutes{1});
  }
  SECTION("the first rung would be gone") {
    node.setup.config.policy.carrier_bad = {{{.kind = Stance::Kind::withdraw}, minutes{3}}};
  }
  node.up(1);
  node.run_now(minutes{20});
  CHECK(node.all_say(kPlain));
}

TEST_CASE("what is not known changes nothing") {
  House node;
  node.up(0, 4);
  node.run_now(minutes{10});
  CHECK(node.all_say(kPlain));
  node.health.reset();
  node.run(minutes{30});
  CHECK(node.all_say(kPlain));
  node.up(0, 2);
  node.run_now(minutes{5});
  CHECK(node.all_say(kPlain));
  node.up(0);
  node.cycle_now();
  CHECK(node.all_say(kWithdraw));
}

TEST_CASE("a node that has just come up attracts nobody before its services are up") {
  House node;
  node.state = {};
  for (auto& [upstream, exports] : node.running.exports) exports.clear();
  node.running.revision = 1;
  node.up(1, 3);
  node.run_now(minutes{5});
  CHECK(node.all_say(kWithdraw));
  CHECK(refused_by(node, "cmi", "service"));
  node.up(2);
  node.run_now(minutes{1});
  CHECK(node.all_say(kPlain));
}

TEST_CASE("many real servers that die together are told in one line") {
  House node;
  auto& web = node.setup.config.nodes.at("hk-idc-1").services.at("web");
  for (int i = 4; i < 10; ++i) {
    web.servers.push_back({.endpoint = server(200 + i)});
    (*node.health)["web"][server(200 + i)] = {
        .alive = Alive::down, .heard = node.now, .why = "is gone"};
  }
  node.events.clear();
  node.cycle();
  CHECK(
      node.told("service") ==
      "6 real servers of web went down on hk-idc-1, 192.0.2.204:80 first: is gone; next: up after "
      "2 good tries in a row");
}
