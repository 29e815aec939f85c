#include "controller/core/service.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/inside_world.hpp"

using namespace anycast;
using anycast::test::server;
using core::Presence;

namespace {

const Time kNow = *parse_utc("2026-06-01T12:00:00.000Z");

/// One letter a real server: u up, d down, ? unknown, - never heard of.
std::map<ServerKey, RealState> seen(const std::string& letters) {
  std::map<ServerKey, RealState> out;
  int number = 0;
  for (const char letter : letters) {
    ++number;
    if (letter == '-') continue;
    RealState state{.since = kNow - minutes{1}, .heard = kNow - seconds{1}};
    if (letter == 'u') state.alive = Alive::up;
    if (letter == 'd') state.alive = Alive::down, state.why = "refused the connection";
    out.emplace(server(number), state);
  }
  return out;
}

/// High 75 %, low 50 %.
Service service(int servers) {
  Service out{.high = 750'000, .low = 500'000};
  for (int i = 1; i <= servers; ++i) out.servers.push_back({.endpoint = server(i)});
  return out;
}

ServiceReport weigh(const std::string& letters, Level before,
                    Presence presence = Presence::announced) {
  return core::weigh("web", service(static_cast<int>(letters.size())), seen(letters),
                     {.level = before, .since = kNow - hours{1}}, presence, kNow);
}

}  // namespace

TEST_CASE("a service goes down with its last real server and comes back at the high watermark") {
  CHECK(weigh("uuuu", Level::up).state.level == Level::up);
  CHECK(weigh("uudd", Level::up).state.level == Level::up);
  CHECK(weigh("uddd", Level::up).state.level == Level::low);
  CHECK(weigh("dddd", Level::up).state.level == Level::down);
  CHECK(weigh("uudd", Level::down).state.level == Level::down);
  CHECK(weigh("uuud", Level::down).state.level == Level::up);
  CHECK(weigh("uudd", Level::low).state.level == Level::low);
  CHECK(weigh("uuud", Level::low).state.level == Level::up);
  CHECK(weigh("dddd", Level::low).state.level == Level::down);
}

TEST_CASE("what is not known is neither up nor down") {
  CHECK(weigh("????", Level::up).state.level == Level::up);
  CHECK(weigh("----", Level::down).state.level == Level::down);
  CHECK(weigh("dd??", Level::up).state.level == Level::up);
  CHECK(weigh("ddd?", Level::up).state.level == Level::low);
  CHECK(weigh("uu??", Level::low).state.level == Level::low);
  CHECK(weigh("uuu?", Level::down).state.level == Level::up);
  CHECK(weigh("udd?", Level::up).state.level == Level::up);
  CHECK(weigh("uddd", Level::up).state.level == Level::low);
}

TEST_CASE("without a history a service is what the node's announcements say") {
  CHECK(weigh("????", Level::unknown).state.level == Level::unknown);
  CHECK(weigh("uu??", Level::unknown).state.level == Level::up);
  CHECK(weigh("uddd", Level::unknown).state.level == Level::low);
  CHECK(weigh("dddd", Level::unknown).state.level == Level::down);
  CHECK(weigh("uu??", Level::unknown, Presence::withdrawn).state.level == Level::unknown);
  CHECK(weigh("uudd", Level::unknown, Presence::withdrawn).state.level == Level::down);
  CHECK(weigh("uuud", Level::unknown, Presence::withdrawn).state.level == Level::up);
}

TEST_CASE("an answer that is too old is none") {
  auto reals = seen("dd");
  reals.at(server(2)).heard = kNow - minutes{5};
  const auto report =
      core::weigh("web", service(2), reals, {.level = Level::up}, Presence::announced, kNow);
  CHECK(report.state.level == Level::up);
  CHECK(report.servers_unknown == 1);
}

TEST_CASE("weights count, and a real server without weight does not") {
  auto wanted = service(3);
  wanted.servers[0].weight = 6;
  wanted.servers[2].weight = 0;
  const auto level = [&](const std::string& letters) {
    return core::weigh("web", wanted, seen(letters), {.level = Level::up}, Presence::announced,
                       kNow)
        .state.level;
  };
  CHECK(level("uuu") == Level::up);
  CHECK(level("udd") == Level::up);
  CHECK(level("duu") == Level::low);
  CHECK(level("ddu") == Level::down);
  wanted.servers[0].weight = wanted.servers[1].weight = 0;
  CHECK(level("ddd") == Level::up);
}

TEST_CASE("a level says since when and why") {
  const auto down = weigh("dddd", Level::up);
  CHECK(down.state == ServiceState{.level = Level::down,
                                   .since = kNow,
                                   .down = {server(1), server(2), server(3), server(4)}});
  CHECK(down.why == "0 of 4 real servers up, comes up at 3; 192.0.2.1:80 refused the connection");
  CHECK(weigh("uuuu", Level::up).state.since == kNow - hours{1});
  CHECK(weigh("uuuu", Level::up).why == "4 of 4 real servers up");
  CHECK(weigh("u???", Level::up).why == "1 of 4 real servers up, 3 unknown, not enough is known");
  auto wanted = service(2);
  wanted.servers[0].weight = 9;
  const auto low = core::weigh("web", wanted, seen("du"), {.level = Level::up, .since = kNow},
                               Presence::announced, kNow);
  CHECK(low.why ==
        "1 of 2 real servers up (weight 1 of 10), comes up at weight 8; 192.0.2.1:80 refused the "
        "connection");
}

TEST_CASE("low is passing for as long as it takes to find a real server dead") {
  const auto passing = [](const std::string& letters, Duration since) {
    return core::weigh("web", service(4), seen(letters),
                       {.level = Level::low, .since = kNow - since}, Presence::announced, kNow)
        .passing;
  };
  // Three failures, 2 s apart, the last of them after 1 s.
  CHECK(passing("uddd", seconds{6}));
  CHECK_FALSE(passing("uddd", seconds{7}));
  CHECK_FALSE(passing("dddd", seconds{6}));
  CHECK(weigh("uddd", Level::up).passing);
}

TEST_CASE("a real server that is not known any more is told as it was known last") {
  const auto report = core::weigh("web", service(2), seen("u?"),
                                  {.level = Level::up, .since = kNow, .down = {server(2)}},
                                  Presence::announced, kNow);
  CHECK(report.state.down == std::vector{server(2)});
}
