#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"
#include "tests/support/stances.hpp"

using namespace anycast;
using anycast::test::Bench;
using anycast::test::kPlain;
using anycast::test::kPrepend2;
using anycast::test::kStart;
using anycast::test::kWithdraw;

namespace {

/// The common evening: one carrier over one session of one node.
void evening(Bench& bench, Duration lasts = hours{10}) {
  bench.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                   .from = bench.now,
                   .to = bench.now + lasts,
                   .rtt = milliseconds{190},
                   .loss = 60'000});
}

bool said(const Bench& bench, const std::string& kind, const std::string& part) {
  for (const auto& event : bench.events) {
    if (event.kind == kind && event.text.find(part) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a quiet day changes nothing") {
  Bench bench;
  bench.run(hours{6});
  CHECK(bench.changes == 0);
  CHECK(bench.state.adopted);
  CHECK(bench.plan().notices.empty());
}

TEST_CASE("a carrier that turns bad over one session is moved there and nowhere else") {
  Bench bench;
  bench.run(minutes{1});
  evening(bench);
  const auto took = bench.run(minutes{20}, [&] { return bench.stance("cmi") == kPrepend2; });
  // Half the window has to be bad before the median moves, then 'for' of 45 s.
  CHECK(took <= minutes{7});
  CHECK(bench.stance("hkbn") == kPlain);
  CHECK(bench.stance("pccw") == kPlain);
  CHECK(
      said(bench, "step-prepend", "prepended 2 on cmi for 203.0.113.0/24 on hk-idc-1: mobile bad"));
}

TEST_CASE("what is no longer listed waits for a person in mode auto too, who is shown all of it") {
  Bench bench;
  bench.run(minutes{1});
  const auto before = bench.changes;
  bench.setup.config.prefixes.at(0).prefix = *Prefix::parse("198.51.100.0/24");
  bench.rendered = {};
  evening(bench);
  bench.run(minutes{20}, [&] { return bench.step("cmi") != nullptr; });
  CHECK(bench.refusals("cmi").size() == 1);
  CHECK(bench.refusals("cmi").at(0).starts_with("listed: 203.0.113.0/24 on cmi"));
  CHECK(!bench.plan().change);
  REQUIRE(bench.plan().proposal);
  CHECK(bench.plan().proposal->text == "prepend 2 on cmi");
  CHECK(bench.changes == before);
}

TEST_CASE("a rung is given its time, then the next one is taken, and no other session moves") {
  Bench bench;
  bench.run(minutes{1});
  evening(bench);
  bench.run(minutes{20}, [&] { return bench.stance("cmi") == kPrepend2; });
  const auto at = bench.now;
  bench.cycle();
  REQUIRE(bench.step("cmi") != nullptr);
  CHECK(bench.step("cmi")->to == kWithdraw);
  CHECK(bench.refusals("cmi").front().starts_with("settle: prepend 2 since "));
  bench.run(minutes{20}, [&] { return bench.stance("cmi") == kWithdraw; });
  CHECK(bench.stance("cmi") == kWithdraw);
  CHECK(bench.now - at >= minutes{3});
  CHECK(bench.changes == 2);
}

TEST_CASE("the way back goes down one rung at a time, each after its own time") {
  Bench bench;
  bench.run(minutes{1});
  evening(bench, minutes{30});
  bench.run(minutes{25}, [&] { return bench.stance("cmi") == kWithdraw; });
  REQUIRE(bench.stance("cmi") == kWithdraw);
  bench.run(hours{2}, [&] { return bench.stance("cmi") == kPrepend2; });
  REQUIRE(bench.stance("cmi") == kPrepend2);
  const auto at = bench.now;
  bench.run(hours{2}, [&] { return bench.stance("cmi") == kPlain; });
  CHECK(bench.stance("cmi") == kPlain);
  CHECK(bench.now - at >= bench.setup.config.policy.restore_settle);
  CHECK(bench.changes == 4);
  CHECK(said(bench, "step-announce",
             "announced cmi for 203.0.113.0/24 on hk-idc-1: mobile clear for"));
}

TEST_CASE("a carrier that is bad everywhere is left alone: moving it helps nobody") {
  Bench bench;
  bench.run(minutes{1});
  bench.world.add({.where = {"", "", "mobile"},
                   .from = bench.now,
                   .to = bench.now + hours{5},
                   .rtt = milliseconds{190},
                   .loss = 100'000});
  bench.run(hours{2});
  CHECK(bench.changes == 0);
  const auto* path = &bench.plan().paths.front();
  for (const auto& one : bench.plan().paths) {
    if (one.key == PathKey{"hk-idc-1", "cmi", "mobile"}) path = &one;
  }
  CHECK(path->state.verdict == Verdict::bad);
  CHECK(path->blame == "border");
}

TEST_CASE("a path that is no longer bad is not degraded, even while its verdict lasts") {
  Bench bench;
  bench.run(minutes{1});
  bench.world.add({.where = {"", "", "mobile"},
                   .from = bench.now,
                   .to = bench.now + minutes{20},
                   .rtt = milliseconds{190},
                   .loss = 100'000});
  bench.run(hours{2});
  // The four paths come back to "ok" one after another; the first to be proven good is no reason to
  // move users away from the others.
  CHECK(bench.changes == 0);
}

TEST_CASE("one sick probe moves nothing") {
  Bench bench;
  bench.tamper = [](Evidence& evidence) {
    for (auto& series : evidence.series) {
      if (series.key.region != "chengdu" || series.key.carrier != "mobile") continue;
      for (auto& sample : series.samples) sample = {.at = sample.at, .received = false};
    }
  };
  bench.run(minutes{30});
  CHECK(bench.changes == 0);
}

TEST_CASE("silence is neither good nor bad") {
  Bench bench;
  bench.run(minutes{1});
  evening(bench);
  bench.run(minutes{20}, [&] { return bench.stance("cmi") == kPrepend2; });
  bench.prometheus = false;
  const int before = bench.changes;
  bench.run(hours{3});
  CHECK(bench.changes == before);
  CHECK(bench.state.condition == Condition::blind);
  CHECK(bench.plan().notices.front().text.find("prom-a refused") != std::string::npos);
  bench.prometheus = true;
  bench.run(minutes{20}, [&] { return bench.stance("cmi") == kWithdraw; });
  CHECK(bench.stance("cmi") == kWithdraw);
  CHECK(said(bench, "blind", "evidence is back"));
}

TEST_CASE("evidence that is too old, too thin or warned about holds everything") {
  const auto old = [](Evidence& evidence) {
    for (auto& series : evidence.series) {
      for (auto& sample : series.samples) sample.at -= minutes{10};
    }
  };
  const auto thin = [](Evidence& evidence) {
    for (auto& series : evidence.series)
      series.samples.erase(series.samples.begin(), series.samples.end() - 5);
  };
  const auto warned = [](Evidence& evidence) {
    evidence.partial = true;
    evidence.faults = {"remote read failed"};
  };
  const auto empty = [](Evidence& evidence) { evidence.series.clear(); };
  for (const auto& tamper : {std::function<void(Evidence&)>{old}, {thin}, {warned}, {empty}}) {
    Bench bench;
    bench.run(minutes{1});
    evening(bench);
    bench.tamper = tamper;
    bench.run(minutes{15});
    CHECK(bench.changes == 0);
    CHECK(bench.state.condition == Condition::blind);
  }
}

TEST_CASE("what is in force is adopted, and a withdrawn node comes back by itself") {
  Bench bench;
  for (auto& [upstream, exports] : bench.running.exports) exports.clear();
  bench.running.revision = 1;
  bench.cycle();
  // Adopted as withdrawn in this cycle, announced in the same one: nothing speaks against it.
  CHECK(bench.stance("cmi") == kPlain);
  CHECK(bench.changes == 1);
  CHECK(said(bench, "adopted", "adopted cmi as withdrawn"));
}

TEST_CASE("a session that is down is adopted as the running fragment says") {
  Bench bench;
  bench.sessions_down = {"cmi"};
  bench.prometheus = false;
  bench.cycle();
  CHECK(bench.stance("cmi") == kPlain);
  CHECK(bench.changes == 0);
}

TEST_CASE("a session is judged by the prefixes of its own address family") {
  Bench bench;
  bench.setup.config.prefixes.push_back(
      {.prefix = *Prefix::parse("2001:db8::/48"), .origin_asn = 64500});
  bench.prometheus = false;
  bench.cycle();
  CHECK(bench.stance("cmi") == kPlain);
}

TEST_CASE("a node that comes up without any evidence takes part after one window") {
  Bench bench;
  for (auto& [upstream, exports] : bench.running.exports) exports.clear();
  bench.running.revision = 1;
  bench.prometheus = false;
  bench.cycle();
  CHECK(bench.stance("cmi") == kWithdraw);
  bench.run(minutes{30}, [&] { return bench.stance("cmi") == kPlain; });
  CHECK(bench.stance("cmi") == kPlain);
  CHECK(bench.now - kStart >= bench.setup.config.evidence.window);
}

TEST_CASE("a node that comes up announces what is bad everywhere, not what is bad with it alone") {
  for (const char* where : {"", "hk-idc-1"}) {
    Bench bench;
    for (auto& [upstream, exports] : bench.running.exports) exports.clear();
    bench.running.revision = 1;
    bench.world.add({.where = {where, "", "mobile"},
                     .from = kStart - hours{1},
                     .to = kStart + hours{5},
                     .rtt = milliseconds{190},
                     .loss = 100'000});
    bench.run(hours{2});
    INFO("mobile is bad at '" << where << "'");
    CHECK(bench.stance("hkbn") == kPlain);
    CHECK(bench.stance("cmi") == (*where == '\0' ? kPlain : kWithdraw));
  }
}

TEST_CASE("a failed change has not happened, is told, and is tried again after the hold") {
  Bench bench;
  bench.run(minutes{1});
  evening(bench);
  bench.outcome.error = Error{.remedy = Remedy::fix_text, .text = "bird.conf:7:3 syntax error"};
  bench.run(minutes{20}, [&] { return bench.changes > 0; });
  CHECK(bench.stance("cmi") == kPlain);
  CHECK(bench.state.condition == Condition::safe);
  CHECK(bench.state.condition_why == "bird.conf:7:3 syntax error");
  CHECK(bench.state.changes.empty());
  bench.cycle();
  CHECK(bench.refusals("cmi").front().find("bird.conf:7:3") != std::string::npos);
  const auto since = bench.state.condition_since;
  bench.run(minutes{8});
  CHECK(bench.changes > 2);
  CHECK(bench.state.condition_since == since);
  bench.outcome.error.reset();
  bench.run(minutes{10}, [&] { return bench.stance("cmi") == kPrepend2; });
  CHECK(bench.stance("cmi") == kPrepend2);
  bench.cycle();
  CHECK(bench.state.condition == Condition::run);
}

TEST_CASE("a fragment that somebody changed is put back") {
  Bench bench;
  bench.run(minutes{1});
  bench.running.revision ^= 1U;
  bench.cycle();
  CHECK(bench.changes == 1);
  CHECK(bench.last.plan.change->why == Change::Why::drift);
  CHECK(said(bench, "router-drift", "put it back"));
  bench.cycle();
  CHECK(bench.changes == 1);
}
