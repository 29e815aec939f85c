#include "tests/support/frr_bench.hpp"

using namespace anycast;
using namespace anycast::test;

// What a real bgpd does not do on demand.
namespace {

struct Fake {
  Fake() {
    auto world = std::make_unique<FakeFrr>(bench.folder());
    frr = world.get();
    bench.world = std::move(world);
    auto speaker = bench.speaker();
    REQUIRE(speaker.silence(frr_fragment(all_say({Stance::Kind::withdraw}))));
  }
  void spoil(const std::string& command, std::function<std::string(std::string)> how) const {
    frr->twist([=](const std::string& asked, const std::string& reply) {
      return asked.starts_with(command) ? how(reply) : reply;
    });
  }
  FrrBench bench = {};
  FakeFrr* frr = nullptr;
};

const Fragment kPrepended3 = frr_fragment(all_say({Stance::Kind::prepend, 3}));

std::string ended(const std::string& text, char status = 0) {
  return text + std::string(3, '\0') + status;
}

}  // namespace

TEST_CASE("a reply that ends in the middle is an error, never half an answer") {
  const Fake fake;
  fake.spoil("show version", [](const std::string& r) { return r.substr(0, 9) + "\x04"; });
  const auto view = fake.bench.speaker().in_force();
  REQUIRE(!view);
  CHECK(view.error().text == "'" + fake.bench.world->socket() + "' hung up");
  CHECK(view.error().notes == std::vector<std::string>{"the command was 'show version'"});
}

TEST_CASE("a reply without an end, in length or in time, is given up") {
  const Fake fake;
  fake.spoil("show running-config",
             [](const std::string&) { return std::string((8U << 20U) + 70000U, 'x'); });
  auto patient = fake.bench.settings();
  patient.timeout = minutes{1};  // not the time is to end it
  CHECK(frr::FrrSpeaker{patient}.in_force().error().text ==
        "bgpd sends a reply of more than 8388608 bytes");
  fake.spoil("show running-config", [](const std::string&) { return "router bgp 64500\n"; });
  CHECK(fake.bench.speaker().in_force().error().text ==
        "no answer from '" + fake.bench.world->socket() + "' in time");
}

TEST_CASE("an answer that the command cannot give is an error that quotes it") {
  const Fake fake;
  for (const auto* command : {"show version", "show bgp neighbors", "show bgp ipv4"}) {
    fake.spoil(command, [](const std::string&) { return ended("what?\n"); });
    const auto view = fake.bench.speaker().in_force();
    REQUIRE(!view);
    CHECK(view.error().text.find("bgpd answers 'what?' to 'show ") == 0);
  }
  fake.spoil("show running-config", [](const std::string&) { return ended("% no\n", 13); });
  CHECK(fake.bench.speaker().in_force().error().text ==
        "bgpd answers '% no' (refused) to 'show running-config'");
}

TEST_CASE("a bgpd without its configuration yet is not asked for more") {
  const Fake fake;
  fake.spoil("show running-config",
             [](const std::string&) { return ended("frr version 8.4.4\n"); });
  const auto view = fake.bench.speaker().in_force();
  REQUIRE(!view);
  CHECK(view.error().remedy == Remedy::wait);
  CHECK(view.error().text == "bgpd has no 'router bgp' yet, expected the operator's configuration");
}

TEST_CASE("a command that is refused in the middle ends with the old objects and the old file") {
  const Fake fake;
  auto speaker = fake.bench.speaker();
  REQUIRE(speaker.apply(kAnnounced, seconds{30}));
  REQUIRE(speaker.confirm());
  for (const auto* command : {"set as-path", "clear bgp", "description"}) {
    bool once = true;
    fake.spoil(command, [&once](const std::string& reply) {
      return std::exchange(once, false) ? ended("% no\n", 13) : reply;
    });
    const auto applied = speaker.apply(kPrepended3, seconds{30});
    REQUIRE(!applied);
    CHECK(applied.error().text.find("bgpd answers '% no' (refused) to '") == 0);
    fake.frr->twist({});
    CHECK(speaker.in_force()->revision == kAnnounced.revision);
    CHECK(!speaker.in_force()->unconfirmed);
    CHECK(fake.bench.read(fake.bench.fragment_file()) == kAnnounced.text);
    CHECK(fake.bench.hears(kAnnounced));
  }
}

TEST_CASE("a change cut off at any command is taken back at the next start") {
  const Fake fake;
  {
    auto speaker = fake.bench.speaker();
    REQUIRE(speaker.apply(kAnnounced, seconds{30}));
    REQUIRE(speaker.confirm());
  }
  int cut_at = 0;
  for (bool cut = true; cut; ++cut_at) {
    cut = false;
    {
      // From its n-th write on, nothing of this process reaches bgpd any more.
      auto killed = fake.bench.speaker();
      int writes = 0;
      bool armed = false;
      fake.frr->twist([&](const std::string& asked, const std::string& reply) {
        armed |= asked == "configure terminal";
        if (!armed || writes++ < cut_at) return reply;
        cut = true;
        return std::string{"\x04"};
      });
      (void)killed.apply(kPrepended3, seconds{30});
      fake.frr->twist({});
      if (!cut) REQUIRE(killed.undo());
    }
    auto next = fake.bench.speaker();
    next.overdue();
    const auto view = next.in_force();
    REQUIRE(view);
    INFO("cut at write " << cut_at);
    if (view->unconfirmed) REQUIRE(next.undo());
    CHECK(next.in_force()->revision == kAnnounced.revision);
    CHECK(fake.bench.read(fake.bench.fragment_file()) == kAnnounced.text);
    CHECK(fake.bench.hears(kAnnounced));
  }
  CHECK(cut_at > 10);
}

TEST_CASE("a network that bgpd holds for unusable is entered again before it is announced") {
  const Fake fake;
  auto speaker = fake.bench.speaker();
  bool again = false;
  fake.frr->twist([&again](const std::string& asked, const std::string& reply) {
    again |= asked == "no network 203.0.113.0/24";
    const bool stale = !again && asked == "show bgp ipv4 unicast 203.0.113.0/24 json";
    return stale ? ended("{\"paths\":[{\"sourced\":true}]}\n") : reply;
  });
  REQUIRE(speaker.apply(kAnnounced, seconds{30}));
  CHECK(again);
  CHECK(fake.bench.hears(kAnnounced));
}

TEST_CASE("a way back that is no longer readable is told and blocks a change") {
  const Fake fake;
  fake.bench.write(fake.bench.fragment_file() + ".probation", "{\n");
  auto speaker = fake.bench.speaker();
  CHECK(speaker.in_force()->notices.size() == 1);
  CHECK(!speaker.apply(kAnnounced, seconds{30}));
  REQUIRE(speaker.silence(kWithdrawn));
  CHECK(speaker.apply(kAnnounced, seconds{30}));
}

TEST_CASE("a neighbour that exports more than our prefixes is noticed") {
  const Fake fake;
  fake.spoil("show bgp neighbors 192.0.2.2", [](std::string reply) {
    return reply.replace(reply.find("\"sentPrefixCounter\":0"), 21, "\"sentPrefixCounter\":9");
  });
  CHECK(fake.bench.speaker().in_force()->notices ==
        std::vector<std::string>{"'cmi' exports 9 routes, 0 of them to be seen as our prefixes"});
}
