#include "controller/core/origin.hpp"

#include <algorithm>

#include "controller/render/fragment.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"
#include "tests/support/stances.hpp"

using namespace anycast;
using anycast::test::Bench;
using anycast::test::kWithdraw;

namespace {

/// A node whose routing daemon is asked about ROAs.
struct Validated : Bench {
  Validated() { setup.config.rpki = {.router = true}; }

  void roas(const Origin& origin) { origins["bird"] = said(origin); }
  Sourced<OriginView> said(const Origin& origin) const {
    return Sourced<OriginView>::ok({.prefixes = {{setup.config.prefixes.front().prefix, origin}}},
                                   now);
  }
  void pin(const Stance& stance) { give({.kind = Order::Kind::pin, .stance = stance}); }
  void force(const Stance& stance) {
    give({.kind = Order::Kind::pin, .stance = stance, .force = true});
  }
  std::string last_reply() const { return replies.empty() ? "" : replies.back().text; }
  std::vector<std::string> told() const {
    std::vector<std::string> out;
    for (const auto& event : events) {
      if (event.kind == "rpki") out.push_back(event.text);
    }
    return out;
  }
  std::vector<std::string> noticed() const {
    std::vector<std::string> out;
    for (const auto& one : last.plan.notices) {
      if (one.code == "rpki") out.push_back(one.text);
    }
    return out;
  }
  bool announces() const { return !running.exports.at("cmi").empty(); }

 private:
  void give(Order by) {
    by.upstream = "cmi";
    by.reason = "test";
    order(std::move(by));
    cycle();
  }
};

const Origin kValid{.state = OriginState::valid};
const Origin kNotFound{.state = OriginState::not_found};
const Origin kInvalid{.state = OriginState::invalid,
                      .roas = {*parse_roa("203.0.113.0/24-24 AS64511")}};

}  // namespace

TEST_CASE("valid, removed, changed and back: each is told once, and what is announced stays") {
  Validated rig;
  rig.roas(kValid);
  rig.run(minutes{1});
  CHECK(rig.told().empty());
  CHECK(rig.noticed().empty());
  rig.roas(kNotFound);
  rig.run(minutes{1});
  rig.roas(kInvalid);
  rig.run(minutes{1});
  CHECK(rig.noticed() ==
        std::vector<std::string>{
            "203.0.113.0/24 AS64500 is invalid by bird (203.0.113.0/24-24 AS64511): it stays "
            "announced, and is not announced anew elsewhere"});
  CHECK(rig.plan().notices.front().level == Notice::Level::error);
  rig.roas(kValid);
  rig.run(minutes{1});
  CHECK(rig.noticed().empty());
  CHECK(rig.told() ==
        std::vector<std::string>{
            "203.0.113.0/24 AS64500 was valid and is not found by bird; next: it stays announced, "
            "and is not announced anew elsewhere",
            "203.0.113.0/24 AS64500 was not found and is invalid by bird (203.0.113.0/24-24 "
            "AS64511); next: it stays announced, and is not announced anew elsewhere",
            "203.0.113.0/24 AS64500 was invalid and is valid by bird; next: it may be announced "
            "anew"});
  CHECK(rig.changes == 0);
  CHECK(rig.announces());
}

TEST_CASE("what is not announced stays so while it is invalid, not found or unknown") {
  for (const auto& bad : {kInvalid, kNotFound, Origin{}}) {
    Validated rig;
    rig.roas(kValid);
    rig.run(minutes{1});
    rig.pin(kWithdraw);
    REQUIRE(!rig.announces());
    rig.roas(bad);
    rig.pin({});
    CHECK(rig.last_reply().ends_with("(origin)"));
    CHECK(!rig.announces());
    rig.roas(kValid);
    rig.pin({});
    CHECK(rig.announces());
  }
}

TEST_CASE("a person's force goes beyond what is unknown, never beyond what is invalid") {
  Validated rig;
  rig.roas(kValid);
  rig.run(minutes{1});
  rig.force(kWithdraw);
  rig.roas(kInvalid);
  rig.force({});
  CHECK(!rig.announces());
  CHECK(rig.last_reply() ==
        "refused: cmi: 203.0.113.0/24 AS64500 is invalid by bird (203.0.113.0/24-24 AS64511) "
        "(origin)");
  rig.origins.clear();
  rig.force({});
  CHECK(rig.announces());
}

TEST_CASE("what no ROA covers is announced where the configuration says so") {
  Validated rig;
  rig.setup.config.rpki.allow_not_found = true;
  rig.roas(kNotFound);
  rig.run(minutes{1});
  CHECK(rig.noticed().empty());
  rig.pin(kWithdraw);
  rig.pin({});
  CHECK(rig.announces());
}

TEST_CASE("a ROA that was there and is gone is an alarm also where not found is allowed") {
  Validated rig;
  rig.setup.config.rpki.allow_not_found = true;
  rig.roas(kValid);
  rig.cycle();
  rig.roas(kNotFound);
  rig.run(minutes{5});
  CHECK(rig.noticed().size() == 1);
  CHECK(rig.told().size() == 1);
}

TEST_CASE("data that is too old says nothing, and its age is told") {
  Validated rig;
  rig.setup.config.rpki.max_age = minutes{5};
  rig.roas(kValid);
  rig.origins["bird"].value->as_of = rig.now;
  rig.run(minutes{5});
  CHECK(rig.plan().origins.front().state == OriginState::valid);
  rig.run(minutes{1});
  CHECK(rig.plan().origins.front().state == OriginState::unknown);
  CHECK(rig.plan().origins.front().text == "unknown by bird: its data is 6m old, rpki.max_age 5m");
  CHECK(rig.announces());
}

TEST_CASE("of two sources the worse word counts, and one that fails is no word") {
  Validated rig;
  rig.roas(kValid);
  rig.origins["the validator"] = rig.said(kInvalid);
  rig.cycle();
  CHECK(rig.plan().origins.front().state == OriginState::invalid);
  CHECK(rig.plan().origins.front().text ==
        "valid by bird; invalid by the validator (203.0.113.0/24-24 AS64511)");
  rig.origins["the validator"] = Sourced<OriginView>::failed(
      {.remedy = Remedy::look_at_host, .text = "no file 'json'"}, rig.now);
  rig.cycle();
  CHECK(rig.plan().origins.front().state == OriginState::valid);
  CHECK(rig.plan().origins.front().text ==
        "valid by bird; unknown by the validator: no file 'json'");
}

TEST_CASE("a daemon that was started anew announces nothing of its own before ROAs are known") {
  Validated rig;
  rig.roas(kValid);
  rig.run(minutes{1});
  const auto before = rig.running;
  rig.origins["bird"] = Sourced<OriginView>::failed(
      {.remedy = Remedy::look_at_peer, .text = "no whole set of ROAs"}, rig.now);
  std::map<std::string, Stance> silent;
  for (const auto& [upstream, session] : rig.setup.config.me().sessions)
    silent[upstream] = kWithdraw;
  rig.running = *render::fragment(rig.setup.fragment, rig.setup.config, silent);
  rig.run(minutes{1});
  CHECK(rig.changes == 0);
  CHECK(rig.noticed().back().ends_with(": no change is handed over"));
  rig.roas(kValid);
  rig.cycle();
  CHECK(rig.running.exports == before.exports);
}

TEST_CASE("nothing is asked, told or held where the configuration has no 'rpki'") {
  Validated rig;
  rig.setup.config.rpki = {};
  rig.run(minutes{1});
  rig.pin(kWithdraw);
  rig.pin({});
  CHECK(rig.announces());
  CHECK(rig.told().empty());
  CHECK(rig.plan().origins.empty());
  CHECK(rig.state.origins.empty());
}
