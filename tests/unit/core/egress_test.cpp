#include <algorithm>

#include "controller/core/choose.hpp"
#include "controller/render/fragment.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"

using namespace anycast;
using anycast::test::Bench;

namespace {

const PathKey kHere{"hk-idc-1", "hkbn", "telecom"};

/// hk-idc-1, whose packets to telecom may leave over hkbn and pccw.
struct Outbound : Bench {
  Outbound() {
    auto& config = setup.config;
    config.egress.carriers["telecom"].as_path = {64510};
    config.nodes.at(config.self).egress["telecom"] = {"hkbn", "pccw"};
    config.guards.reversal = Guards{}.reversal;
    running = *render::fragment(setup.fragment, config, {{"cmi", {}}, {"hkbn", {}}, {"pccw", {}}});
    run(minutes{1});
  }

  void bad(const PathKey& where = kHere, Duration lasts = hours{8}) {
    world.add(
        {.where = where, .from = now, .to = now + lasts, .rtt = milliseconds{190}, .loss = 60'000});
  }
  const EgressState& egress() const { return state.egress.at("telecom"); }
  bool comes_over(const std::string& upstream, Duration within = hours{1}) {
    run(within, [&] { return egress().upstream == upstream; });
    return egress().upstream == upstream;
  }
  bool is_bad() const {
    const auto path = std::ranges::find(plan().paths, kHere, &PathReport::key);
    return path->state.verdict == Verdict::bad && path->measured_bad;
  }
  std::string next() const { return plan().egress.at(0).next; }
};

}  // namespace

TEST_CASE("a move of packets announces nothing, costs no penalty and no change of the budget") {
  Outbound e;
  e.bad();
  const auto before = e.running;
  REQUIRE(e.comes_over("pccw"));
  REQUIRE(e.plan().change);
  CHECK(e.plan().change->why == Change::Why::egress);
  CHECK(e.plan().change->text == "packets to telecom over pccw");
  CHECK(e.plan().change->charges.empty());
  CHECK(e.running.exports == before.exports);
  CHECK(e.running.text.find("function anycastd_egress_hkbn() {\n}") != std::string::npos);
  CHECK(e.state.changes.empty());
  CHECK(e.state.penalties.empty());
  CHECK(e.changes == 1);
  CHECK(e.refusals("hkbn").size() == 1);
  CHECK(e.refusals("hkbn").front().starts_with("egress: packets to telecom leave over pccw since"));
}

TEST_CASE("the ladder goes on once the move has settled, and not before") {
  Outbound e;
  e.bad();
  REQUIRE(e.comes_over("pccw"));
  const auto moved = e.now;
  e.run(hours{1}, [&] { return e.stance("hkbn") != Stance{}; });
  CHECK(e.now - moved >= e.setup.config.egress.settle);
  CHECK(e.egress().upstream == "pccw");
  CHECK(e.egress().from.empty());
}

TEST_CASE("a move that fails has not happened, and is tried again once that is over") {
  Outbound e;
  e.bad();
  e.outcome.error = Error{.remedy = Remedy::look_at_peer, .text = "bird refuses"};
  e.run(hours{1}, [&] { return e.changes == 1; });
  CHECK(e.egress().upstream == "hkbn");
  CHECK(e.egress().tried.empty());
  e.cycle();
  CHECK(e.next().starts_with("to pccw, held: an apply failed and was taken back: bird refuses"));
  e.outcome = {};
  CHECK(e.comes_over("pccw"));
}

TEST_CASE("in mode advise a person applies the move, in observe nobody does") {
  Outbound e;
  e.setup.config.mode = Mode::advise;
  e.bad();
  e.run(hours{1}, [&] { return e.is_bad(); });
  REQUIRE(e.is_bad());
  CHECK(!e.plan().change);
  REQUIRE(e.plan().proposal);
  CHECK(e.plan().proposal->text == "packets to telecom over pccw");
  CHECK(e.plan().egress.at(0).wanted == "pccw");
  CHECK(e.next().starts_with(
      "to pccw, held: mode advise: a person applies it (anycastctl apply) (telecom bad: "));
  e.order({.kind = Order::Kind::apply, .reason = "evening"});
  e.cycle();
  CHECK(e.egress().upstream == "pccw");
  CHECK(e.replies.back().text.starts_with("applied and verified"));

  Outbound only;
  only.setup.config.mode = Mode::observe;
  only.bad();
  only.run(hours{1});
  CHECK(only.egress().upstream == "hkbn");
  CHECK(only.changes == 0);
}

TEST_CASE("nothing is moved without evidence, while frozen, or to where it would not help") {
  Outbound blind;
  blind.bad();
  blind.run(hours{1}, [&] { return blind.is_bad(); });
  blind.state.egress["telecom"] = {.upstream = "hkbn", .since = blind.now};
  blind.prometheus = false;
  blind.run(minutes{30});
  CHECK(blind.egress().upstream == "hkbn");
  CHECK(blind.next() == "nobody knows how telecom is over hkbn");

  Outbound frozen;
  frozen.order({.kind = Order::Kind::freeze, .reason = "live event"});
  frozen.bad();
  frozen.run(hours{1});
  CHECK(frozen.egress().upstream == "hkbn");
  CHECK(frozen.next().starts_with("to pccw, held: frozen by lin \"live event\""));

  Outbound deaf;
  deaf.tamper_router = [](RouterView& view) { view.sessions.at("pccw").refreshes = false; };
  deaf.bad();
  deaf.run(hours{1});
  CHECK(deaf.egress().upstream == "hkbn");
  CHECK(deaf.next() == "no other upstream can take over");

  Outbound silent;
  silent.order({.kind = Order::Kind::pin,
                .upstream = "pccw",
                .stance = {.kind = Stance::Kind::withdraw},
                .reason = "maintenance"});
  silent.run(minutes{1});
  silent.bad();
  silent.run(hours{1});
  CHECK(silent.egress().upstream == "hkbn");
}

TEST_CASE("what was tried in vain is left alone, twice as long when the first was left again") {
  Outbound e;
  e.setup.config.policy.carrier_bad.pop_back();  // no session is withdrawn meanwhile
  e.bad({"hk-idc-1", "", "telecom"});
  REQUIRE(e.comes_over("pccw"));
  const auto first = e.egress().tried.at("hkbn") - e.egress().since;
  CHECK(first == minutes{30});
  REQUIRE(e.comes_over("hkbn"));
  CHECK(e.egress().from.empty());
  CHECK(e.egress().why.ends_with("and all others were tried in vain"));
  e.cycle();
  CHECK(e.next() == "all others were tried in vain");
  REQUIRE(e.comes_over("pccw", hours{2}));
  CHECK(e.egress().tried.at("hkbn") - e.egress().since == 2 * first);
}

TEST_CASE("an order that changes begins with its first, and one that goes leaves nothing behind") {
  Outbound e;
  e.bad();
  REQUIRE(e.comes_over("pccw"));
  auto& orders = e.setup.config.nodes.at("hk-idc-1").egress;
  orders["telecom"] = {"hkbn"};
  e.cycle();
  CHECK(e.egress().upstream == "hkbn");
  CHECK(e.egress().from.empty());
  orders.clear();
  e.cycle();
  CHECK(e.state.egress.empty());
  CHECK(e.running.text.find("egress") == std::string::npos);
}
