#include "controller/model/stance.hpp"

#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

const Stance kMixed{.kind = Stance::Kind::prepend,
                    .prepend = 2,
                    .asks = {{"mobile", {.verb = Verb::prepend_to, .count = 3}},
                             {"unicom", {.verb = Verb::no_export_to}}}};

}  // namespace

TEST_CASE("a stance is told with what single carriers' upstreams are asked") {
  CHECK(to_string(kMixed) == "prepend 2, mobile: prepend_to 3, unicom: no_export_to");
  CHECK(state_word(kMixed) == "prepended 2, mobile: prepend_to 3, unicom: no_export_to");
  CHECK(state_word({.asks = {{"mobile", {.verb = Verb::local_pref}}}}) ==
        "announced, mobile: local_pref");
  CHECK(encode(kMixed) == "prepend=2;mobile=prepend_to:3;unicom=no_export_to");
}

TEST_CASE("what encode writes is what parse_stance reads") {
  const std::map<std::string, Ask> asks = {{"a", {.verb = Verb::prepend_to, .count = 10}},
                                           {"b-2", {.verb = Verb::local_pref}},
                                           {"c", {.verb = Verb::no_export_to}}};
  for (const Stance& stance :
       {Stance{}, Stance{.kind = Stance::Kind::prepend, .prepend = 10},
        Stance{.kind = Stance::Kind::drain, .asks = asks}, Stance{.asks = asks}, kMixed,
        Stance{.kind = Stance::Kind::withdraw}}) {
    CHECK(parse_stance(encode(stance)) == stance);
  }
}

TEST_CASE("what is no stance is not read as one") {
  for (const std::string text :
       {"", ";", "announce;", "announce;mobile", "announce;mobile=", "announce;=local_pref",
        "announce;mobile=prepend_to", "announce;mobile=prepend_to:0",
        "announce;mobile=prepend_to:11", "announce;mobile=local_pref:1",
        "announce;mobile=local_pref;mobile=no_export_to", "withdraw;mobile=local_pref",
        "announce;mobile =local_pref", "prepend", "prepend=0", "prepend=2x", "Announce"}) {
    INFO(text);
    CHECK_FALSE(parse_stance(text));
  }
}

TEST_CASE(
    "a stance handicaps the carrier that it asks against, and all where it is the session's") {
  CHECK(handicap({}, "mobile") == 0);
  CHECK(handicap(kMixed, "mobile") == 41);
  CHECK(handicap(kMixed, "unicom") == 70);
  CHECK(handicap(kMixed, "telecom") == 20);
  CHECK(handicap({.asks = {{"mobile", {.verb = Verb::local_pref}}}}, "mobile") == 50);
  CHECK(handicap({.kind = Stance::Kind::drain}, "mobile") == 60);
  CHECK(handicap({.kind = Stance::Kind::withdraw}, "mobile") == 100);
}

TEST_CASE("no number of prepends is as unattractive as a lower preference") {
  int before = -1;
  for (int count = 0; count <= 10; ++count) {
    const int now = handicap({.kind = Stance::Kind::prepend, .prepend = count}, "mobile");
    CHECK(now > before);
    before = now;
  }
  const Stance most{.kind = Stance::Kind::prepend,
                    .prepend = 10,
                    .asks = {{"mobile", {.verb = Verb::prepend_to, .count = 10}}}};
  CHECK(handicap(most, "mobile") == 49);
}
