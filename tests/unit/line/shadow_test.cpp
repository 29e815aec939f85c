#include "controller/app/shadow.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/app/report.hpp"
#include "controller/app/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stances.hpp"
#include "tests/unit/line/rig.hpp"

using namespace anycast;
using anycast::test::kPrepend2;
using anycast::test::kStart;
using anycast::test::Rig;

namespace {

std::shared_ptr<core::Setup> shadow_setup() {
  auto out = std::make_shared<core::Setup>(*sim::article());
  out->config.self = "hk-idc-1";
  out->config.digest = "0123456789abcdef";
  out->config.thresholds.at("mobile").rtt = {milliseconds{100}, milliseconds{140},
                                             milliseconds{120}};
  return out;
}

void names_shadow(Config& config) { config.shadow.config = "shadow.yaml"; }

/// Too slow for the shadow, and good enough for the configuration in force.
void slow_mobile(Rig& rig) {
  rig.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                 .from = kStart,
                 .to = kStart + hours{2},
                 .rtt = milliseconds{120}});
}

/// Bad for both.
void broken_telecom(Rig& rig) {
  rig.world.add({.where = {"hk-idc-1", "hkbn", "telecom"},
                 .from = kStart + minutes{10},
                 .to = kStart + minutes{30},
                 .rtt = milliseconds{300}});
}

bool of_shadow(const Event& event) { return event.kind.starts_with("shadow"); }

std::vector<Event> lines(const Rig& rig, const std::string& kind) {
  std::vector<Event> out;
  std::ranges::copy_if(rig.journal, std::back_inserter(out),
                       [&](const Event& event) { return event.kind == kind; });
  return out;
}

std::shared_ptr<const Published> run(Rig& rig, Duration span) {
  std::shared_ptr<const Published> out;
  for (Duration passed{}; passed < span; passed += rig.setup_->config.prometheus.interval)
    out = rig.cycle();
  return out;
}

/// Cycles until the shadow would have prepended, for half an hour at most.
std::shared_ptr<const Published> until_step(Rig& rig) {
  std::shared_ptr<const Published> out;
  for (int i = 0; i < 4 * 30 && lines(rig, "shadow-step-prepend").empty(); ++i) out = rig.cycle();
  return out;
}

}  // namespace

TEST_CASE("a shadow goes its own way, and what is in force is as without it, word by word") {
  Rig with{names_shadow, shadow_setup()};
  Rig without;
  for (auto* rig : {&with, &without}) {
    slow_mobile(*rig);
    broken_telecom(*rig);
  }
  for (int i = 0; i < 4 * 60; ++i) {
    const auto a = with.cycle();
    const auto b = without.cycle();
    REQUIRE(a->state == b->state);
    REQUIRE(a->plan.hash == b->plan.hash);
    REQUIRE(a->plan.fragment.text == b->plan.fragment.text);
    REQUIRE(a->counters.decisions == b->counters.decisions);
  }
  CHECK(with.speaker.changes == without.speaker.changes);
  CHECK(with.speaker.changes > 0);
  CHECK_FALSE(lines(with, "shadow-step-prepend").empty());
  std::erase_if(with.journal, of_shadow);
  const auto told = [](const Rig& rig) {
    std::vector<std::string> out;
    for (const auto& event : rig.journal) out.push_back(event.kind + ": " + event.text);
    return out;
  };
  CHECK(told(with) == told(without));
}

TEST_CASE("what the shadow would have done is in view and history, with no decision's number") {
  Rig rig{names_shadow, shadow_setup()};
  slow_mobile(rig);
  rig.cycle();
  const auto begun = lines(rig, "shadow");
  REQUIRE(begun.size() == 1);
  CHECK(begun.front().text ==
        "judges by the shadow shadow.yaml (0123456) too, which never acts; next: what it would do "
        "is in status and history");
  const auto published = until_step(rig);
  const auto steps = lines(rig, "shadow-step-prepend");
  REQUIRE(steps.size() == 1);
  CHECK(steps.front().text.starts_with(
      "only in the shadow: prepended 2 on cmi for 203.0.113.0/24 on hk-idc-1: mobile bad"));
  CHECK(steps.front().text.find('#') == std::string::npos);
  CHECK(steps.front().decision == 0);
  CHECK(steps.front().upstream == "cmi");
  CHECK(published->shadow->sessions.at("cmi").stance == kPrepend2);
  CHECK(published->shadow->steps == Counts{{{"prepend", "carrier"}, 1}});
  CHECK(published->state.sessions.at("cmi").stance == Stance{});
  CHECK(published->state.next_decision == 1);
  CHECK(rig.speaker.changes == 0);
  const auto report = report::status(*published).at("shadow");
  CHECK(report.at("upstreams").size() == 1);
  CHECK(report.at("upstreams").at(0).at("name") == "cmi");
  CHECK(report.at("upstreams").at(0).at("live").at("state") == "announced");
  CHECK(report.at("paths").at(0).at("state") == "bad");
  const auto text = text::print(report::status(*published), {.width = 160, .utc = true});
  CHECK(text.find("would have cmi prepended 2 since ") != std::string::npos);
  CHECK(text.find("otherwise as live") != std::string::npos);
  CHECK(text.find("mobile at hk-idc-1 via cmi is bad (live ") != std::string::npos);
}

TEST_CASE("a shadow climbs and comes back by its own ladder, as if its daemon obeyed") {
  Rig rig{names_shadow, shadow_setup()};
  rig.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                 .from = kStart,
                 .to = kStart + minutes{25},
                 .rtt = milliseconds{120}});
  const auto published = run(rig, hours{2});
  CHECK(lines(rig, "shadow-step-prepend").size() >= 1);
  CHECK(lines(rig, "shadow-step-announce").size() == 1);
  CHECK(published->shadow->sessions.at("cmi").stance == Stance{});
  CHECK(report::status(*published).at("shadow").at("upstreams").empty());
  CHECK(rig.speaker.changes == 0);
}

TEST_CASE("while the mode in force is observe a shadow shows what auto would do") {
  auto same = shadow_setup();
  same->config.thresholds.at("mobile") = {};
  Rig rig{[](Config& config) {
            names_shadow(config);
            config.mode = Mode::observe;
          },
          same};
  rig.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                 .from = kStart,
                 .to = kStart + hours{2},
                 .rtt = milliseconds{250}});
  const auto published = run(rig, minutes{12});
  CHECK(published->shadow->sessions.at("cmi").stance != Stance{});
  CHECK(published->shadow->paths.empty());
  CHECK(rig.speaker.changes == 0);
}

TEST_CASE("what people order holds for the shadow too") {
  Rig rig{names_shadow, shadow_setup()};
  rig.cycle();
  rig.prepend(1);
  rig.cycle();
  const auto published = rig.cycle();
  CHECK(published->state.sessions.at("cmi").stance.prepend == 1);
  CHECK(published->shadow->sessions.at("cmi").stance.prepend == 1);
  CHECK(rig.speaker.changes == 1);
}

TEST_CASE("a shadow goes on over a reload, by another ladder too, and ends where none is named") {
  Rig rig{names_shadow, shadow_setup()};
  slow_mobile(rig);
  const auto before = until_step(rig);
  REQUIRE(before->shadow->sessions.at("cmi").stance == kPrepend2);
  auto next = std::make_shared<core::Setup>(*rig.setup_);
  auto shorter = shadow_setup();
  shorter->config.policy.carrier_bad.pop_back();
  next->shadow = shorter;
  rig.line.take(next, before->now);
  const auto after = rig.cycle();
  CHECK(after->shadow->since == before->shadow->since);
  CHECK(after->shadow->steps == before->shadow->steps);
  CHECK(after->shadow->sessions.at("cmi").stance == kPrepend2);
  CHECK(after->shadow->sessions.at("cmi").since == before->shadow->sessions.at("cmi").since);
  auto none = std::make_shared<core::Setup>(*next);
  none->shadow = nullptr;
  rig.line.take(none, after->now);
  CHECK_FALSE(rig.cycle()->shadow);
}

TEST_CASE("a shadow that cannot be loaded is told, and the line goes on without it") {
  Rig rig{names_shadow};
  auto setup = std::make_shared<core::Setup>(*rig.setup_);
  setup->shadow_fault = "shadow.yaml:1:1: a shadow may not say 'nodes'";
  rig.line.take(setup, kStart);
  rig.cycle();
  const auto published = rig.cycle();
  REQUIRE(lines(rig, "shadow").size() == 1);
  CHECK(lines(rig, "shadow").front().text ==
        "the shadow shadow.yaml is not judged: shadow.yaml:1:1: a shadow may not say 'nodes'; "
        "next: nothing of it before the next reload");
  const auto notices = report::status(*published).at("notices");
  CHECK(std::ranges::any_of(notices, [](const auto& one) { return one.at("code") == "shadow"; }));
  CHECK(published->plan.condition == Condition::run);
}

TEST_CASE("what goes wrong in a shadow ends the shadow and nothing else") {
  auto broken = shadow_setup();
  broken->config.self = "nobody";
  Rig rig{names_shadow, broken};
  rig.cycle();
  const auto published = rig.cycle();
  CHECK_FALSE(published->shadow->fault.empty());
  CHECK(published->shadow->sessions.empty());
  CHECK(lines(rig, "shadow").size() == 1);
  CHECK(published->state.adopted);
  rig.prepend(1);
  CHECK(rig.cycle()->state.sessions.at("cmi").stance.prepend == 1);
}
