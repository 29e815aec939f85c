// Two hosts of which Keepalived says which one serves.

#include <algorithm>

#include "controller/app/inside_hand.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"
#include "tests/support/fake_kernel.hpp"
#include "tests/support/inside_world.hpp"
#include "tests/support/stances.hpp"

using namespace anycast;
using anycast::test::Bench;
using anycast::test::kPlain;
using anycast::test::kVip;
using anycast::test::kWithdraw;

namespace {

const Vip kShared{*Prefix::parse("192.0.2.100/24"), "eth0"};

/// One of them; the others announce.
struct Host : Bench {
  Host() {
    setup.config.prefixes.front().vips = {kVip.prefix.address};
    setup.config.guards.min_paths_per_carrier = 1;
    setup.config.guards.hold_after_change = seconds{0};
    local() = {.link = "vip0",
               .keepalived = {.fifo = "/run/keepalived/anycastd.fifo",
                              .instance = "VI_1",
                              .address = kShared.prefix.address,
                              .track_file = "/run/anycastd/track"}};
    says(VrrpState::master);
  }
  Local& local() { return setup.config.nodes.at("hk-idc-1").local; }

  /// Keepalived's word, and the address with it.
  void says(VrrpState word) {
    vrrp = VrrpView{.state = word, .since = now, .running = word != VrrpState::stop};
    shared(word == VrrpState::master);
  }
  void shared(bool there) {
    if (there) kernel.view.inside.vips.insert(kShared);
    if (!there) kernel.view.inside.vips.erase(kShared);
  }
  void keep() {
    inside = kernel.view;
    cycle();
    InsideHand hand{&kernel, last.plan, state.inside};
    hand.before();
    hand.after();
    state.inside = hand.ours();
  }
  void keep_for(Duration span) {
    for (const auto end = now + span; now < end;) keep();
  }
  bool bound() const { return kernel.view.inside.vips.contains(kVip); }
  bool all_say(const Stance& stance) const {
    return std::ranges::all_of(state.sessions,
                               [&](const auto& entry) { return entry.second.stance == stance; });
  }
  std::vector<std::string> notices(const std::string& code) const {
    std::vector<std::string> out;
    for (const auto& notice : plan().notices) {
      if (notice.code == code) out.push_back(notice.text);
    }
    return out;
  }
  /// As after a start: nothing is known, and nothing announced.
  void has_come_up() {
    state = {};
    for (auto& [upstream, exports] : running.exports) exports.clear();
    running.revision = 1;
  }

  test::FakeKernel kernel;
};

}  // namespace

TEST_CASE("pair: the MASTER binds and announces, the other does neither") {
  Host host;
  host.has_come_up();
  SECTION("master") {
    host.keep_for(minutes{2});
    CHECK(host.bound());
    CHECK(host.all_say(kPlain));
  }
  SECTION("another") {
    host.says(GENERATE(VrrpState::backup, VrrpState::fault, VrrpState::stop));
    host.keep_for(minutes{10});
    CHECK_FALSE(host.bound());
    CHECK(host.all_say(kWithdraw));
  }
}

TEST_CASE("pair: who is MASTER no more leaves at once, serves the late ones, and is back at once") {
  Host host;
  host.keep_for(minutes{2});
  REQUIRE(host.all_say(kPlain));

  host.says(VrrpState::backup);
  host.keep();
  CHECK(host.all_say(kWithdraw));
  CHECK(host.plan().change->urgent);
  CHECK(host.state.sessions.at("cmi").why == "Keepalived: VI_1 is BACKUP");
  CHECK(host.bound());
  host.keep_for(minutes{20});
  CHECK_FALSE(host.bound());

  // What the flap-damping budget allows again by now, and `reannounce` does not for long.
  host.says(VrrpState::master);
  host.keep_for(minutes{1});
  CHECK(host.bound());
  CHECK(host.all_say(kPlain));
}

TEST_CASE("pair: a MASTER takes over without evidence, as it had left without any") {
  Host host;
  host.keep_for(minutes{2});
  host.says(VrrpState::backup);
  host.keep();
  REQUIRE(host.all_say(kWithdraw));
  host.tamper = [](Evidence& evidence) { evidence.series.clear(); };
  host.keep_for(seconds{20});
  host.says(VrrpState::master);
  host.keep();
  CHECK(host.plan().condition == Condition::blind);
  host.keep_for(seconds{20});
  CHECK(host.all_say(kPlain));
}

TEST_CASE("pair: a host whose real servers died returns no sooner because it is MASTER") {
  Host host;
  host.setup.config.guards.reannounce = Guards{}.reannounce;
  host.keep_for(minutes{2});
  const ServerKey real{*Address::parse("192.0.2.201"), 80};
  host.setup.config.nodes.at("hk-idc-1").services["web"] = {.servers = {{.endpoint = real}}};
  const auto alive = [&](Alive verdict) {
    host.health.emplace();
    (*host.health)["web"][real] = {
        .alive = verdict, .since = host.now, .heard = host.now + hours{1}};
  };
  alive(Alive::down);
  host.keep();
  REQUIRE(host.all_say(kWithdraw));
  CHECK(host.plan().track == -120);
  alive(Alive::up);
  host.keep_for(minutes{10});
  CHECK(host.all_say(kWithdraw));
  CHECK(host.plan().track == 0);
}

TEST_CASE("pair: the last who announce stay, whatever Keepalived says") {
  Host host;
  host.keep_for(minutes{2});
  host.others.clear();
  host.says(VrrpState::backup);
  host.keep_for(minutes{10});
  CHECK(host.all_say(kPlain));
  CHECK(host.bound());
}

TEST_CASE("pair: a Keepalived that was killed changes nothing, and two may have the address") {
  Host host;
  host.keep_for(minutes{2});
  host.vrrp->running = false;
  host.keep_for(minutes{10});
  CHECK(host.all_say(kPlain));
  CHECK(host.bound());
  const std::string why =
      "Keepalived: nobody writes to /run/keepalived/anycastd.fifo, Keepalived does not run; VI_1 "
      "was MASTER last";
  CHECK(host.notices("both-masters") ==
        std::vector{"192.0.2.100 is on this host, and it is not MASTER (" + why +
                    "): another host may have the address too"});
  CHECK(host.notices("keepalived") ==
        std::vector{why + ": what is announced stays, nothing is announced anew"});
}

TEST_CASE("pair: who still announces when it should have left may be MASTER too") {
  Host host;
  host.setup.config.nodes.at("hk-ali-1").local.keepalived.address = kShared.prefix.address;
  host.setup.config.guards.turn = seconds{30};
  host.keep_for(minutes{2});
  REQUIRE(host.all_say(kPlain));
  CHECK(host.notices("both-masters").empty());
  host.keep_for(minutes{2});
  const auto said = host.notices("both-masters");
  REQUIRE(said.size() == 1);
  CHECK(said.front().starts_with("VI_1 has been MASTER here for 3"));
  CHECK(
      said.front().ends_with(", and hk-ali-1 still announces: it may be MASTER too, or its guards "
                             "hold it; do the two hear each other's VRRP?"));
  host.others.erase("hk-ali-1");
  host.keep();
  CHECK(host.notices("both-masters").empty());
}

TEST_CASE("pair: nothing is announced anew while nobody knows who serves") {
  Host host;
  host.has_come_up();
  host.vrrp.reset();
  host.keep_for(minutes{10});
  CHECK(host.all_say(kWithdraw));
  CHECK_FALSE(host.bound());
}

TEST_CASE("pair: where no word was heard the instance's address tells") {
  Host host;
  host.has_come_up();
  host.vrrp = VrrpView{.running = true};
  host.keep_for(minutes{2});
  CHECK(host.all_say(kPlain));
  host.shared(false);
  host.keep();
  CHECK(host.all_say(kWithdraw));
  CHECK(host.state.sessions.at("cmi").why ==
        "Keepalived: VI_1 has said nothing yet, and 192.0.2.100 is not this host's");
}

TEST_CASE("pair: what Keepalived is told") {
  Host host;
  host.keep();
  CHECK(host.plan().track == 0);
  host.order({.kind = Order::Kind::drain, .reason = "work"});
  host.keep();
  CHECK(host.plan().track == -120);
  host.order({.kind = Order::Kind::undrain});
  host.keep();
  CHECK(host.plan().track == 0);
  host.setup.config.mode = Mode::observe;
  host.keep();
  CHECK_FALSE(host.plan().track.has_value());
}
