#include "controller/render/fragment.hpp"
#include "controller/render/frr_text.hpp"
#include "tests/support/bird_config.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/texts.hpp"
#include "tests/unit/render/refusal.hpp"

using namespace anycast;
using namespace anycast::render;
using namespace anycast::test;

TEST_CASE("each stance renders the golden fragment for frr") {
  CHECK(frr_fragment(all_say({})).text == golden("frr/announce.conf"));
  CHECK(frr_fragment(all_say({Stance::Kind::prepend, 2})).text == golden("frr/prepend2.conf"));
  CHECK(frr_fragment(all_say({Stance::Kind::drain})).text == golden("frr/drain.conf"));
  CHECK(frr_fragment(all_say({Stance::Kind::withdraw})).text == golden("frr/withdraw.conf"));
  CHECK(frr_fragment(
            {{"cmi", {Stance::Kind::prepend, 1}}, {"ntt", {Stance::Kind::withdraw}}, {"ntt6", {}}})
            .text == golden("frr/mixed.conf"));
  CHECK(frr_fragment(asking()).text == golden("frr/asking.conf"));
  CHECK(frr_fragment(all_say({}), dropping()).text == golden("frr/blackhole.conf"));
}

TEST_CASE("a fragment for frr says the same exports as one for bird") {
  for (const auto& stances :
       {all_say({}), all_say({Stance::Kind::prepend, 2}), all_say({Stance::Kind::drain}),
        all_say({Stance::Kind::withdraw}), asking()}) {
    const auto out = frr_fragment(stances);
    CHECK(out.exports == bird_fragment(stances).exports);
    const auto read = parse_frr(out.text);
    REQUIRE(read);
    CHECK(read->revision == out.revision);
    CHECK(revision_of(out.text) == out.revision);
    CHECK(read->filters == parse_fragment("bird", bird_fragment(stances).text)->filters);
  }
}

TEST_CASE("a template for frr that says more than it should is refused") {
  CHECK(refusal(frr_config(), "seq 5 permit {{ r.prefix | prefix }}", "seq 5 permit 0.0.0.0/0")
            .starts_with("rendered fragment:6:1: 'ip prefix-list anycastd.203.0.113.0-24 seq 5 "
                         "permit 0.0.0.0/0' is not expected here"));
  CHECK(refusal(frr_config(), "permit {{ r.prefix | prefix }}",
                "permit {{ r.prefix | prefix }} le 32")
            .ends_with("expected a list, a route-map or 'router bgp'"));
  CHECK(refusal(frr_config(), " match as-path anycastd.own\n", "")
            .ends_with("expected a match for a prefix-list and for our own path before"));
  CHECK(refusal(frr_config(), " match as-path anycastd.own\n",
                " match as-path anycastd.own\n set metric 5\n")
            .ends_with("or for what a permitted route gets"));
  CHECK(refusal(frr_config(), "  network {{ r.prefix | prefix }}", "  network 198.51.100.0/24")
            .starts_with("rendered fragment:42:1: 'end of the text' is not expected here, expected "
                         "a 'network "));
  CHECK(refusal(frr_config(), "router bgp\n", "router bgp\n neighbor 192.0.2.2 shutdown\n")
            .ends_with("expected an address family"));
  CHECK(
      refusal(frr_config(), "route-map {{ s.filter | label }} permit", "route-map customers permit")
          .ends_with("expected a name that begins with 'anycastd_'"));
  CHECK(refusal(frr_config(), "{% if e.permit %}", "{% if e.ipv4 %}")
            .starts_with("rendered fragment:27:1: ' set as-path prepend 64500"));
  CHECK(refusal(frr_config(), "route-map {{ s.filter | label }} permit",
                "route-map {{ s.filter | label }} deny")
            .find("is not expected here") != std::string::npos);
  CHECK(refusal(frr_config(), " {{ p.asn | asn }}", " {{ p.asn | asn }} 64501") ==
        "the template renders a filter 'anycastd_cmi' that exports something else than the stance "
        "of 'cmi'");
  CHECK(
      refusal(frr_config(), " description anycastd revision {{ revision | u32 }}", " description x")
          .starts_with("the template renders no line ' description anycastd revision N'"));
}
