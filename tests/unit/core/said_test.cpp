#include "controller/core/said.hpp"

#include "tests/support/bird_config.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::test;

namespace {

/// What cmi hears by one route with these communities.
std::string heard(std::vector<std::string> communities, std::vector<Asn> path = {}) {
  const Export route{.prefix = *Prefix::parse("203.0.113.0/24"),
                     .as_path = std::move(path),
                     .communities = std::move(communities)};
  return encode(core::said(bird_config(), "cmi", {route}));
}

}  // namespace

TEST_CASE("what a stance is rendered to is read back as that stance") {
  const Ask lower{.verb = Verb::local_pref};
  for (const Stance& stance :
       {Stance{}, Stance{.kind = Stance::Kind::prepend, .prepend = 2},
        Stance{.kind = Stance::Kind::drain}, Stance{.kind = Stance::Kind::withdraw},
        Stance{.asks = {{"mobile", {.verb = Verb::prepend_to, .count = 2}}}},
        Stance{.kind = Stance::Kind::prepend,
        .prepend = 1,
        .asks = {{"mobile", {.verb = Verb::prepend_to, .count = 2}},
                 {"telecom", {.verb = Verb::no_export_to}}}},
        Stance{.kind = Stance::Kind::drain, .asks = {{"mobile", lower}, {"telecom", lower}}}}) {
    const auto out = bird_fragment({{"cmi", stance}, {"ntt", {}}, {"ntt6", {}}});
    CHECK(core::said(bird_config(), "cmi", out.exports.at("cmi")) == stance);
  }
}

TEST_CASE("communities that the dictionary does not have say nothing") {
  CHECK(heard({"64501:9999", "64501:1002"}) == "announce;mobile=prepend_to:2");
  CHECK(heard({"64501:9:9"}, {64500}) == "prepend=1");
}

TEST_CASE("of two wishes toward one carrier the stronger one counts") {
  CHECK(heard({"64501:1002", "64501:70"}) == "announce;mobile=local_pref;telecom=local_pref");
  CHECK(heard({"64501:1:9", "64501:70"}) == "announce;mobile=local_pref;telecom=no_export_to");
}
