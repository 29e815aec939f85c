#include "controller/model/community.hpp"

#include "controller/model/config.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

using Does = Community::Does;

const Upstream kUpstream{
    .asn = 64501,
    .carries = {"mobile", "telecom"},
    .communities = {{.value = "64501:1", .does = Does::prepend_to, .count = 1, .carrier = "mobile"},
                    {.value = "64501:70", .does = Does::local_pref},
                    {.value = "64501:71", .does = Does::local_pref, .carrier = "mobile"},
                    {.value = "65535:666", .does = Does::blackhole}}};

std::string value(const std::string& carrier, const Ask& ask) {
  const auto* found = find_community(kUpstream, carrier, ask);
  return found == nullptr ? "none" : found->value;
}

}  // namespace

TEST_CASE("communities are read in both forms, without leading zeros") {
  CHECK(canonical_community("64501:01001") == "64501:1001");
  CHECK(canonical_community("4294967295:0:1") == "4294967295:0:1");
  for (const auto* text : {"", "1", "1:", ":1", "1:2:3:4", "65536:1", "1:65536", "-1:1", "1: 2",
                           "4294967296:1:1", "1:2:x"}) {
    INFO(text);
    CHECK_FALSE(canonical_community(text));
  }
}

TEST_CASE("what belongs to no operator is told apart") {
  CHECK(reserved_community("64501:1").empty());
  CHECK(reserved_community("65535:666").empty());
  CHECK(reserved_community("64501:65535:0").empty());
  for (const auto* text : {"65535:0", "65535:65281", "0:1:1", "65535:1:1", "4294967295:1:1"}) {
    INFO(text);
    CHECK_FALSE(reserved_community(text).empty());
  }
}

TEST_CASE("a community for one carrier goes before one for all") {
  CHECK(value("mobile", {.verb = Verb::local_pref}) == "64501:71");
  CHECK(value("mobile", {.verb = Verb::prepend_to, .count = 1}) == "64501:1");
  CHECK(value("mobile", {.verb = Verb::prepend_to, .count = 2}) == "none");
  CHECK(value("mobile", {.verb = Verb::no_export_to}) == "none");
  // It would move the users of mobile as well.
  CHECK(value("telecom", {.verb = Verb::local_pref}) == "none");
}

TEST_CASE("what a stance asks becomes communities, each once") {
  const Ask lower{.verb = Verb::local_pref};
  CHECK(communities_for(kUpstream, {.asks = {{"mobile", lower}, {"telecom", lower}}}) ==
        std::vector<std::string>{"64501:70", "64501:71"});
  CHECK(communities_for(kUpstream, {}) == std::vector<std::string>{});
  CHECK(communities_for(kUpstream, {.asks = {{"unicom", {.verb = Verb::no_export_to}}}})
            .error()
            .text == "its dictionary has no community for 'unicom: no_export_to'");
}
