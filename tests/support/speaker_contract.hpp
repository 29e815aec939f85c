#pragma once

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

// What every adapter of a routing daemon has to do, on its fake and on the real one. Included by
// one file of its contract tests, after its bench, with `Bench` for the bench's type.
namespace {

using namespace anycast;
using namespace anycast::test;

const Fragment kPrepended = Bench::fragment(all_say({Stance::Kind::prepend, 2}));
const Fragment kAsking = Bench::fragment(asking());
const Fragment kDropping = Bench::fragment(all_say({}), dropping());
const Fragment kMixed =
    Bench::fragment({{"cmi", {Stance::Kind::prepend, 1}}, {"ntt", {}}, {"ntt6", {}}});

std::map<std::string, std::vector<Export>> exports_of(const RouterView& view) {
  std::map<std::string, std::vector<Export>> out;
  for (const auto& [upstream, session] : view.sessions) out[upstream] = session.exports;
  return out;
}

std::string runs(const Fragment& fragment) {
  return fmt::format("it runs revision {}", fragment.revision);
}

/// From one to the other: on probation and confirmed, as read back and as heard by upstreams of
/// both families.
void reaches(Bench& b, const Fragment& from, const Fragment& to,
             const Config& config = Bench::config()) {
  auto speaker = b.speaker(config);
  keep(speaker, from);
  REQUIRE(speaker.check(to));
  const auto applied = speaker.apply(to, seconds{30});
  INFO((applied ? "" : to_string(applied.error())));
  REQUIRE(applied);
  const auto probation = speaker.in_force();
  REQUIRE(probation);
  CHECK(probation->unconfirmed);
  CHECK(probation->revision == to.revision);
  CHECK(exports_of(*probation) == to.exports);
  REQUIRE(speaker.confirm());
  CHECK(!speaker.in_force()->unconfirmed);
  CHECK(b.hears(to));
}

}  // namespace

TEST_CASE("reading finds what runs, with nothing to complain about") {
  on_both([](Bench& b) {
    const auto view = b.speaker().in_force();
    REQUIRE(view);
    CHECK(view->version.find_first_of("1238") == 0);
    CHECK(view->revision == kWithdrawn.revision);
    CHECK(view->file_revision == kWithdrawn.revision);
    CHECK(view->fragment == kWithdrawn.text);
    CHECK(!view->unconfirmed);
    CHECK(view->notices == std::vector<std::string>{});
    CHECK(exports_of(*view) == kWithdrawn.exports);
    CHECK(view->sessions.at("ntt").state == "Established");
    CHECK(b.speaker().in_force()->started == view->started);
  });
}

// One test for each action: tests/matrix.py has a row for each of them.
TEST_CASE("action: announce") {
  on_both([](Bench& b) { reaches(b, kPrepended, kAnnounced); });
}
TEST_CASE("action: prepend") {
  on_both([](Bench& b) { reaches(b, kWithdrawn, kPrepended); });
}
TEST_CASE("action: drain by GRACEFUL_SHUTDOWN") {
  on_both([](Bench& b) { reaches(b, kPrepended, kDrained); });
}
TEST_CASE("action: communities, standard and large") {
  on_both([](Bench& b) { reaches(b, kDrained, kAsking); });
}
TEST_CASE("action: withdraw") {
  on_both([](Bench& b) { reaches(b, kAsking, kWithdrawn); });
}
TEST_CASE("action: blackhole of hosts at one upstream") {
  on_both([](Bench& b) {
    reaches(b, kAnnounced, kDropping);
    const auto cmi = b.news("t_cmi");
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    CHECK(b.hears(kAnnounced));
    CHECK(exports_of(*speaker.in_force()) == kAnnounced.exports);
    keep(speaker, kDropping);
    CHECK(b.hears(kDropping));
    CHECK(b.news("t_cmi") == cmi);
  });
}
TEST_CASE("action: all of these for several prefixes, and for one less") {
  on_both([](Bench& b) {
    const auto config = with_more_prefixes(Bench::config());
    const auto says = [&](const auto& stances) { return Bench::fragment(stances, {}, config); };
    const auto announced = says(all_say({}));
    reaches(b, announced, says(all_say({Stance::Kind::prepend, 2})), config);
    reaches(b, says(all_say({Stance::Kind::drain})), says(asking()), config);
    reaches(b, says(all_say({Stance::Kind::withdraw})), announced, config);
    reaches(b, announced, kAnnounced, config);
    reaches(b, kAnnounced, kWithdrawn);
  });
}

TEST_CASE("only the changed upstream hears anything") {
  on_both([](Bench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(b.hears(kAnnounced));
    const auto cmi = b.news("t_cmi");
    const auto ntt = b.news("t_ntt");
    keep(speaker, kMixed);
    REQUIRE(b.hears(kMixed));
    CHECK(b.news("t_cmi") != cmi);
    CHECK(b.news("t_ntt") == ntt);
  });
}

TEST_CASE("without a confirmation the change goes back, and the file follows") {
  on_both([](Bench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(speaker.apply(kDrained, seconds{1}));
    REQUIRE(b.hears(kDrained));
    REQUIRE(eventually([&] {
      speaker.overdue();
      return speaker.in_force()->revision == kAnnounced.revision;
    }));
    CHECK(b.hears(kAnnounced));
    const auto confirmed = speaker.confirm();
    REQUIRE(!confirmed);
    CHECK(confirmed.error().text.ends_with(runs(kAnnounced)));
    CHECK(b.read(b.fragment_file()) == kAnnounced.text);
  });
}

TEST_CASE("a change after one that nobody confirmed starts from what runs") {
  on_both([](Bench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(speaker.apply(kDrained, seconds{1}));
    REQUIRE(eventually([&] { return speaker.apply(kPrepended, seconds{30}).has_value(); }));
    CHECK(b.hears(kPrepended));
    REQUIRE(speaker.undo());
    CHECK(b.read(b.fragment_file()) == kAnnounced.text);
    CHECK(speaker.in_force()->revision == kAnnounced.revision);
  });
}

TEST_CASE("an undo takes back the running configuration and the file") {
  on_both([](Bench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(speaker.apply(kPrepended, seconds{30}));
    REQUIRE(speaker.undo());
    CHECK(b.read(b.fragment_file()) == kAnnounced.text);
    CHECK(speaker.in_force()->revision == kAnnounced.revision);
    CHECK(b.hears(kAnnounced));
    // A second undo must not take back what was confirmed before.
    REQUIRE(speaker.undo());
    CHECK(speaker.in_force()->revision == kAnnounced.revision);
  });
}

TEST_CASE("a change can be confirmed by a new process") {
  on_both([](Bench& b) {
    {
      auto speaker = b.speaker();
      REQUIRE(speaker.apply(kAnnounced, seconds{30}));
    }
    auto next = b.speaker();
    next.overdue();
    CHECK(next.in_force()->unconfirmed);
    CHECK(next.apply(kDrained, seconds{30})
              .error()
              .text.ends_with("expected a confirm, an undo or its end first"));
    REQUIRE(next.confirm());
    CHECK(next.in_force()->revision == kAnnounced.revision);
    CHECK(b.hears(kAnnounced));
    CHECK(next.confirm().error().text.ends_with(" has nothing to confirm, " + runs(kAnnounced)));
  });
}

TEST_CASE("a kill between apply and confirm is seen and repaired by the next start") {
  on_both([](Bench& b) {
    {
      auto killed = b.speaker();
      REQUIRE(killed.apply(kAnnounced, seconds{1}));
    }
    auto next = b.speaker();
    REQUIRE(eventually([&] {
      next.overdue();
      return next.in_force()->revision == kWithdrawn.revision;
    }));
    keep(next, kAnnounced);
    CHECK(next.in_force()->revision == kAnnounced.revision);
    CHECK(b.hears(kAnnounced));
  });
}

TEST_CASE("action: silence withdraws at once and for good") {
  on_both([](Bench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(b.hears(kAnnounced));
    REQUIRE(speaker.silence(kWithdrawn));
    CHECK(b.hears(kWithdrawn));
    CHECK(speaker.in_force()->revision == kWithdrawn.revision);
    keep(speaker, kAnnounced);
    CHECK(b.hears(kAnnounced));
  });
}

TEST_CASE("silence ends a probation") {
  on_both([](Bench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(speaker.apply(kDrained, seconds{1}));
    REQUIRE(speaker.silence(kWithdrawn));
    std::this_thread::sleep_for(milliseconds{1300});
    speaker.overdue();
    CHECK(speaker.in_force()->revision == kWithdrawn.revision);
    CHECK(b.hears(kWithdrawn));
  });
}

TEST_CASE("a broken fragment is refused with its own file, line and column") {
  on_both([](Bench& b) {
    auto speaker = b.speaker();
    auto broken = kAnnounced;
    broken.text += "filter {\n";
    for (const auto& result : {speaker.check(broken), speaker.apply(broken, seconds{30})}) {
      REQUIRE(!result);
      CHECK(result.error().place.file == b.fragment_file());
      CHECK(result.error().place.line > 1);
    }
    CHECK(b.read(b.fragment_file()) == kWithdrawn.text);
    CHECK(speaker.in_force()->revision == kWithdrawn.revision);
  });
}

TEST_CASE("a fragment edited by hand has no revision of its own") {
  on_both([](Bench& b) {
    b.write(b.fragment_file(), kWithdrawn.text + "# a remark\n");
    const auto view = b.speaker().in_force();
    REQUIRE(view);
    CHECK(view->file_revision == std::nullopt);
    CHECK(view->revision == kWithdrawn.revision);
  });
}

TEST_CASE("a second writer is refused as long as the first one lives") {
  on_both([](Bench& b) {
    auto second = b.speaker();
    {
      auto first = b.speaker();
      REQUIRE(first.check(kAnnounced));
      const auto refused = second.apply(kAnnounced, seconds{30});
      REQUIRE(!refused);
      CHECK(refused.error().text.starts_with("another anycastd writes '" + b.fragment_file()));
      CHECK(second.in_force());
    }
    CHECK(second.check(kAnnounced));
  });
}

TEST_CASE("a daemon that hangs is an error in time, and nothing is left half done") {
  on_both([](Bench& b) {
    auto speaker = b.speaker();
    REQUIRE(speaker.check(kAnnounced));
    b.world->freeze();
    const auto begin = std::chrono::steady_clock::now();
    const auto view = speaker.in_force();
    const auto applied = speaker.apply(kAnnounced, seconds{30});
    const auto took = std::chrono::steady_clock::now() - begin;
    b.world->thaw();
    REQUIRE(!view);
    CHECK(view.error().remedy == Remedy::wait);
    REQUIRE(!applied);
    CHECK(took < seconds{15});  // half of the probation
    CHECK(b.read(b.fragment_file()) == kWithdrawn.text);
    REQUIRE(eventually([&] { return speaker.in_force().has_value(); }));
    CHECK(speaker.in_force()->revision == kWithdrawn.revision);
    keep(speaker, kAnnounced);
  });
}

TEST_CASE("silence without a daemon leaves the withdrawn fragment for its next start") {
  on_both([](Bench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    b.world->kill();
    const auto silenced = speaker.silence(kWithdrawn);
    REQUIRE(!silenced);
    CHECK(silenced.error().text.starts_with("not withdrawn: "));
    CHECK(b.read(b.fragment_file()) == kWithdrawn.text);
    b.world->start();
    REQUIRE(b.sessions_up());
    CHECK(b.hears(kWithdrawn));
  });
}
