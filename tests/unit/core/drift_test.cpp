#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"

using namespace anycast;
using anycast::test::Bench;

namespace {

bool noticed(const Bench& bench, const std::string& code, const std::string& part) {
  return std::ranges::any_of(bench.plan().notices, [&](const Notice& notice) {
    return notice.code == code && notice.text.find(part) != std::string::npos;
  });
}

auto told(const Bench& bench, const std::string& kind) {
  return std::ranges::count(bench.events, kind, &Event::kind);
}

}  // namespace

TEST_CASE("an edited file is put back in auto and in advise, and only told in observe") {
  for (const auto mode : {Mode::automatic, Mode::advise, Mode::observe}) {
    Bench bench;
    bench.setup.config.mode = mode;
    bench.run(minutes{1});
    bench.tamper_router = [](RouterView& view) { view.file_revision.reset(); };
    bench.cycle();
    CHECK(bench.changes == (mode == Mode::observe ? 0 : 1));
    CHECK(noticed(bench, "drift", "put it back") == (mode == Mode::observe));
  }
}

TEST_CASE("in advise what runs otherwise is told, and changed by a person only") {
  Bench bench;
  bench.setup.config.mode = Mode::advise;
  bench.run(minutes{1});
  bench.tamper_router = [](RouterView& view) { view.revision = 1; };
  bench.cycle();
  CHECK(bench.changes == 0);
  CHECK(noticed(bench, "drift", "put it back"));
}

TEST_CASE("exports that differ behind our own revision are told and not handed over again") {
  Bench bench;
  bench.run(minutes{1});
  CHECK(bench.plan().fragment.revision == bench.running.revision);
  bench.tamper_router = [](RouterView& view) { view.sessions.at("cmi").exports.clear(); };
  bench.cycle();
  CHECK(bench.changes == 0);
  CHECK(noticed(bench, "drift", "cmi exports 0 routes of ours that are not the 1 wanted"));
  bench.tamper_router = {};
  bench.cycle();
  CHECK(bench.plan().notices.empty());
}

TEST_CASE(
    "a session that announces some of its prefixes is adopted as announcing, also when blind") {
  Bench bench;
  bench.prometheus = false;
  // The daemon was taken over before the second one came into the file.
  auto second = bench.setup.config.prefixes.front();
  second.prefix = *Prefix::parse("198.51.100.0/24");
  second.vips.clear();
  bench.setup.config.prefixes.push_back(second);
  bench.tamper_router = [](RouterView& view) { view.revision.reset(); };
  bench.cycle();
  CHECK(bench.stance("cmi") == Stance{});
  const auto& exports = bench.plan().fragment.exports.at("cmi");
  CHECK(exports.size() == 2);
  REQUIRE(bench.plan().change);
  CHECK(bench.plan().change->why == Change::Why::adopt);
}

TEST_CASE("the first fragment is handed over without an alarm where it changes no announcement") {
  Bench bench;
  bench.run(minutes{1});
  bench.running.revision = 0;
  bench.events.clear();
  bench.cycle();
  CHECK(bench.changes == 1);
  CHECK(told(bench, "router-drift") == 0);
  CHECK(told(bench, "applied") == 1);
  CHECK(bench.last.plan.change->text ==
        "the daemon runs no fragment of ours yet: hand it over, announcements stay as they are");
}

TEST_CASE("a first fragment that changes what is announced is told with an alarm") {
  Bench bench;
  bench.run(minutes{1});
  bench.tamper_router = [](RouterView& view) {
    view.revision = 0;
    view.sessions.at("cmi").exports.clear();
  };
  bench.events.clear();
  bench.cycle();
  CHECK(bench.changes == 1);
  CHECK(told(bench, "router-drift") == 1);
  CHECK(told(bench, "applied") == 0);
  CHECK(bench.last.plan.change->text == "the daemon runs no fragment of ours yet: hand it over");
}

TEST_CASE("blindness names the first fault behind it") {
  Bench bench;
  bench.run(minutes{1});
  bench.tamper = [](Evidence& evidence) {
    evidence.series.clear();
    evidence.faults = {"9 samples dropped", "and more"};
  };
  bench.cycle();
  CHECK(bench.plan().condition == Condition::blind);
  CHECK(bench.plan().condition_why.ends_with("needs 70 %: 9 samples dropped"));
}

TEST_CASE("blindness without a fault says why the first series is of no use") {
  Bench bench;
  bench.run(minutes{1});
  bench.tamper = [](Evidence& evidence) {
    for (auto& series : evidence.series) {
      for (auto& sample : series.samples) sample.at -= minutes{5};
    }
  };
  bench.cycle();
  CHECK(bench.plan().condition == Condition::blind);
  CHECK(bench.plan().condition_why ==
        "0 of 39 probe series are usable, needs 70 %: first hk-ali-1/cmi/mobile beijing: newest "
        "sample 5m old, limit 45s");
}

TEST_CASE("a standing order that keeps failing is tried each cycle and told once") {
  Bench bench;
  bench.run(minutes{1});
  bench.outcome.error = Error{.remedy = Remedy::fix_text, .text = "no include"};
  bench.order({.kind = Order::Kind::pin,
               .upstream = "cmi",
               .stance = {.kind = Stance::Kind::prepend, .prepend = 2},
               .reason = "test"});
  bench.cycle();
  const auto since = bench.state.condition_since;
  bench.run(minutes{1});
  CHECK(bench.changes > 2);
  CHECK(told(bench, "rolled-back") == 1);
  CHECK(bench.state.condition == Condition::safe);
  CHECK(bench.state.condition_since == since);
  bench.outcome.error.reset();
  bench.cycle();
  CHECK(bench.stance("cmi") == Stance{.kind = Stance::Kind::prepend, .prepend = 2});
}

TEST_CASE("an apply on probation is told") {
  Bench bench;
  bench.setup.config.mode = Mode::advise;
  bench.run(minutes{1});
  bench.running = {};
  bench.running.exports = {{"cmi", {}}, {"hkbn", {}}, {"pccw", {}}};
  bench.outcome.on_probation = true;
  bench.order({.kind = Order::Kind::apply, .confirm = seconds{60}, .reason = "carefully"});
  bench.cycle();
  REQUIRE(bench.state.pending.has_value());
  CHECK(told(bench, "applied") == 1);
}
