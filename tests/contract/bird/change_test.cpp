#include "adapters/system/file.hpp"
#include "tests/support/bird_bench.hpp"

using namespace anycast;
using namespace anycast::test;

namespace {

const Fragment kWithdrawn = bird_fragment(all_say({Stance::Kind::withdraw}));
const Fragment kAnnounced = bird_fragment(all_say({}));
const Fragment kPrepended = bird_fragment(all_say({Stance::Kind::prepend, 2}));
const Fragment kDrained = bird_fragment(all_say({Stance::Kind::drain}));
const Fragment kMixed =
    bird_fragment({{"cmi", {Stance::Kind::prepend, 1}}, {"ntt", {}}, {"ntt6", {}}});
const Fragment kAsking =
    bird_fragment({{"cmi",
                    {Stance::Kind::prepend,
                     1,
                     {{"mobile", {Verb::prepend_to, 2}}, {"telecom", {Verb::no_export_to}}}}},
                   {"ntt", {}},
                   {"ntt6", {Stance::Kind::drain, 0, {{"telecom", {Verb::local_pref}}}}}});

void keep(bird::BirdSpeaker& speaker, const Fragment& fragment) {
  const auto applied = speaker.apply(fragment, seconds{30});
  INFO((applied ? "" : to_string(applied.error())));
  REQUIRE(applied);
  REQUIRE(speaker.confirm());
}

std::map<std::string, std::vector<Export>> exports_of(const RouterView& view) {
  std::map<std::string, std::vector<Export>> out;
  for (const auto& [upstream, session] : view.sessions) out[upstream] = session.exports;
  return out;
}

}  // namespace

TEST_CASE("reading finds what runs, with nothing to complain about") {
  on_both([](BirdBench& b) {
    const auto view = b.speaker().in_force();
    REQUIRE(view);
    CHECK(view->kind == "bird");
    CHECK(view->version.find_first_of("23") == 0);
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

TEST_CASE("every stance reaches the upstreams and is read back") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    for (const auto* fragment : {&kAnnounced, &kPrepended, &kDrained, &kAsking, &kWithdrawn}) {
      REQUIRE(speaker.check(*fragment));
      REQUIRE(speaker.apply(*fragment, seconds{30}));
      const auto probation = speaker.in_force();
      REQUIRE(probation);
      CHECK(probation->unconfirmed);
      CHECK(probation->revision == fragment->revision);
      CHECK(exports_of(*probation) == fragment->exports);
      REQUIRE(speaker.confirm());
      CHECK(!speaker.in_force()->unconfirmed);
      CHECK(b.hears(*fragment));
    }
    CHECK(!std::filesystem::exists(b.folder() + "/run/.anycastd.check.frag"));
    CHECK(!std::filesystem::exists(b.folder() + "/run/.anycastd.check.conf"));
  });
}

TEST_CASE("only the changed upstream hears anything") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(b.hears(kAnnounced));
    const auto cmi = b.updates("from_cmi");
    const auto ntt = b.updates("from_ntt");
    keep(speaker, kMixed);
    REQUIRE(b.hears(kMixed));
    CHECK(b.updates("from_cmi") != cmi);
    CHECK(b.updates("from_ntt") == ntt);
  });
}

TEST_CASE("without a confirmation bird goes back, and the file follows") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(speaker.apply(kDrained, seconds{1}));
    REQUIRE(b.hears(kDrained));
    REQUIRE(b.hears(kAnnounced));
    const auto late = speaker.in_force();
    REQUIRE(late);
    CHECK(late->revision == kAnnounced.revision);
    CHECK(late->file_revision == kDrained.revision);
    CHECK(late->notices ==
          std::vector<std::string>{"bird says 'Config timeout expired, starting undo'"});
    const auto confirmed = speaker.confirm();
    REQUIRE(!confirmed);
    CHECK(confirmed.error().text ==
          fmt::format("bird has gone back before the confirmation, it runs revision {}",
                      kAnnounced.revision));
    CHECK(b.read(b.fragment_file()) == kAnnounced.text);
  });
}

TEST_CASE("a change after one that nobody confirmed starts from what runs") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(speaker.apply(kDrained, seconds{1}));
    REQUIRE(b.hears(kAnnounced));
    REQUIRE(speaker.apply(kPrepended, seconds{30}));
    REQUIRE(speaker.undo());
    CHECK(b.read(b.fragment_file()) == kAnnounced.text);
    CHECK(speaker.in_force()->revision == kAnnounced.revision);
  });
}

TEST_CASE("an undo does not hide an edit of the operator from before it") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    REQUIRE(speaker.apply(kAnnounced, seconds{30}));
    std::this_thread::sleep_for(milliseconds{150});
    b.write(b.operator_file(), operator_text(b.fragment_file()) + "# half of an idea\n");
    std::this_thread::sleep_for(milliseconds{150});
    REQUIRE(speaker.undo());
    const auto notices = std::vector<std::string>{"'" + b.operator_file() +
                                                  "' was edited after bird's last reconfiguration"};
    CHECK(speaker.in_force()->notices == notices);
    CHECK(!speaker.apply(kAnnounced, seconds{30}));
    std::this_thread::sleep_for(milliseconds{1100});
    b.operator_says("configure");
    CHECK(speaker.in_force()->notices.empty());
    CHECK(speaker.apply(kAnnounced, seconds{30}));
  });
}

TEST_CASE("an undo takes back the running configuration and the file") {
  on_both([](BirdBench& b) {
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

TEST_CASE("a change can be confirmed over a new connection, and by a new process") {
  on_both([](BirdBench& b) {
    {
      auto speaker = b.speaker();
      REQUIRE(speaker.apply(kAnnounced, seconds{30}));
    }
    auto next = b.speaker();
    CHECK(next.apply(kDrained, seconds{30}).error().text ==
          "bird runs an unconfirmed configuration, expected a confirm, an undo or its end first");
    REQUIRE(next.confirm());
    CHECK(next.in_force()->revision == kAnnounced.revision);
    CHECK(next.confirm().error().text ==
          fmt::format("bird has nothing to confirm, it runs revision {}", kAnnounced.revision));
  });
}

TEST_CASE("a kill between apply and confirm is seen and repaired by the next start") {
  on_both([](BirdBench& b) {
    {
      auto killed = b.speaker();
      REQUIRE(killed.apply(kAnnounced, seconds{1}));
    }
    auto next = b.speaker();
    REQUIRE(eventually([&] { return next.in_force()->revision == kWithdrawn.revision; }));
    CHECK(next.in_force()->file_revision == kAnnounced.revision);
    keep(next, kAnnounced);
    CHECK(next.in_force()->revision == kAnnounced.revision);
    CHECK(b.hears(kAnnounced));
  });
}

TEST_CASE("somebody else's configure during probation keeps the change") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    REQUIRE(speaker.apply(kAnnounced, seconds{30}));
    b.operator_says("configure");
    CHECK(speaker.confirm());
    CHECK(b.read(b.fragment_file()) == kAnnounced.text);
  });
}

TEST_CASE("an operator's syntax error blocks a change with its place, not the withdrawal") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    b.operator_edits("oops;\n" + operator_text(b.fragment_file()));
    const auto refused = speaker.apply(kDrained, seconds{30});
    REQUIRE(!refused);
    CHECK(refused.error().remedy == Remedy::fix_text);
    CHECK(refused.error().place == Place{b.operator_file(), 1, 1});
    CHECK(speaker.in_force()->revision == kAnnounced.revision);
    CHECK(b.read(b.fragment_file()) == kAnnounced.text);
    CHECK(b.hears(kAnnounced));

    const auto silenced = speaker.silence(kWithdrawn);
    REQUIRE(!silenced);
    CHECK(silenced.error().text.starts_with("withdrawn but volatile: bird refuses: "));
    CHECK(silenced.error().place == Place{b.operator_file(), 1, 1});
    CHECK(b.hears(kWithdrawn));
    CHECK(b.read(b.fragment_file()) == kWithdrawn.text);
    b.operator_edits(operator_text(b.fragment_file()));
    REQUIRE(b.operator_says("configure").code() == 3);
    CHECK(speaker.in_force()->revision == kWithdrawn.revision);
    CHECK(b.hears(kWithdrawn));
  });
}

TEST_CASE("an operator's unfinished edit is not made active by us") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    b.operator_edits(operator_text(b.fragment_file()) + "# half of an idea\n");
    CHECK(speaker.in_force()->notices ==
          std::vector<std::string>{"'" + b.operator_file() +
                                   "' was edited after bird's last reconfiguration"});
    const auto refused = speaker.apply(kAnnounced, seconds{30});
    REQUIRE(!refused);
    CHECK(refused.error().remedy == Remedy::fix_text);
    CHECK(refused.error().place.file == b.operator_file());
    CHECK(b.read(b.fragment_file()) == kWithdrawn.text);
  });
}

TEST_CASE("silence withdraws at once and for good") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(b.hears(kAnnounced));
    REQUIRE(speaker.silence(kWithdrawn));
    CHECK(b.hears(kWithdrawn));
    b.operator_says("configure");
    CHECK(speaker.in_force()->revision == kWithdrawn.revision);
    CHECK(b.hears(kWithdrawn));
    keep(speaker, kAnnounced);
    CHECK(b.hears(kAnnounced));
  });
}

TEST_CASE("silence ends a probation") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(speaker.apply(kDrained, seconds{1}));
    REQUIRE(speaker.silence(kWithdrawn));
    std::this_thread::sleep_for(milliseconds{1300});
    CHECK(speaker.in_force()->revision == kWithdrawn.revision);
    CHECK(b.hears(kWithdrawn));
  });
}

TEST_CASE("a broken fragment is refused with its own file, line and column") {
  on_both([](BirdBench& b) {
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
