#include <fmt/format.h>

#include <thread>

#include "controller/base/text.hpp"
#include "tests/support/frr_bench.hpp"

using namespace anycast;
using namespace anycast::test;

namespace {

/// The running configuration without what is ours to change.
std::string not_ours(const FrrBench& b) {
  std::string out;
  bool skip = false;
  for (const auto& line : split(b.configuration(), '\n')) {
    const bool ours = line.find("anycastd.") != std::string::npos ||
                      line.starts_with("route-map anycastd_") ||
                      line.find("network 203.0.113.0/24") != std::string::npos ||
                      line.find("network 2001:db8:100::/48") != std::string::npos;
    if (line.starts_with("route-map ")) skip = ours;
    if (!ours && !skip && line != "!") out += line + "\n";
    if (line == "exit") skip = false;
  }
  return out;
}

}  // namespace

TEST_CASE("nothing of the operator's own configuration is touched") {
  on_both([](FrrBench& b) {
    const auto before = not_ours(b);
    CHECK(before.find("network 198.51.100.0/24") != std::string::npos);
    CHECK(before.find("route-map customers permit 10") != std::string::npos);
    auto speaker = b.speaker();
    for (const auto* fragment : {&kAnnounced, &kDrained, &kWithdrawn}) {
      keep(speaker, *fragment);
      CHECK(not_ours(b) == before);
    }
    REQUIRE(speaker.apply(kAnnounced, seconds{30}));
    REQUIRE(speaker.undo());
    REQUIRE(speaker.silence(kWithdrawn));
    CHECK(not_ours(b) == before);
    CHECK(b.read(b.operator_file()) == frr_operator_text());
  });
}

TEST_CASE("each change is news to each upstream once, and bgpd's second look at it is none") {
  on_both([](FrrBench& b) {
    auto speaker = b.speaker();
    const auto all = [&] {
      return b.news("t_cmi") + " " + b.news("t_ntt") + " " + b.news("t_ntt6");
    };
    keep(speaker, kAnnounced);
    REQUIRE(b.hears(kAnnounced));
    const auto announced = all();
    keep(speaker, kAnnounced);
    CHECK(all() == announced);
    keep(speaker, kDrained);
    REQUIRE(b.hears(kDrained));
    const auto drained = all();
    CHECK(drained != announced);
    // It sends a changed route-map's routes once more after 5 s.
    if (b.world->is_real()) std::this_thread::sleep_for(milliseconds{5500});
    CHECK(all() == drained);
    CHECK(b.hears(kDrained));
  });
}

TEST_CASE("objects of ours that somebody changed are drift, and the next change repairs them") {
  on_both([](FrrBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    b.operator_says({"configure terminal", "route-map anycastd_cmi permit 10",
                     "set as-path prepend 64500 64500 64500", "exit",
                     "route-map anycastd_cmi permit 20", "end"});
    const auto view = speaker.in_force();
    REQUIRE(view);
    CHECK(view->revision != kAnnounced.revision);
    CHECK(view->revision != std::nullopt);
    CHECK(view->notices ==
          std::vector<std::string>{fmt::format("objects of ours in bgpd are not those of revision "
                                               "{}: somebody else has changed them",
                                               kAnnounced.revision)});
    keep(speaker, kAnnounced);
    CHECK(speaker.in_force()->revision == kAnnounced.revision);
    CHECK(b.hears(kAnnounced));
  });
}

TEST_CASE("a route-map of ours that was deleted withdraws, and comes back") {
  on_both([](FrrBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    b.operator_says({"configure terminal", "no route-map anycastd_cmi", "end",
                     "clear bgp ipv4 unicast 192.0.2.2 soft out"});
    REQUIRE(b.hears("t_cmi", {}));
    CHECK(speaker.in_force()->revision != kAnnounced.revision);
    keep(speaker, kAnnounced);
    CHECK(b.hears(kAnnounced));
  });
}

TEST_CASE("a restarted bgpd says nothing of ours until it is handed over again") {
  on_both([](FrrBench& b) {
    auto speaker = b.speaker();
    keep(speaker, kAnnounced);
    const auto before = speaker.in_force();
    b.world->kill();
    CHECK(speaker.in_force().error().remedy == Remedy::wait);
    CHECK(!speaker.apply(kWithdrawn, seconds{30}));
    b.world->start();
    REQUIRE(b.sessions_up());
    const auto after = speaker.in_force();
    REQUIRE(after);
    CHECK(after->started != before->started);
    CHECK(after->revision == std::nullopt);
    CHECK(after->file_revision == kAnnounced.revision);
    CHECK(after->notices == std::vector<std::string>{
                                "bgpd has none of our route-maps: nothing of ours is announced"});
    CHECK(b.hears("t_cmi", {}));
    keep(speaker, kAnnounced);
    CHECK(b.hears(kAnnounced));
  });
}

TEST_CASE("a change that reaches nobody is taken back, with the likely reason") {
  on_both([](FrrBench& b) {
    auto speaker = b.speaker();
    // A list of his own in between: whatever we say, the neighbour hears nothing.
    b.operator_says({"configure terminal", "router bgp 64500", "address-family ipv4 unicast",
                     "neighbor 192.0.2.2 route-map nobody out", "end"});
    const auto applied = speaker.apply(kAnnounced, seconds{30});
    REQUIRE(!applied);
    CHECK(applied.error().text == "bgpd has sent no UPDATE to 'cmi' after the change");
    CHECK(b.read(b.fragment_file()) == kWithdrawn.text);
    const auto view = speaker.in_force();
    REQUIRE(view);
    CHECK(view->revision == kWithdrawn.revision);
    CHECK(!view->unconfirmed);
    CHECK(view->notices ==
          std::vector<std::string>{"'cmi' exports ipv4 by 'nobody', expected 'neighbor 192.0.2.2 "
                                   "route-map anycastd_cmi out'"});
    CHECK(b.hears(kWithdrawn));
    b.operator_says({"configure terminal", "router bgp 64500", "address-family ipv4 unicast",
                     "neighbor 192.0.2.2 route-map anycastd_cmi out", "end"});
    keep(speaker, kAnnounced);
  });
}

TEST_CASE("a network with a map of the operator's is his, and blocks a change") {
  on_both([](FrrBench& b) {
    auto speaker = b.speaker();
    const std::vector<std::string> inside{"configure terminal", "router bgp 64500",
                                          "address-family ipv4 unicast"};
    auto commands = inside;
    commands.insert(commands.end(), {"no network 203.0.113.0/24",
                                     "network 203.0.113.0/24 route-map customers", "end"});
    b.operator_says(commands);
    const auto refused = speaker.apply(kAnnounced, seconds{30});
    REQUIRE(!refused);
    CHECK(refused.error().text ==
          "bgpd has 'network 203.0.113.0/24 route-map customers', expected 'network "
          "203.0.113.0/24' alone or none");
    commands = inside;
    commands.insert(commands.end(), {"no network 203.0.113.0/24 route-map customers", "end"});
    b.operator_says(commands);
    keep(speaker, kAnnounced);
  });
}

TEST_CASE("what a 'write memory' saved is told, and what other daemons hold is taken out") {
  on_both([](FrrBench& b) {
    auto speaker = b.speaker();
    b.write(b.operator_file(), frr_operator_text() + kAnnounced.text);
    CHECK(speaker.in_force()->notices ==
          std::vector<std::string>{"'" + b.operator_file() +
                                   "' holds objects of ours, saved by a 'write memory': a restart "
                                   "of FRR would run them again, expected no 'route-map "
                                   "anycastd...' and no list of ours in it"});
    b.write(b.operator_file(), frr_operator_text());
    if (!b.world->is_real()) return;  // the fake is bgpd alone
    // From 10 on mgmtd has them, which is not started here.
    if (b.configuration("zebra").find("route-map customers") == std::string::npos) return;
    b.operator_says(
        {"configure terminal", "ip prefix-list anycastd.x seq 5 permit 192.0.2.0/24",
         "route-map anycastd_cmi permit 10", "match ip address prefix-list anycastd.x", "end"},
        "zebra");
    keep(speaker, kAnnounced);
    CHECK(b.configuration("zebra").find("anycastd") == std::string::npos);
    CHECK(b.configuration("zebra").find("route-map customers") != std::string::npos);
  });
}

TEST_CASE("a session that the configuration no longer has blocks a change while it is attached") {
  on_both([](FrrBench& b) {
    auto config = frr_config();
    config.nodes["hk1"].sessions.erase("cmi");
    const auto less =
        render::fragment(*shipped_frr_template(), config, {{"ntt", {}}, {"ntt6", {}}});
    REQUIRE(less);
    auto speaker = b.speaker();
    CHECK(speaker.apply(*less, seconds{30}).error().text ==
          "bgpd uses the route-map 'anycastd_cmi', which no session has any more; expected it to "
          "be taken off its neighbor first");
    CHECK(speaker.in_force()->revision == kWithdrawn.revision);
  });
}
