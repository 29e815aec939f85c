#include "controller/model/health.hpp"

#include <set>

#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

const Time kStart = *parse_utc("2026-06-01T12:00:00.000Z");
const Check kCheck{
    .interval = seconds{2}, .fast_interval = milliseconds{500}, .rise = 2, .fall = 3};
const Answer kGood{.kind = Answer::Kind::good, .took = milliseconds{3}};
const Answer kFailed{
    .kind = Answer::Kind::failed, .why = "refused the connection", .took = milliseconds{1}};
const Answer kLate{};

RealState hear(RealState state, const std::vector<Answer>& answers) {
  auto at = kStart;
  for (const auto& answer : answers) state = after(kCheck, state, answer, at += seconds{1});
  return state;
}

}  // namespace

TEST_CASE("an endpoint is an address with a port, IPv6 in brackets") {
  for (const auto* text : {"192.0.2.11:80", "[2001:db8::11]:8443", "192.0.2.11:65535"}) {
    const auto endpoint = parse_server(text);
    REQUIRE(endpoint);
    CHECK(to_string(*endpoint) == text);
  }
  for (const auto* text :
       {"", ":", "192.0.2.11", "192.0.2.11:", "192.0.2.11:0", "192.0.2.11:080", "192.0.2.11:65536",
        "192.0.2.11:80 ", "2001:db8::11:80", "[192.0.2.11]:80", "[]:80", "[2001:db8::11]", "web:80",
        "192.0.2.11:+80"}) {
    INFO(text);
    CHECK_FALSE(parse_server(text));
  }
}

TEST_CASE("a real server is up after so many good tries in a row, down after so many failures") {
  CHECK(hear({}, {kGood}).alive == Alive::unknown);
  CHECK(hear({}, {kGood, kGood}) == RealState{.alive = Alive::up,
                                              .since = kStart + seconds{2},
                                              .heard = kStart + seconds{2},
                                              .took = milliseconds{3},
                                              .tries = 2});
  const auto up = hear({}, {kGood, kGood});
  CHECK(hear(up, {kFailed, kFailed}).alive == Alive::up);
  const auto down = hear(up, {kFailed, kFailed, kFailed});
  CHECK(down == RealState{.alive = Alive::down,
                          .since = kStart + seconds{3},
                          .heard = kStart + seconds{3},
                          .why = "refused the connection",
                          .took = milliseconds{1},
                          .tries = 5,
                          .failures = 3});
  CHECK(hear(down, {kGood}).alive == Alive::down);
  CHECK(hear(down, {kGood, kGood}).alive == Alive::up);
}

TEST_CASE("one try that agrees with the verdict begins the count anew") {
  const auto up = hear({}, {kGood, kGood});
  CHECK(hear(up, {kFailed, kFailed, kGood, kFailed, kFailed}).alive == Alive::up);
  CHECK(hear({}, {kFailed, kFailed, kGood, kFailed, kFailed}).alive == Alive::unknown);
}

TEST_CASE("a try that was late ourselves says nothing of the real server") {
  const auto before = hear({}, {kGood, kGood, kFailed, kFailed});
  CHECK(hear(before, {kLate, kLate, kLate}) == before);
  CHECK(hear(before, {kLate, kFailed}).alive == Alive::down);
}

TEST_CASE("tries come faster while a verdict is to be made or about to change") {
  CHECK(pace(kCheck, {}) == milliseconds{500});
  const auto up = hear({}, {kGood, kGood});
  CHECK(pace(kCheck, up) == seconds{2});
  CHECK(pace(kCheck, hear(up, {kFailed})) == milliseconds{500});
  CHECK(pace(kCheck, hear(up, {kFailed, kGood})) == seconds{2});
  CHECK(pace({.interval = milliseconds{100}}, {}) == milliseconds{100});
}

TEST_CASE("the first tries are spread over the interval, the same on every start") {
  std::set<std::int64_t> tenths;
  for (std::uint8_t i = 0; i < 100; ++i) {
    const ServerKey endpoint{{.bytes = {192, 0, 2, i}}, 80};
    const auto wait = first_wait("web", endpoint, seconds{2});
    CHECK(wait == first_wait("web", endpoint, seconds{2}));
    CHECK(wait >= seconds{0});
    CHECK(wait < seconds{2});
    tenths.insert(wait / milliseconds{200});
  }
  CHECK(tenths.size() == 10);
}

TEST_CASE("what was heard long ago is no verdict") {
  const auto up = hear({}, {kGood, kGood});
  CHECK_FALSE(stale(kCheck, up, up.heard + seconds{15}));
  CHECK(stale(kCheck, up, up.heard + seconds{15} + Duration{1}));
}
