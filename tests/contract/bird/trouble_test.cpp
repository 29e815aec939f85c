#include "tests/support/bird_bench.hpp"

using namespace anycast;
using namespace anycast::test;

TEST_CASE("a missing include is noticed and blocks a change") {
  on_both([](BirdBench& b) {
    b.write(b.operator_file(), "router id 192.0.2.1;\nprotocol device { }\n");
    REQUIRE(eventually([&] { return b.operator_says("configure").code() == 3; }));
    auto speaker = b.speaker();
    const auto view = speaker.in_force();
    REQUIRE(view);
    CHECK(view->revision == std::nullopt);
    const auto include = "'include \"" + b.fragment_file() + "\";'";
    CHECK(view->notices ==
          std::vector<std::string>{
              "bird runs without our fragment, expected " + include + " in '" + b.operator_file() +
                  "' and a configure",
              "bird has no protocol 'cmi' for the session to 'cmi'",
              "bird has no protocol 'ntt-hk' for the session to 'ntt'",
              "bird has no protocol 'ntt6' for the session to 'ntt6'",
              "'" + b.operator_file() + "' does not include our fragment, expected " + include});
    CHECK(view->sessions.at("cmi").state == "missing");
    CHECK(speaker.apply(kAnnounced, seconds{30}).error().text ==
          "'" + b.operator_file() + "' does not include our fragment, expected " + include);
    CHECK(b.read(b.fragment_file()) == kWithdrawn.text);
  });
}

TEST_CASE("a death that was killed half-way is read, and the next change repairs it") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    REQUIRE(speaker.apply(kAnnounced, seconds{30}));
    REQUIRE(speaker.confirm());
    REQUIRE(b.hears(kAnnounced));
    for (const auto* protocol : {"anycastd4", "anycastd6"})
      CHECK(b.operator_says(fmt::format("disable \"{}\"", protocol)).code() == 0);
    REQUIRE(b.hears(kWithdrawn));
    const auto view = speaker.in_force();
    REQUIRE(view);
    CHECK(view->revision == kAnnounced.revision);
    for (const auto& [upstream, session] : view->sessions) CHECK(session.exports.empty());
    REQUIRE(speaker.apply(kAnnounced, seconds{30}));
    REQUIRE(speaker.confirm());
    CHECK(b.hears(kAnnounced));
  });
}

TEST_CASE("a fragment included by a pattern is applied without a twin, and says so") {
  on_both([](BirdBench& b) {
    b.write(b.operator_file(), operator_text(b.folder() + "/run/*.conf"));
    REQUIRE(eventually([&] { return b.operator_says("configure").code() == 3; }));
    auto speaker = b.speaker();
    CHECK(speaker.in_force()->notices ==
          std::vector<std::string>{"'" + b.operator_file() +
                                   "' does not name our fragment itself: a change is checked only "
                                   "when it is applied"});
    auto broken = kAnnounced;
    broken.text += "filter {\n";
    CHECK(speaker.check(broken));
    const auto refused = speaker.apply(broken, seconds{30});
    REQUIRE(!refused);
    CHECK(refused.error().place.file == b.fragment_file());
    CHECK(b.read(b.fragment_file()) == kWithdrawn.text);
    REQUIRE(speaker.apply(kAnnounced, seconds{30}));
    REQUIRE(speaker.confirm());
    CHECK(b.hears(kAnnounced));
  });
}

TEST_CASE("a command that could kill the daemon's socket is refused before it is sent") {
  on_both([](BirdBench& b) {
    auto client = bird::Client::connect(b.world->socket(), seconds{1}, seconds{5});
    REQUIRE(client);
    CHECK(client->ask("eval " + std::string(995, '1'))
              .error()
              .text.ends_with("expected 1 to 999 printable characters"));
    CHECK(!client->ask("show status\nconfigure"));
    CHECK(!client->ask(""));
    CHECK(client->ask("show status")->code() == 13);
  });
}

TEST_CASE("the reading connection cannot change anything") {
  on_both([](BirdBench& b) {
    auto client = bird::Client::connect(b.world->socket(), seconds{1}, seconds{5});
    REQUIRE(client);
    REQUIRE(client->restrict_rights());
    CHECK(client->ask("configure")->code() == 8007);
    CHECK(client->ask("disable \"anycastd4\"")->code() == 8007);
    CHECK(client->ask("configure check")->code() == 8007);
  });
}

TEST_CASE("a dead daemon is an error, and its restart is seen") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker();
    REQUIRE(speaker.apply(kAnnounced, seconds{30}));
    REQUIRE(speaker.confirm());
    const auto before = speaker.in_force();
    REQUIRE(before);
    b.world->kill();
    CHECK(speaker.in_force().error().remedy == Remedy::wait);
    CHECK(!speaker.apply(kWithdrawn, seconds{30}));
    b.world->start();
    REQUIRE(b.sessions_up());
    const auto after = speaker.in_force();
    REQUIRE(after);
    CHECK(after->started != before->started);
    CHECK(after->revision == kAnnounced.revision);
    CHECK(b.hears(kAnnounced));
    REQUIRE(speaker.apply(kWithdrawn, seconds{30}));
    CHECK(speaker.confirm());
  });
}
