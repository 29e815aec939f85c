#include "controller/render/fragment.hpp"

#include "controller/base/text.hpp"
#include "controller/render/bird_text.hpp"
#include "tests/support/bird_config.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/texts.hpp"
#include "tests/unit/render/refusal.hpp"

using namespace anycast;
using namespace anycast::render;
using namespace anycast::test;

namespace {

const Prefix kV4 = *Prefix::parse("203.0.113.0/24");
const Prefix kV6 = *Prefix::parse("2001:db8:100::/48");

}  // namespace

TEST_CASE("each stance renders the golden fragment") {
  CHECK(bird_fragment(all_say({})).text == golden("bird/announce.conf"));
  CHECK(bird_fragment(all_say({Stance::Kind::prepend, 2})).text == golden("bird/prepend2.conf"));
  CHECK(bird_fragment(all_say({Stance::Kind::drain})).text == golden("bird/drain.conf"));
  CHECK(bird_fragment(all_say({Stance::Kind::withdraw})).text == golden("bird/withdraw.conf"));
  CHECK(bird_fragment(
            {{"cmi", {Stance::Kind::prepend, 1}}, {"ntt", {Stance::Kind::withdraw}}, {"ntt6", {}}})
            .text == golden("bird/mixed.conf"));
  CHECK(bird_fragment(asking()).text == golden("bird/asking.conf"));
  CHECK(bird_fragment(all_say({}), dropping()).text == golden("bird/blackhole.conf"));
}

TEST_CASE("what an upstream is asked for goes with the routes, standard and large") {
  const auto out = bird_fragment(asking());
  CHECK(out.exports.at("cmi") ==
        std::vector<Export>{
            {.prefix = kV4, .as_path = {64500}, .communities = {"64501:1002", "64501:1:9"}}});
  CHECK(out.exports.at("ntt6") ==
        std::vector<Export>{{.prefix = kV6, .communities = {"4200000000:70:1", "65535:0"}}});
  CHECK(parse_bird(out.text)->filters.at("anycastd_cmi") == out.exports.at("cmi"));
}

TEST_CASE("one community that means all carriers serves where all are asked for the same") {
  const Ask lower{Verb::local_pref};
  const auto both = bird_fragment(
      {{"cmi", {.asks = {{"mobile", lower}, {"telecom", lower}}}}, {"ntt", {}}, {"ntt6", {}}});
  CHECK(both.exports.at("cmi").front().communities == std::vector<std::string>{"64501:70"});
  const auto one = fragment(*shipped_template(), bird_config(),
                            {{"cmi", {.asks = {{"mobile", lower}}}}, {"ntt", {}}, {"ntt6", {}}});
  CHECK(one.error().text ==
        "'announce, mobile: local_pref' for 'cmi': its dictionary has no community for 'mobile: "
        "local_pref'");
}

TEST_CASE("a fragment says what each session must export, by the family of its neighbour") {
  using Exports = std::map<std::string, std::vector<Export>>;
  CHECK(bird_fragment({{"cmi", {Stance::Kind::prepend, 2}},
                       {"ntt", {Stance::Kind::withdraw}},
                       {"ntt6", {Stance::Kind::drain}}})
            .exports == Exports{{"cmi", {{.prefix = kV4, .as_path = {64500, 64500}}}},
                                {"ntt", {}},
                                {"ntt6", {{.prefix = kV6, .communities = {"65535:0"}}}}});
}

TEST_CASE("prefixes of two origins are prepended with their own") {
  auto config = bird_config();
  const auto other = *Prefix::parse("198.51.100.0/24");
  config.prefixes.push_back({.prefix = other, .origin_asn = 64501});
  const auto out = fragment(*shipped_template(), config, all_say({Stance::Kind::prepend, 1}));
  REQUIRE(out);
  CHECK(out->exports.at("cmi") == std::vector<Export>{{.prefix = other, .as_path = {64501}},
                                                      {.prefix = kV4, .as_path = {64500}}});
}

TEST_CASE("the revision is that of the text, and an edit by hand shows") {
  const auto out = bird_fragment(all_say({}));
  CHECK(revision_of(out.text) == out.revision);
  CHECK(revision_for(out.text) == out.revision);
  CHECK(bird_fragment(all_say({Stance::Kind::drain})).revision != out.revision);
  CHECK(!revision_of(replaced(out.text, "reject", "accept")));
  CHECK(!revision_of(out.text.substr(0, out.text.size() / 2)));
  CHECK(!revision_of(out.text + "define ANYCASTD_REVISION = 1;\n"));
  CHECK(!revision_of(""));
}

TEST_CASE("what cannot be rendered is refused before the template is asked") {
  auto config = bird_config();
  const auto text = *shipped_template();
  CHECK(fragment(text, config, {{"cmi", {}}}).error().text == "no stance for the session to 'ntt'");
  CHECK(fragment(text, config, all_say({Stance::Kind::prepend, 11})).error().text ==
        "'prepend 11' for 'cmi', expected 1 to 10 times");
  config.nodes["hk1"].sessions["ntt"].protocol = "cmi";
  CHECK(fragment(text, config, all_say({})).error().text == "two sessions with the protocol 'cmi'");
  config.router.kind = "quagga";
  CHECK(fragment(text, config, all_say({})).error().text ==
        "no fragments for 'quagga', expected bird or frr");
}

TEST_CASE("a template that would announce anything else is refused") {
  CHECK(refusal(bird_config(), "  reject;\n", "  accept;\n") ==
        "rendered fragment:24:3: 'accept' is not expected here, expected 'reject'");
  CHECK(refusal(bird_config(), "  route {{ r.prefix | prefix }} blackhole;",
                "  route {{ r.prefix | prefix }} blackhole; route 198.51.100.0/24 blackhole;") ==
        "the template renders other routes than the configured prefixes");
  CHECK(refusal(bird_config(), "net = {{ r.prefix | prefix }}", "net = 203.0.113.0/25")
            .ends_with("expected a prefix of the family of its protocol"));
  CHECK(refusal(bird_config(), "net = {{ r.prefix | prefix }}", "net = {{ r.prefix | prefix }}5")
            .ends_with("expected a prefix without host bits"));
  CHECK(refusal(bird_config(), "net = {{ r.prefix | prefix }}",
                "net ~ [ {{ r.prefix | prefix }}+ ]") ==
        "rendered fragment:19:33: '~' is not expected here, expected '='");
  CHECK(refusal(bird_config(), "prepend({{ p.asn | asn }})", "prepend(64511)") ==
        "the template renders a filter 'anycastd_cmi' that exports something else than the stance "
        "of 'cmi'");
  CHECK(refusal(bird_config(), "{% for s in sessions %}\n",
                "filter anycastd_x { reject; }\n{% for s in sessions %}\n") ==
        "the template renders a filter 'anycastd_x' that belongs to no session");
  CHECK(refusal(bird_config(), "{{ s.filter | symbol }}", "anycastd_cmi") ==
        "rendered fragment:28:21: '{' is not expected here, expected each filter once");
  CHECK(refusal(bird_config(), "define ANYCASTD_REVISION = {{ revision | u32 }};", "") ==
        "the template renders no line 'define ANYCASTD_REVISION = N;' of its own");
  CHECK(refusal(bird_config(), "# What comes next", "# {{ revision | u32 }}") ==
        "the template uses the revision in more than one place");
  CHECK(refusal(bird_config(), "{{ s.filter | symbol }}", "{{ s.filtre | symbol }}") ==
        "fragment.tmpl:55:8: unknown name 's.filtre', did you mean 's.filter'?");
  CHECK(refusal(bird_config(), "{% for s in sessions %}\n",
                "include \"/etc/passwd\";\n{% for s in sessions %}\n") ==
        "rendered fragment:16:1: 'include' is not expected here, expected 'define', 'protocol', "
        "'function' or 'filter'");
}

TEST_CASE("a template is rehearsed with all that a session may have to say") {
  const auto rehearsed = [](const std::string& what, const std::string& by) {
    const auto changed =
        compile_fragment("fragment.tmpl", replaced(template_text("bird"), what, by));
    REQUIRE(changed);
    const auto done = rehearse(*changed, bird_config());
    return done ? std::string{} : done.error().text;
  };
  CHECK(rehearsed("reject;", "reject;") == "");
  CHECK(rehearsed("prepend({{ p.asn | asn }})", "prepend(64511)") ==
        "the template renders a filter 'anycastd_cmi' that exports something else than the stance "
        "of 'cmi' (by fragment.tmpl, tried with 'prepend 1' for 'cmi')");
  CHECK(rehearsed("bgp_large_community.add(({{ c.community | community }}))",
                  "bgp_large_community.add((64501, 1, 8))")
            .ends_with(
                " (by fragment.tmpl, tried with 'announce, telecom: no_export_to' for 'cmi')"));
}

TEST_CASE("a guess of the revision, right or wrong, changes nothing about the fragment") {
  const auto text = *shipped_template();
  const auto stances = all_say({Stance::Kind::prepend, 2});
  const auto plain = fragment(text, bird_config(), stances);
  REQUIRE(plain);
  for (const auto guess : {plain->revision, plain->revision + 1, 1U}) {
    const auto out = fragment(text, bird_config(), stances, {}, guess);
    REQUIRE(out);
    CHECK(out->text == plain->text);
    CHECK(out->revision == plain->revision);
    CHECK(out->exports == plain->exports);
  }
}
