#include "tests/support/bird_bench.hpp"

using namespace anycast;
using namespace anycast::test;

// What a real BIRD does not do on demand.
namespace {

struct Fake {
  Fake() {
    auto world = std::make_unique<FakeBird>(bench.folder());
    bird = world.get();
    bench.world = std::move(world);
  }
  void spoil(const std::string& command, std::function<std::string(std::string)> how) const {
    bird->twist([=](const std::string& asked, const std::string& reply) {
      return asked.starts_with(command) ? how(reply) : reply;
    });
  }
  BirdBench bench = {};
  FakeBird* bird = nullptr;
};

}  // namespace

TEST_CASE("a reply that ends in the middle is an error, never half an answer") {
  const Fake fake;
  fake.spoil("show status", [](const std::string& r) { return r.substr(0, 30) + "\x04"; });
  const auto view = fake.bench.speaker().in_force();
  REQUIRE(!view);
  CHECK(view.error().text == "'" + fake.bench.world->socket() + "' hung up");
  CHECK(view.error().notes == std::vector<std::string>{"the command was 'show status'"});
}

TEST_CASE("an asynchronous line inside a reply does not disturb it") {
  const Fake fake;
  fake.bird->twist([](const std::string&, const std::string& reply) {
    const auto first = reply.find('\n') + 1;
    return "+one line\n" + reply.substr(0, first) + "+and another\n" + reply.substr(first);
  });
  const auto view = fake.bench.speaker().in_force();
  REQUIRE(view);
  CHECK(view->revision == kWithdrawn.revision);
}

TEST_CASE("what is no reply is an error that quotes it") {
  const Fake fake;
  for (const auto* garbage : {"no code\n", "00x0 \n", "0013\n", " continues nothing\n", "\n"}) {
    fake.spoil("show status", [=](const std::string&) { return garbage; });
    const auto view = fake.bench.speaker().in_force();
    REQUIRE(!view);
    CHECK(view.error().remedy == Remedy::look_at_peer);
    CHECK(view.error().text.find("expected a line with a reply code") != std::string::npos);
  }
}

TEST_CASE("a code that the command cannot give is an error") {
  const Fake fake;
  for (const auto* command :
       {"restrict", "show status", "eval", "configure status", "show protocols", "show route"}) {
    fake.spoil(command, [](const std::string&) { return "8999 what\n"; });
    CHECK(!fake.bench.speaker().in_force());
  }
}

TEST_CASE("a reply without an end, in length or in time, is given up") {
  const Fake fake;
  fake.spoil("show status", [](const std::string&) {
    std::string endless;
    for (int i = 0; i < 400000; ++i) endless += "1000-and so on, and so on\n";
    return endless;
  });
  auto patient = fake.bench.settings();
  patient.timeout = minutes{1};  // not the time is to end it
  CHECK(bird::BirdSpeaker{patient}.in_force().error().text ==
        "bird's reply is larger than 8388608 bytes");
  fake.spoil("show status", [](const std::string&) { return "1000-wait\n"; });
  CHECK(fake.bench.speaker().in_force().error().text ==
        "no answer from '" + fake.bench.world->socket() + "' in time");
  fake.spoil("show status", [](const std::string&) { return std::string(100000, 'x'); });
  CHECK(fake.bench.speaker().in_force().error().text ==
        "a line of more than 65536 bytes from '" + fake.bench.world->socket() + "'");
}

TEST_CASE("a reply cut short by a reconfiguration is asked for again, but not for ever") {
  const Fake fake;
  int cut = 0;
  fake.spoil("show status", [&cut](const std::string& reply) {
    return ++cut < 3 ? "8004 Stopped due to reconfiguration\n" : reply;
  });
  CHECK(fake.bench.speaker().in_force());
  CHECK(cut == 3);
  fake.spoil("show status", [](const std::string&) { return "8004 Stopped\n"; });
  CHECK(fake.bench.speaker().in_force().error().text ==
        "bird reconfigures all the time, no answer to 'show status'");
}

TEST_CASE("a greeting of something else is refused") {
  const Fake fake;
  fake.spoil("", [](const std::string&) { return "0001 FRR 10.3 ready.\n"; });
  CHECK(fake.bench.speaker().in_force().error().text ==
        "'" + fake.bench.world->socket() +
            "' does not greet like bird, expected '0001 BIRD <version> ready.'");
}

TEST_CASE("a connection that dies at the moment of activation ends with the old text everywhere") {
  const Fake fake;
  auto speaker = fake.bench.speaker();
  fake.spoil("configure timeout", [](const std::string&) { return "\x04"; });
  const auto applied = speaker.apply(kAnnounced, seconds{30});
  REQUIRE(!applied);
  CHECK(fake.bench.read(fake.bench.fragment_file()) == kWithdrawn.text);
  const auto view = speaker.in_force();
  REQUIRE(view);
  CHECK(view->revision == kWithdrawn.revision);
  CHECK(!view->unconfirmed);
}

TEST_CASE("a reconfiguration in progress or queued is waited for") {
  const Fake fake;
  auto speaker = fake.bench.speaker();
  int asked = 0;
  fake.bird->twist([&asked](const std::string& command, const std::string& reply) -> std::string {
    if (command.starts_with("configure timeout")) return "0002-Reading\n0005 Queued\n";
    if (command == "configure status" && ++asked > 1 && asked < 4) {
      return "0004-Reconfiguration in progress\n0000 \n";
    }
    return reply;
  });
  REQUIRE(speaker.apply(kAnnounced, seconds{30}));
  CHECK(asked == 4);
  CHECK(speaker.confirm());
}

TEST_CASE("a daemon that says done and runs something else is taken back") {
  const Fake fake;
  auto speaker = fake.bench.speaker();
  fake.spoil("eval", [](const std::string&) { return "0023 7\n"; });
  const auto applied = speaker.apply(kAnnounced, seconds{30});
  REQUIRE(!applied);
  CHECK(applied.error().text ==
        fmt::format("bird runs revision 7 after the change, expected revision {}",
                    kAnnounced.revision));
  fake.bird->twist({});
  CHECK(speaker.in_force()->revision == kWithdrawn.revision);
  CHECK(fake.bench.read(fake.bench.fragment_file()) == kWithdrawn.text);
}

TEST_CASE("an export that is not ours, and another filter, are noticed") {
  const Fake fake;
  fake.spoil("show protocols all \"cmi\"", [](std::string reply) {
    reply.replace(reply.find("0 exported"), 10, "9 exported");
    return reply.replace(reply.find("anycastd_cmi"), 12, "ACCEPT");
  });
  CHECK(fake.bench.speaker().in_force()->notices ==
        std::vector<std::string>{
            "'cmi' exports ipv4 by 'ACCEPT', expected 'export filter anycastd_cmi;'",
            "'cmi' exports 9 routes, 0 of them to be seen as our prefixes"});
}
