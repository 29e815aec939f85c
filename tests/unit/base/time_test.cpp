#include "controller/base/time.hpp"

#include "tests/support/catch.hpp"

using namespace anycast;

TEST_CASE("a duration needs a unit and may have several") {
  CHECK(parse_duration("45s") == seconds{45});
  CHECK(parse_duration("1m30s") == seconds{90});
  CHECK(parse_duration("0.18s") == milliseconds{180});
  CHECK(parse_duration("250us") == Duration{250});
  for (const auto* bad :
       {"", "180", "s", "1x", "-1s", "1e3s", ".5s", "5.s", "1 s", "99999999999999999s"}) {
    INFO(bad);
    CHECK(!parse_duration(bad));
  }
}

TEST_CASE("a share is per cent or a number from 0 to 1") {
  CHECK(parse_share("3%") == 30'000);
  CHECK(parse_share("0.5%") == 5'000);
  CHECK(parse_share("0.03") == 30'000);
  CHECK(parse_share("1") == kAll);
  for (const auto* bad : {"3", "101%", "-1%", "%", "", "0x1"}) {
    INFO(bad);
    CHECK(!parse_share(bad));
  }
}

TEST_CASE("what is printed reads back") {
  for (const auto* text : {"45s", "10m", "1m30s", "180ms", "400d", "250us", "0s"}) {
    INFO(text);
    CHECK(print_duration(*parse_duration(text)) == text);
  }
  CHECK(print_share(5'000) == "0.5%");
  CHECK(format_utc(*parse_utc("2026-06-01T12:20:20.250Z")) == "2026-06-01T12:20:20.250Z");
}

TEST_CASE("ages show their two largest units") {
  CHECK(format_age(seconds{6}) == "6s");
  CHECK(format_age(seconds{194}) == "3m 14s");
  CHECK(format_age(hours{12 * 24}) == "12d");
  CHECK(format_age(hours{25}) == "1d 1h");
}
