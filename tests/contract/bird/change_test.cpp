#include "adapters/system/file.hpp"
#include "tests/support/bird_bench.hpp"

using namespace anycast;
using namespace anycast::test;

TEST_CASE("without a confirmation bird goes back by itself and says so") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(speaker.apply(kDrained, seconds{1}));
    REQUIRE(b.hears(kDrained));
    REQUIRE(b.hears(kAnnounced));
    const auto late = speaker.in_force();
    REQUIRE(late);
    CHECK(late->file_revision == kDrained.revision);
    CHECK(late->notices ==
          std::vector<std::string>{"bird says 'Config timeout expired, starting undo'"});
  });
}

TEST_CASE("a change leaves no file of its check behind") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    CHECK(!std::filesystem::exists(b.folder() + "/run/.anycastd.check.frag"));
    CHECK(!std::filesystem::exists(b.folder() + "/run/.anycastd.check.conf"));
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

TEST_CASE("what was silenced stays so when somebody configures") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    REQUIRE(speaker.silence(kWithdrawn));
    b.operator_says("configure");
    CHECK(speaker.in_force()->revision == kWithdrawn.revision);
    CHECK(b.hears(kWithdrawn));
  });
}
