#include "controller/core/blackhole.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"

using namespace anycast;
using anycast::test::Bench;

namespace {

const Prefix kHost = *Prefix::parse("203.0.113.7/32");

struct Rig : Bench {
  Rig() {
    setup.config.prefixes.front().vips = {*Address::parse("203.0.113.1"),
                                          *Address::parse("203.0.113.2")};
    for (auto& [name, upstream] : setup.config.upstreams)
      upstream.communities.push_back({.value = "65535:666", .does = Community::Does::blackhole});
    run(minutes{1});
  }

  std::string says(const Order& by) {
    order(by);
    cycle();
    return replies.empty() ? "" : replies.back().text;
  }
  std::string add(const std::string& host, const std::string& upstream = "cmi") {
    return says({.kind = Order::Kind::blackhole,
                 .upstream = upstream,
                 .host = *Prefix::parse(host),
                 .lasts = hours{1},
                 .reason = "attack"});
  }
  std::string del(const std::string& host, const std::string& upstream = "cmi") {
    return says({.kind = Order::Kind::unblackhole,
                 .upstream = upstream,
                 .host = *Prefix::parse(host),
                 .reason = "over"});
  }
  std::vector<Export> hosts_at(const std::string& upstream) const {
    auto out = running.exports.at(upstream);
    std::erase_if(out, [](const Export& route) { return route.prefix.length < 32; });
    return out;
  }
  std::vector<std::string> told() const {
    std::vector<std::string> out;
    for (const auto& event : events) {
      if (event.kind == "blackhole") out.push_back(event.text);
    }
    return out;
  }
};

const Export kDropped{.prefix = kHost, .communities = {"65535:65281", "65535:666"}};

}  // namespace

TEST_CASE("a blackhole reaches the chosen upstream alone, and ends by its time") {
  Rig rig;
  const auto before = rig.running;
  CHECK(rig.add("203.0.113.7/32").find("blackhole 203.0.113.7/32 on cmi") != std::string::npos);
  CHECK(rig.plan().change->why == Change::Why::blackhole);
  CHECK(rig.hosts_at("cmi") == std::vector{kDropped});
  CHECK(rig.hosts_at("hkbn").empty());
  CHECK(rig.hosts_at("pccw").empty());
  rig.run(hours{1} - minutes{1});
  CHECK(rig.hosts_at("cmi") == std::vector{kDropped});
  CHECK(rig.changes == 1);
  rig.run(minutes{2});
  CHECK(rig.running.exports == before.exports);
  CHECK(rig.state.blackholes.empty());
  CHECK(rig.changes == 2);
  CHECK(rig.told().size() == 3);
  CHECK(rig.told().at(1) ==
        "the blackhole of 203.0.113.7/32 on cmi ended by its time; next: it is withdrawn");
}

TEST_CASE("an upstream hears what its dictionary has for it, and no other takes hosts") {
  Rig rig;
  auto& dictionary = rig.setup.config.upstreams.at("cmi").communities;
  dictionary.push_back({.value = "64501:666", .does = Community::Does::blackhole});
  rig.add("203.0.113.7/32");
  CHECK(rig.hosts_at("cmi").front().communities ==
        std::vector<std::string>{"64501:666", "65535:65281", "65535:666"});
  dictionary.clear();
  rig.cycle();
  CHECK(rig.hosts_at("cmi").empty());
  CHECK(rig.told().at(1) ==
        "the blackhole of 203.0.113.7/32 on cmi has no place in the configuration any more; next: "
        "it is withdrawn");
  CHECK(rig.add("203.0.113.7/32") ==
        "refused: the dictionary of 'cmi' does not say that it takes such routes, expected an "
        "entry with 'do: blackhole' in upstreams.cmi.communities");
}

TEST_CASE("a restart, and a reboot that loses the fragment, keep it until its end") {
  Rig rig;
  rig.add("203.0.113.7/32");
  const auto state = rig.state;
  Rig next;
  next.state = state;
  next.now = rig.now;
  next.cycle();
  CHECK(next.hosts_at("cmi") == std::vector{kDropped});
  Rig late;
  late.state = state;
  late.now = rig.now + hours{2};
  late.running = rig.running;
  late.cycle();
  CHECK(late.hosts_at("cmi").empty());
}

TEST_CASE("where the state is lost, so is the order, and a session that only drops is withdrawn") {
  Rig rig;
  rig.add("203.0.113.7/32");
  rig.says({.kind = Order::Kind::pin,
            .upstream = "cmi",
            .stance = {.kind = Stance::Kind::withdraw},
            .reason = "test"});
  Rig next;
  next.state = {};
  next.running = rig.running;
  next.setup.config.mode = Mode::advise;
  next.cycle();
  CHECK(next.plan().change->text == "no longer blackhole 203.0.113.7/32 on cmi");
  CHECK(next.hosts_at("cmi").empty());
  CHECK(next.stance("cmi") == Stance{.kind = Stance::Kind::withdraw});
}

TEST_CASE("one that is over and waits behind another change is told") {
  Rig rig;
  rig.add("203.0.113.7/32");
  rig.setup.config.mode = Mode::observe;
  rig.run(hours{1} + minutes{1});
  CHECK(rig.hosts_at("cmi") == std::vector{kDropped});
  const auto& notices = rig.plan().notices;
  const auto found = std::ranges::find(notices, "blackhole", &Notice::code);
  REQUIRE(found != notices.end());
  CHECK(found->text ==
        "the blackhole of 203.0.113.7/32 on cmi is over and still announced: it goes with the "
        "change that waits");
}

TEST_CASE("only hosts of our own prefixes, on a session of this node, for a time, and few") {
  Rig rig;
  CHECK(rig.add("198.51.100.7/32") ==
        "refused: '198.51.100.7/32' is no host of our prefixes, expected a /32 or /128 inside of "
        "one");
  CHECK(rig.add("203.0.113.0/25").starts_with("refused: '203.0.113.0/25' is no host of our"));
  CHECK(rig.add("203.0.113.0/24").starts_with("refused: '203.0.113.0/24' is no host of our"));
  CHECK(rig.add("203.0.113.7/32", "ntt") ==
        "refused: '203.0.113.7/32' has no session of its family to 'ntt'");
  for (int i = 10; i < 18; ++i) rig.add("203.0.113." + std::to_string(i) + "/32");
  CHECK(rig.add("203.0.113.18/32") == "refused: 8 are in force, at most so many");
  CHECK(rig.add("203.0.113.17/32").find("refused") == std::string::npos);
  CHECK(rig.del("203.0.113.18/32") == "refused: '203.0.113.18/32' is no blackhole on cmi");
  rig.del("203.0.113.17/32");
  CHECK(rig.hosts_at("cmi").size() == 7);
}

TEST_CASE("the last address that serves is never dropped, also not one upstream after the other") {
  Rig rig;
  CHECK(rig.add("203.0.113.1/32").find("refused") == std::string::npos);
  CHECK(rig.add("203.0.113.2/32", "hkbn") ==
        "refused: '203.0.113.2/32' would leave no address of 203.0.113.0/24 that serves "
        "(prefixes.203.0.113.0/24.vips)");
  Rig bare;
  bare.setup.config.prefixes.front().vips.clear();
  CHECK(bare.add("203.0.113.7/32") ==
        "refused: which addresses of 203.0.113.0/24 serve is not known, expected them in "
        "prefixes.203.0.113.0/24.vips");
}

TEST_CASE("what the daemon refuses has not happened, and is not tried again") {
  Rig rig;
  rig.outcome.error = Error{.remedy = Remedy::look_at_peer, .text = "no UPDATE was sent"};
  CHECK(rig.add("203.0.113.7/32") == "rolled back: no UPDATE was sent");
  CHECK(rig.state.blackholes.empty());
  rig.outcome.error.reset();
  rig.run(minutes{10});
  CHECK(rig.changes == 1);
  CHECK(rig.hosts_at("cmi").empty());
}

TEST_CASE("a kill in the middle leaves the order standing") {
  Rig rig;
  rig.add("203.0.113.7/32");
  CHECK(core::intent(rig.setup.config, rig.last).blackholes == rig.state.blackholes);
}

TEST_CASE("mode advise carries it out and ends it, mode observe refuses it") {
  Rig rig;
  rig.setup.config.mode = Mode::advise;
  rig.add("203.0.113.7/32");
  CHECK(rig.hosts_at("cmi") == std::vector{kDropped});
  rig.run(hours{1} + minutes{1});
  CHECK(rig.hosts_at("cmi").empty());
  rig.setup.config.mode = Mode::observe;
  CHECK(rig.add("203.0.113.7/32") == "refused: mode observe changes nothing");
  CHECK(rig.del("203.0.113.7/32").starts_with("refused: "));
}

TEST_CASE("a freeze refuses a new one and lets the old one end") {
  Rig rig;
  rig.add("203.0.113.7/32");
  rig.says({.kind = Order::Kind::freeze, .reason = "event"});
  CHECK(rig.add("203.0.113.8/32").starts_with("refused: frozen"));
  rig.run(hours{1} + minutes{1});
  CHECK(rig.hosts_at("cmi").empty());
}

TEST_CASE("ROAs are asked about the prefix, not about the length of the host (RFC 9319)") {
  Rig rig;
  rig.setup.config.rpki = {.router = true};
  const auto roas = [&](OriginState state) {
    rig.origins["bird"] = Sourced<OriginView>::ok(
        {.prefixes = {{rig.setup.config.prefixes.front().prefix, Origin{.state = state}}}},
        rig.now);
  };
  roas(OriginState::invalid);
  CHECK(rig.add("203.0.113.7/32") ==
        "refused: 203.0.113.0/24 AS64500 is invalid by bird, and so is every host of it");
  roas(OriginState::valid);
  rig.add("203.0.113.7/32");
  rig.origins.clear();
  rig.add("203.0.113.8/32");
  CHECK(rig.hosts_at("cmi").size() == 2);
}

TEST_CASE("a session that withdraws goes on dropping the host, and what is steered is the prefix") {
  Rig rig;
  rig.add("203.0.113.7/32");
  rig.says({.kind = Order::Kind::pin,
            .upstream = "cmi",
            .stance = {.kind = Stance::Kind::withdraw},
            .reason = "test"});
  CHECK(rig.running.exports.at("cmi") == std::vector{kDropped});
  CHECK(rig.stance("cmi") == Stance{.kind = Stance::Kind::withdraw});
}

TEST_CASE("what is dropped is no prefix that is missing in the configuration") {
  Rig rig;
  rig.add("203.0.113.7/32");
  rig.run(minutes{1});
  CHECK(std::ranges::find(rig.plan().notices, "listed", &Notice::code) == rig.plan().notices.end());
}
