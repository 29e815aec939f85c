#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "controller/app/report.hpp"
#include "controller/app/text.hpp"
#include "controller/base/text.hpp"
#include "controller/core/choose.hpp"
#include "controller/core/notices.hpp"
#include "controller/core/words.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/part.hpp"
#include "tests/support/stances.hpp"
#include "tests/support/texts.hpp"
#include "tests/unit/app/published_builder.hpp"

using namespace anycast;
using anycast::test::kPlain;
using anycast::test::kWithdraw;
using anycast::test::part;

namespace {

/// The evening of the published scenes before anything is chosen.
struct Unchosen {
  Published published = testing::evening();
  Config config = testing::fleet_config();
  Seen seen = {.now = testing::noon()};
  State state = published.state;
  core::Fitness fitness = {};

  Unchosen() { seen.router = published.router; }
  PathReport& path(const PathKey& key) {
    return *std::ranges::find(published.plan.paths, key, &PathReport::key);
  }
  PathReport& bad() { return path({"hk-idc-1", "cmi", "mobile"}); }
  SessionState& cmi() { return state.sessions.at("cmi"); }
};

const std::string kDead = "web: 0 of 4 real servers up, comes up at 2; 192.0.2.129:80 refused";

struct RuleCase {
  std::string rule;
  std::function<void(Unchosen&)> make = [](Unchosen&) {};
};

void all_clear(Unchosen& s) {
  auto good = s.path({"hk-ali-1", "cmi", "mobile"});
  good.key = s.bad().key;
  s.bad() = good;
}

const std::vector<RuleCase>& rule_cases() {
  static const std::vector<RuleCase> kCases = {
      {"3.0 undo",
       [](Unchosen& s) {
         s.state.learned.findings["cmi"] = {
             .effect = Effect::harmful,
             .at = s.seen.now,
             .decision = 1841,
             .text =
                 "harmful: mobile predicted -120ms, measured +80ms (telecom, unicom meanwhile "
                 "+1ms)"};
       }},
      {"3.1 drain",
       [](Unchosen& s) {
         s.state.drain =
             Standing{.since = s.seen.now - seconds{5}, .reason = "kernel update", .actor = "lin"};
       }},
      {"3.1 drain, then withdraw",
       [](Unchosen& s) {
         s.state.drain =
             Standing{.since = s.seen.now - minutes{5}, .reason = "kernel update", .actor = "lin"};
       }},
      {"3.2 pin",
       [](Unchosen& s) {
         s.cmi().pin = Pin{.stance = kWithdraw, .reason = "ticket 7", .actor = "lin"};
       }},
      {"3.3 dead",
       [](Unchosen& s) {
         s.fitness = {Level::down, kDead};
       }},
      {"3.4 return", [](Unchosen& s) { s.cmi().cause = Cause::operated, s.cmi().rung = 0; }},
      {"3.5 alive",
       [](Unchosen& s) {
         all_clear(s);
         s.cmi() = {.stance = kWithdraw, .since = s.seen.now - hours{1}, .cause = Cause::service};
         s.fitness = {Level::up, "web: 4 of 4 real servers up"};
       }},
      {"3.6 startup",
       [](Unchosen& s) {
         all_clear(s);
         s.cmi() = {.stance = kWithdraw, .rung = 2, .since = s.seen.now, .cause = Cause::startup};
       }},
      {"3.7 degrade",
       [](Unchosen& s) {
         s.cmi() = {.stance = kPlain, .since = s.seen.now - hours{3}, .cause = Cause::restore};
       }},
      {"3.7 degrade further"},
      {"3.7 degrade, a rung without effect passed over",
       [](Unchosen& s) {
         s.cmi() = {.stance = kPlain, .since = s.seen.now - hours{3}, .cause = Cause::restore};
         s.state.learned.lessons["cmi prepend=2 mobile"] = {
             .effect = Effect::none, .at = s.seen.now, .until = s.seen.now + hours{9}};
       }},
      {"3.8 weak",
       [](Unchosen& s) {
         all_clear(s);
         s.cmi() = {.stance = kPlain, .since = s.seen.now - hours{3}, .cause = Cause::restore};
         s.fitness = {Level::low, "web: 1 of 8 real servers up, comes up at 4"};
       }},
      {"3.9 restore", all_clear},
      {"3.9 not yet clear for long enough: no step",
       [](Unchosen& s) {
         all_clear(s);
         s.bad().state.clear_since = s.seen.now - minutes{1};
       }},
      {"2 blame border: no step", [](Unchosen& s) { s.bad().blame = "border"; }},
      {"2 blame node", [](Unchosen& s) { s.bad().blame = "node"; }},
      {"2 blame session", [](Unchosen& s) { s.bad().blame = "session"; }},
      {"1 unknown: no step",
       [](Unchosen& s) {
         s.bad().measured_bad = false;
         s.bad().unknown_why = "1 of 3 regions usable, needs 2";
       }},
      {"1 no longer bad, not yet clear: no step",
       [](Unchosen& s) { s.bad().measured_bad = false; }},
  };
  return kCases;
}

std::string texts(const RuleCase& wanted) {
  Unchosen s;
  wanted.make(s);
  auto& p = s.published;
  core::Context context{
      .config = s.config, .seen = s.seen, .paths = p.plan.paths, .state = s.state};
  context.fitness = s.fitness;
  for (const auto& [node, entry] : s.config.nodes) {
    for (const auto& [upstream, session] : entry.sessions)
      context.announcing.emplace(node, upstream);
  }
  p.plan.steps = core::choose(context);
  std::erase_if(p.plan.steps, [](const Step& step) { return step.upstream != "cmi"; });
  p.config = std::make_shared<const Config>(s.config);
  p.state = s.state;
  p.plan.notices.clear();
  core::notices(s.config, s.seen, s.state, p.plan);
  std::string out = "## " + wanted.rule + "\n";
  auto after = s.cmi();
  for (auto& step : p.plan.steps) {
    step.decision = 1842;
    after.stance = step.to;
    after.rung = step.rung;
    after.since = s.seen.now;
    const bool held = s.state.drain || after.pin;
    after.cause = step.cause == Cause::operated && !held ? Cause::restore : step.cause;
    out += fmt::format("{} {} -> {}, rung {}, cause {}\n-- journal\n{}\n", step.upstream,
                       to_string(step.from), to_string(step.to), step.rung, to_string(step.cause),
                       core::step_done(s.config, p.plan, step, after));
  }
  for (auto& session : p.plan.sessions) {
    if (session.upstream == "cmi") session = core::session_report(s.config, p.plan, "cmi", after);
  }
  const auto was = s.bad().state.verdict == Verdict::bad ? Verdict::warn : Verdict::bad;
  out += "-- journal of the verdict\n" + core::verdict_changed(s.config, s.bad(), was) + "\n";
  const text::Look look{.width = 100, .utc = true};
  const auto status = text::print(report::status(p), look);
  const auto explain = text::print(*report::explain(p, "hk-idc-1", "cmi"), look);
  return out + "-- status\n" + part(status, "! ", "NODE") + part(status, "next", "why?") +
         "-- explain\n" + part(explain, "2 judged", "5 guarded") + "\n";
}

}  // namespace

TEST_CASE("what each rule of judging, blaming and choosing says is told as in the file") {
  std::string all;
  for (const auto& wanted : rule_cases()) all += texts(wanted);
  test::same_as_golden("rules.txt", all);
}
