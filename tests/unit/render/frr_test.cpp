#include <fstream>
#include <sstream>

#include "controller/render/fragment.hpp"
#include "controller/render/frr_text.hpp"
#include "tests/support/bird_config.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::render;
using namespace anycast::test;

namespace {

std::string slurp(const std::string& path) {
  std::ifstream file{ANYCASTD_SOURCE_DIR + path};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}
std::string golden(const std::string& name) { return slurp("/tests/golden/frr/" + name); }

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

/// What becomes of a template with this in place of that.
std::string refusal(std::string_view what, std::string_view with) {
  const auto text = compile_fragment("fragment.tmpl",
                                     replaced(slurp("/templates/frr/fragment.tmpl"), what, with));
  if (!text) return to_string(text.error());
  const auto out = fragment(*text, frr_config(), all_say({Stance::Kind::prepend, 2}));
  return out ? "accepted" : out.error().text;
}

}  // namespace

TEST_CASE("each stance renders the golden fragment for frr") {
  CHECK(frr_fragment(all_say({})).text == golden("announce.conf"));
  CHECK(frr_fragment(all_say({Stance::Kind::prepend, 2})).text == golden("prepend2.conf"));
  CHECK(frr_fragment(all_say({Stance::Kind::drain})).text == golden("drain.conf"));
  CHECK(frr_fragment(all_say({Stance::Kind::withdraw})).text == golden("withdraw.conf"));
  CHECK(frr_fragment(
            {{"cmi", {Stance::Kind::prepend, 1}}, {"ntt", {Stance::Kind::withdraw}}, {"ntt6", {}}})
            .text == golden("mixed.conf"));
  CHECK(frr_fragment(asking()).text == golden("asking.conf"));
  CHECK(frr_fragment(all_say({}), dropping()).text == golden("blackhole.conf"));
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
  CHECK(refusal("seq 5 permit {{ r.prefix | prefix }}", "seq 5 permit 0.0.0.0/0")
            .starts_with("'ip prefix-list anycastd.203.0.113.0-24 seq 5 permit 0.0.0.0/0' is not "
                         "expected here"));
  CHECK(refusal("permit {{ r.prefix | prefix }}", "permit {{ r.prefix | prefix }} le 32")
            .ends_with("expected a list, a route-map or 'router bgp'"));
  CHECK(refusal(" match as-path anycastd.own\n", "")
            .ends_with("expected a match for a prefix-list and for our own path before"));
  CHECK(refusal(" match as-path anycastd.own\n", " match as-path anycastd.own\n set metric 5\n")
            .ends_with("or for what a permitted route gets"));
  CHECK(refusal("  network {{ r.prefix | prefix }}", "  network 198.51.100.0/24")
            .starts_with("'end of the text' is not expected here, expected a 'network "));
  CHECK(refusal("router bgp\n", "router bgp\n neighbor 192.0.2.2 shutdown\n")
            .ends_with("expected an address family"));
  CHECK(refusal("route-map {{ s.filter | label }} permit", "route-map customers permit")
            .ends_with("expected a name that begins with 'anycastd_'"));
  CHECK(refusal("{% if e.permit %}", "{% if e.ipv4 %}").starts_with("' set as-path prepend 64500"));
  CHECK(refusal("route-map {{ s.filter | label }} permit", "route-map {{ s.filter | label }} deny")
            .find("is not expected here") != std::string::npos);
  CHECK(refusal(" {{ p.asn | asn }}", " {{ p.asn | asn }} 64501") ==
        "the template renders a filter 'anycastd_cmi' that exports something else than the stance "
        "of 'cmi'");
  CHECK(refusal(" description anycastd revision {{ revision | u32 }}", " description x")
            .starts_with("the template renders no line ' description anycastd revision N'"));
}
