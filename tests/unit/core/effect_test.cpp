#include "controller/core/effect.hpp"

#include <algorithm>

#include "controller/core/felt.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"
#include "tests/support/stances.hpp"

using namespace anycast;
using anycast::test::Bench;

namespace {

/// What users feel from a time on.
struct Spell {
  Time from;
  Duration rtt;
};
using Spells = std::map<std::string, std::vector<Spell>>;
using anycast::test::kAskMobile;
using anycast::test::kPlain;
using anycast::test::kPrepend2;
using anycast::test::kWithdraw;

/// Pings of the anycast address every 5 s from every region, as the spells say.
void ping_vip(const Bench& bench, const Spells& spells, Evidence& evidence) {
  const auto& config = bench.setup.config;
  for (const auto& [carrier, list] : spells) {
    for (const auto& region : config.regions) {
      ProbeSeries series{.key = {"", "", carrier, region, Target::vip}};
      for (auto t = bench.now - config.evidence.slow_window + seconds{5}; t <= bench.now;
           t += seconds{5}) {
        const auto* spell = &list.front();
        for (const auto& one : list) {
          if (one.from <= t) spell = &one;
        }
        const auto wobble = Duration(t.time_since_epoch().count() / 5'000'000 % 7 * 300);
        series.samples.push_back({.at = t, .received = true, .rtt = spell->rtt + wobble});
      }
      evidence.series.push_back(std::move(series));
    }
  }
  std::ranges::sort(evidence.series, {}, &ProbeSeries::key);
}

/// hk-idc-1 with mobile bad over cmi, and users who feel it until the spells say otherwise.
struct Evening {
  Bench bench{"hk-idc-1"};
  Spells spells;

  explicit Evening(Policy::Kind policy = Policy::Kind::ladder) {
    if (policy == Policy::Kind::prefer) {
      bench.setup = test::preferring();
      bench.setup.config.self = "hk-idc-1";
      // So that nothing but the primary is left for mobile once this node's path is out of the way.
      bench.others["hk-aws-1"].stances["cmi"] = {.kind = Stance::Kind::prepend, .prepend = 1};
    }
    for (const auto& carrier : bench.setup.config.carriers)
      spells[carrier] = {{test::kStart - hours{1}, milliseconds{50}}};
    bench.more = [this](Evidence& evidence) { ping_vip(bench, spells, evidence); };
    bench.run(minutes{1});
    bench.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                     .from = bench.now,
                     .to = bench.now + hours{48},
                     .rtt = milliseconds{190},
                     .loss = 60'000});
    spells["mobile"].push_back({bench.now, milliseconds{234}});
    bench.run(minutes{30}, [this] { return bench.stance("cmi") != kPlain; });
  }
  Evening(const Evening&) = delete;

  void feel(const std::string& carrier, Duration rtt) {
    spells[carrier].push_back({bench.now + seconds{15}, rtt});
  }
  std::string effect() const {
    for (const auto& session : bench.plan().sessions) {
      if (session.upstream == "cmi") return session.effect;
    }
    return "no session";
  }
  std::string refusal() const {
    for (const auto& text : bench.refusals("cmi")) {
      if (text.starts_with("effect: ")) return text;
    }
    return "none";
  }
  std::string told() const {
    const auto found = std::ranges::find(bench.events, "effect", &Event::kind);
    return found == bench.events.end() ? "nothing" : found->text;
  }
  std::optional<Effect> finding() const {
    const auto& findings = bench.state.learned.findings;
    const auto found = findings.find("cmi");
    return found == findings.end() ? std::nullopt : std::optional{found->second.effect};
  }
};

/// A minute of pings and ten that say the same: all with this RTT, and of twelve so many lost.
ProbeReading steady(ProbeKey key, Duration rtt, int lost = 0) {
  Estimate e{.sent = 12,
             .lost = lost,
             .rtt = {rtt, rtt - milliseconds{1}, rtt + milliseconds{1}},
             .has_rtt = true};
  ProbeReading out{.key = std::move(key), .fast = e};
  e.sent *= 10;
  e.lost *= 10;
  out.main = e;
  return out;
}

/// A step of hk-idc-1 over cmi drew mobile's users from 100 ms to what they feel now.
struct Arrival {
  Bench bench{"hk-idc-1"};
  State state = {};
  Seen seen = {.now = test::kStart};

  explicit Arrival(Duration rtt, int lost = 0) {
    Readings readings;
    for (const auto& region : bench.setup.config.regions) {
      readings.probes.push_back(steady({"", "", "mobile", region, Target::vip}, rtt, lost));
      readings.probes.push_back(steady({"", "", "telecom", region, Target::vip}, milliseconds{50}));
    }
    std::ranges::sort(readings.probes, {}, &ProbeReading::key);
    seen.evidence = Sourced<Readings>::ok(std::move(readings), seen.now);
    const auto ms = [](int n) { return milliseconds{n}; };
    const Users before{.sent = 36, .rtt = ms(100), .rtt_low = ms(99), .rtt_high = ms(101)};
    state.sessions["cmi"] = {.stance = kPlain, .decision = 7};
    state.learned.open["cmi"] = {.decision = 7,
                                 .from = kAskMobile,
                                 .to = kPlain,
                                 .at = seen.now,
                                 .aims = {{"mobile", {.before = before}}},
                                 .controls = {{"telecom", ms(50)}}};
  }

  /// What is found so long after the step.
  std::optional<Effect> found(Duration after) {
    seen.now = test::kStart + after;
    seen.evidence.value->at = seen.now;
    std::vector<Event> events;
    core::measure(bench.setup.config, seen, state, events);
    const auto finding = state.learned.findings.find("cmi");
    return finding == state.learned.findings.end() ? std::nullopt
                                                   : std::optional{finding->second.effect};
  }
};

}  // namespace

TEST_CASE("a prediction goes with the step, and the ladder waits until it is measured") {
  Evening e;
  REQUIRE(e.bench.stance("cmi") == kPrepend2);
  CHECK(e.effect() == "mobile predicted -186ms, not measured yet");
  e.bench.cycle();
  const auto since = e.bench.state.sessions.at("cmi").since;
  CHECK(e.refusal() == "effect: prepend 2 of " + format_clock(since) + " is measured at " +
                           format_clock(since + minutes{2}));
  // Somewhat better, but the few pings of the short look prove neither success nor failure.
  e.feel("mobile", milliseconds{160});
  e.bench.run(minutes{3});
  CHECK(e.refusal() == "effect: prepend 2 of " + format_clock(since) + " is measured at " +
                           format_clock(since + minutes{12}));
}

TEST_CASE("users who have moved away are no reason to climb on, however bad the path stays") {
  Evening e;
  e.feel("mobile", milliseconds{55});
  e.bench.run(minutes{13});
  CHECK(e.finding() == Effect::sufficient);
  CHECK(e.effect() ==
        "sufficient: mobile predicted -186ms, measured -179ms (telecom, unicom meanwhile +0ms)");
  CHECK(e.told().find("prepended 2 on cmi at hk-idc-1 was sufficient: mobile predicted -186ms, "
                      "measured -179ms (telecom, unicom meanwhile +0ms); next: it stays, and "
                      "suffices [#") == 0);
  e.bench.run(hours{3});
  CHECK(e.bench.stance("cmi") == kPrepend2);
  CHECK(e.refusal() == "effect: the users have moved, prepend 2 suffices: " + e.effect());
  // They come back onto it: now it is worth more.
  e.feel("mobile", milliseconds{234});
  e.bench.run(minutes{20}, [&] { return e.bench.stance("cmi") == kWithdraw; });
  CHECK(e.bench.stance("cmi") == kWithdraw);
}

TEST_CASE("a step without effect stays, is not tried again, and the next rung is") {
  Evening e;
  e.bench.run(minutes{12}, [&] { return e.finding().has_value(); });
  CHECK(e.finding() == Effect::none);
  CHECK(e.effect().starts_with("none: mobile predicted -186ms, measured "));
  e.bench.run(minutes{10}, [&] { return e.bench.stance("cmi") == kWithdraw; });
  REQUIRE(e.bench.stance("cmi") == kWithdraw);
  const auto& lessons = e.bench.state.learned.lessons;
  REQUIRE(lessons.contains("cmi prepend=2 mobile"));
  CHECK(lessons.at("cmi prepend=2 mobile").until - lessons.at("cmi prepend=2 mobile").at ==
        hours{24 * 7});
  // Back at the bottom the rung is passed over.
  auto& session = e.bench.state.sessions.at("cmi");
  session.stance = kPlain;
  session.rung = 0;
  session.cause = Cause::restore;
  e.bench.run(minutes{1});
  REQUIRE(e.bench.step("cmi") != nullptr);
  CHECK(e.bench.step("cmi")->to == kWithdraw);
}

TEST_CASE("a step that does harm is taken back at once and backs off, twice as long each time") {
  Evening e;
  const auto began = e.bench.now;
  e.feel("mobile", milliseconds{600});
  e.bench.run(minutes{10}, [&] { return e.bench.stance("cmi") == kPlain; });
  REQUIRE(e.bench.stance("cmi") == kPlain);
  CHECK(e.bench.now - began <= minutes{3});
  CHECK(e.bench.state.sessions.at("cmi").cause == Cause::undo);
  CHECK(e.bench.state.sessions.at("cmi").why ==
        "users are worse off: harmful: mobile predicted -186ms, measured +366ms (telecom, unicom "
        "meanwhile +0ms)");
  e.feel("mobile", milliseconds{234});
  e.bench.cycle();
  const auto& lesson = e.bench.state.learned.lessons.at("cmi prepend=2 mobile");
  CHECK(lesson.until - lesson.at == minutes{30});
  CHECK(e.refusal() ==
        "effect: prepend 2 did harm at " + format_clock(lesson.at) + ", backs off: " + lesson.text);
  e.bench.run(hours{1}, [&] { return e.bench.stance("cmi") == kPrepend2; });
  REQUIRE(e.bench.stance("cmi") == kPrepend2);
  e.feel("mobile", milliseconds{600});
  e.bench.run(minutes{10}, [&] { return e.bench.stance("cmi") == kPlain; });
  const auto& again = e.bench.state.learned.lessons.at("cmi prepend=2 mobile");
  CHECK(again.until - again.at == hours{1});
}

TEST_CASE("others who fare better for reasons of their own are no harm done to these") {
  Evening e;
  e.feel("telecom", milliseconds{15});
  e.feel("unicom", milliseconds{15});
  e.bench.run(minutes{3});
  CHECK(e.bench.stance("cmi") == kPrepend2);
  CHECK(e.finding() != Effect::harmful);
}

TEST_CASE("users are not taken back to a path that is as bad as the one where they are") {
  Evening e;
  e.bench.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                     .from = e.bench.now,
                     .to = e.bench.now + hours{48},
                     .rtt = milliseconds{500}});
  e.feel("mobile", milliseconds{600});
  e.bench.run(minutes{3});
  CHECK(e.bench.stance("cmi") == kPrepend2);
  CHECK(e.finding() != Effect::harmful);
}

TEST_CASE("users whom a step draws onto the bad path that they were not on are harmed by it") {
  Evening e;
  const auto key = std::string{"mobile"};
  auto& aim = e.bench.state.learned.open.at("cmi").aims.at(key);
  aim.expected = {};
  aim.before.rtt = aim.before.rtt_low = aim.before.rtt_high = milliseconds{50};
  aim.before.lost = 0;
  aim.before.jitter = {};
  // They feel what the path is like: 234 ms and, with its losses, as much again.
  e.feel("mobile", milliseconds{354});
  e.bench.run(minutes{13}, [&] { return e.bench.stance("cmi") == kPlain; });
  CHECK(e.bench.stance("cmi") == kPlain);
  CHECK(e.finding() == Effect::harmful);
}

TEST_CASE("what happens to all carriers alike is neither harm nor merit of a step") {
  Evening e;
  for (const auto& carrier : e.bench.setup.config.carriers) {
    const bool mobile = carrier == "mobile";
    e.feel(carrier, mobile ? milliseconds{600} : milliseconds{416});
  }
  e.bench.run(minutes{13}, [&] { return e.finding().has_value(); });
  CHECK(e.finding() == Effect::none);
  CHECK(e.effect().find("(telecom, unicom meanwhile +366ms)") != std::string::npos);
  CHECK(e.bench.stance("cmi") != kPlain);
}

TEST_CASE("without pings of the anycast address nothing is concluded, and the ladder goes on") {
  Bench bench{"hk-idc-1"};
  bench.run(minutes{1});
  bench.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                   .from = bench.now,
                   .to = bench.now + hours{24},
                   .rtt = milliseconds{190},
                   .loss = 60'000});
  bench.run(minutes{30}, [&] { return bench.stance("cmi") == kPrepend2; });
  bench.cycle();
  for (const auto& session : bench.plan().sessions) {
    if (session.upstream != "cmi") continue;
    CHECK(session.effect == "not measured: nobody pings the anycast address for these users");
  }
  bench.run(minutes{10}, [&] { return bench.stance("cmi") == kWithdraw; });
  CHECK(bench.stance("cmi") == kWithdraw);
  CHECK(bench.state.learned.lessons.empty());
}

TEST_CASE("two predictions that are far off within two hours freeze, until an hour has passed") {
  Evening e;
  e.bench.state.learned.far_off = {e.bench.now - minutes{100}};
  e.bench.run(minutes{12}, [&] { return e.bench.state.freeze.has_value(); });
  REQUIRE(e.bench.state.freeze.has_value());
  CHECK(e.bench.state.condition == Condition::frozen);
  CHECK(e.bench.state.condition_why ==
        "frozen by anycastd \"divergence: two predictions were far off within 2h\"");
  CHECK(std::ranges::count(e.bench.events, "frozen", &Event::kind) == 1);
  // A blind time is no clean time.
  const auto since = e.bench.now;
  e.bench.run(minutes{10});
  e.bench.prometheus = false;
  e.bench.run(minutes{5});
  e.bench.prometheus = true;
  e.bench.run(hours{3}, [&] { return !e.bench.state.freeze; });
  CHECK(!e.bench.state.freeze);
  CHECK(e.bench.now - since == minutes{75});
}

TEST_CASE("what did harm goes back although the engine has frozen itself, not if a person has") {
  for (const bool person : {false, true}) {
    Evening e;
    e.bench.state.freeze = Standing{.since = e.bench.now,
                                    .until = e.bench.now + hours{1},
                                    .reason = "divergence",
                                    .actor = person ? "lin" : "anycastd"};
    e.feel("mobile", milliseconds{600});
    e.bench.run(minutes{10});
    CHECK((e.bench.stance("cmi") == kPlain) == !person);
    CHECK(e.bench.state.freeze.has_value());
  }
}

TEST_CASE("a person ends the engine's own freeze") {
  Evening e;
  e.bench.state.learned.far_off = {e.bench.now - minutes{100}};
  e.bench.run(minutes{12}, [&] { return e.bench.state.freeze.has_value(); });
  e.bench.order({.kind = Order::Kind::unfreeze, .reason = "looked at it"});
  e.bench.cycle();
  CHECK(!e.bench.state.freeze);
  e.bench.run(minutes{10}, [&] { return e.bench.stance("cmi") == kWithdraw; });
  CHECK(e.bench.stance("cmi") == kWithdraw);
}

TEST_CASE("after a blind spell the way back needs clear evidence for all of clear_for again") {
  Bench bench{"hk-idc-1"};
  bench.run(minutes{1});
  bench.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                   .from = bench.now,
                   .to = bench.now + minutes{20},
                   .rtt = milliseconds{190},
                   .loss = 60'000});
  bench.setup.config.policy.carrier_bad.pop_back();
  bench.run(minutes{20}, [&] { return bench.stance("cmi") == kPrepend2; });
  REQUIRE(bench.stance("cmi") == kPrepend2);
  bench.setup.config.policy.restore_settle = hours{2};
  bench.run(hours{1});
  bench.prometheus = false;
  bench.run(minutes{65});
  bench.prometheus = true;
  const auto back = bench.now;
  bench.run(hours{1}, [&] { return bench.stance("cmi") == kPlain; });
  REQUIRE(bench.stance("cmi") == kPlain);
  CHECK(bench.now - back >= bench.setup.config.thresholds.at("mobile").clear_for);
  CHECK(bench.state.sessions.at("cmi").why.find("mobile clear for 10m") == 0);
}

TEST_CASE("policy prefer: what completes the plan is predicted and measured") {
  Evening e{Policy::Kind::prefer};
  REQUIRE(e.bench.stance("cmi") == kAskMobile);
  CHECK(e.effect() == "mobile predicted -186ms, not measured yet");
  e.feel("mobile", milliseconds{55});
  e.bench.run(minutes{13}, [&] { return e.finding().has_value(); });
  CHECK(e.finding() == Effect::sufficient);
  CHECK(e.effect() ==
        "sufficient: mobile predicted -186ms, measured -179ms (telecom, unicom meanwhile +0ms)");
  e.bench.run(hours{2});
  CHECK(e.bench.stance("cmi") == kAskMobile);
}

TEST_CASE(
    "policy prefer: before the plan is complete nothing is predicted, and harm is looked for") {
  Evening e{Policy::Kind::prefer};
  auto& open = e.bench.state.learned.open.at("cmi");
  for (auto& [carrier, aim] : open.aims) aim.meant = false;
  e.bench.cycle();
  CHECK(e.effect() == "nothing predicted while the plan is not complete, not measured yet");
  e.feel("mobile", milliseconds{900});
  e.bench.run(minutes{10}, [&] { return e.bench.stance("cmi") == kPlain; });
  CHECK(e.bench.stance("cmi") == kPlain);
  CHECK(e.bench.state.sessions.at("cmi").cause == Cause::undo);
}

TEST_CASE("policy prefer: harm is taken back and backs off, twice as long each time") {
  Evening e{Policy::Kind::prefer};
  e.feel("mobile", milliseconds{900});
  e.bench.run(minutes{10}, [&] { return e.bench.stance("cmi") == kPlain; });
  REQUIRE(e.bench.stance("cmi") == kPlain);
  const auto key = "cmi " + encode(kAskMobile) + " mobile";
  const auto lesson = e.bench.state.learned.lessons.at(key);
  CHECK(lesson.effect == Effect::harmful);
  CHECK(lesson.until - lesson.at == minutes{30});
  e.feel("mobile", milliseconds{234});
  e.bench.cycle();
  CHECK(e.refusal() == "effect: " + to_string(kAskMobile) + " did harm at " +
                           format_clock(lesson.at) + ", backs off: " + lesson.text);
  e.bench.run(hours{2}, [&] { return e.bench.stance("cmi") == kAskMobile; });
  REQUIRE(e.bench.stance("cmi") == kAskMobile);
  e.feel("mobile", milliseconds{900});
  e.bench.run(minutes{10}, [&] { return e.bench.stance("cmi") == kPlain; });
  const auto& again = e.bench.state.learned.lessons.at(key);
  CHECK(again.until - again.at == hours{1});
}

TEST_CASE("policy prefer: users who are well by now are not taken back to where they were") {
  Evening e{Policy::Kind::prefer};
  e.feel("mobile", milliseconds{55});
  e.bench.run(minutes{13}, [&] { return e.finding().has_value(); });
  e.bench.state.learned.findings.at("cmi").effect = Effect::harmful;
  e.bench.run(minutes{5});
  CHECK(e.bench.stance("cmi") == kAskMobile);
}

TEST_CASE(
    "policy prefer: the first step without effect backs off, the second in a row is the path's") {
  Evening e{Policy::Kind::prefer};
  e.bench.run(minutes{20}, [&] { return e.finding().has_value(); });
  REQUIRE(e.finding() == Effect::none);
  const auto key = "cmi " + encode(kAskMobile) + " mobile";
  auto& lesson = e.bench.state.learned.lessons.at(key);
  CHECK(lesson.times == 1);
  CHECK(lesson.until - lesson.at == minutes{30});
  // The same again, as if it had been tried again after the pause.
  lesson.until = e.bench.now;
  e.bench.state.learned.open["cmi"] = {.decision = e.bench.state.sessions.at("cmi").decision,
                                       .from = kPlain,
                                       .to = kAskMobile,
                                       .at = e.bench.now,
                                       .aims = {{"mobile",
                                                 {.meant = true,
                                                  .expected = milliseconds{-180},
                                                  .before = {.sent = 360,
                                                             .rtt = milliseconds{234},
                                                             .rtt_low = milliseconds{233},
                                                             .rtt_high = milliseconds{235}}}}},
                                       .controls = {{"telecom", milliseconds{50}}}};
  e.bench.run(minutes{13}, [&] { return !e.bench.state.learned.open.contains("cmi"); });
  const auto& again = e.bench.state.learned.lessons.at(key);
  CHECK(again.times == 2);
  CHECK(again.until - again.at == hours{24 * 7});
}

TEST_CASE("policy prefer: a step answers for the users whom it moves") {
  const Bench bench{"hk-idc-1"};
  Readings readings{.at = test::kStart};
  for (const auto& carrier : bench.setup.config.carriers) {
    for (const auto& region : bench.setup.config.regions)
      readings.probes.push_back(steady({"", "", carrier, region, Target::vip}, milliseconds{50}));
  }
  std::ranges::sort(readings.probes, {}, &ProbeReading::key);
  const Seen seen{.now = test::kStart, .evidence = Sourced<Readings>::ok(readings, test::kStart)};
  const std::vector<PathReport> paths;
  const std::vector<CarrierPlan> plans;
  core::Context context{
      .config = bench.setup.config, .seen = seen, .paths = paths, .state = {}, .carriers = &plans};
  // Telecom was to be elsewhere before, and is to be elsewhere after.
  core::predict(context, {.upstream = "pccw",
                          .from = {.asks = {{"telecom", {.verb = Verb::local_pref}}}},
                          .to = {.asks = {{"telecom", {.verb = Verb::prepend_to, .count = 1}},
                                          {"unicom", {.verb = Verb::local_pref}}}},
                          .cause = Cause::carrier,
                          .carriers = {"unicom"}});
  const auto& open = context.state.learned.open.at("pccw");
  REQUIRE(open.aims.size() == 1);
  CHECK(open.aims.contains("unicom"));
  CHECK(open.controls == std::map<std::string, Duration>{{"mobile", milliseconds{50}},
                                                         {"telecom", milliseconds{50}}});
}

TEST_CASE("a minute of pings proves an outage or another RTT, some losses only ten minutes do") {
  CHECK(Arrival{milliseconds{300}}.found(minutes{2}) == Effect::harmful);
  CHECK(Arrival(milliseconds{100}, 6).found(minutes{2}) == Effect::harmful);
  Arrival some{milliseconds{100}, 2};
  CHECK(some.found(minutes{2}) == std::nullopt);
  CHECK(some.found(minutes{12}) == Effect::harmful);
}
