#include "controller/model/origin.hpp"

#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

Roa roa(std::string_view text) { return *parse_roa(text); }
const Prefix kOurs = *Prefix::parse("203.0.113.0/24");

}  // namespace

TEST_CASE("one ROA that authorises the AS at this length is enough, whatever others say") {
  CHECK(judge_origin(kOurs, 64500,
                     {roa("203.0.113.0/24-24 AS64511"), roa("203.0.112.0/22-24 AS64500")}) ==
        Origin{.state = OriginState::valid});
}

TEST_CASE("ROAs that cover the prefix and do not authorise it make it invalid, and are told once") {
  const auto other = roa("203.0.113.0/24-24 AS64511");
  const auto too_short = roa("203.0.112.0/22-23 AS64500");
  CHECK(judge_origin(kOurs, 64500, {other, too_short, other}) ==
        Origin{.state = OriginState::invalid, .roas = {too_short, other}});
}

TEST_CASE("ROAs of other prefixes, and of parts of ours, say nothing") {
  CHECK(judge_origin(kOurs, 64500, {}) == Origin{.state = OriginState::not_found});
  CHECK(judge_origin(kOurs, 64500,
                     {roa("198.51.100.0/24-24 AS64500"), roa("203.0.113.0/25-25 AS64500"),
                      roa("2001:db8::/32-48 AS64500")}) == Origin{.state = OriginState::not_found});
}

TEST_CASE("AS 0 authorises nobody, not even itself") {
  const auto nobody = roa("203.0.113.0/24-24 AS0");
  CHECK(judge_origin(kOurs, 0, {nobody}) ==
        Origin{.state = OriginState::invalid, .roas = {nobody}});
}

TEST_CASE("a ROA is read as it is printed, and nothing else is one") {
  for (const auto* text : {"203.0.113.0/24-24 AS64500", "2001:db8::/32-48 AS4294967295"})
    CHECK(to_string(roa(text)) == text);
  for (const auto* text :
       {"", "203.0.113.0/24 AS64500", "203.0.113.0/24-23 AS64500", "203.0.113.0/24-33 AS64500",
        "203.0.113.1/24-24 AS64500", "203.0.113.0/24-24 64500", "203.0.113.0/24-24 AS",
        "203.0.113.0/24-24 AS4294967296", " AS1-2", "203.0.113.0/24-24 AS64500 x"})
    CHECK(!parse_roa(text));
}
