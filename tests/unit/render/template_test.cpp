#include "controller/render/template.hpp"

#include "controller/base/text.hpp"
#include "controller/render/hole.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::render;

namespace {

Record sample() {
  return {{"node", Data{std::string{"hk1"}}},
          {"asn", Data{64500U}},
          {"on", Data{true}},
          {"list", Data{List{{{"ip", Data{std::string{"192.0.2.1"}}},
                              {"inner", Data{List{{{"n", Data{1U}}}}}}}}}}};
}

std::string rendered(std::string_view text, const Record& data = sample()) {
  const auto compiled = Template::compile("t", text, sample());
  if (!compiled) return to_string(compiled.error());
  const auto out = compiled->render(data);
  return out ? *out : to_string(out.error());
}

std::string hole(std::string_view type, std::string text) {
  const auto out = fill(type, Data{std::move(text)});
  return out ? *out : out.error().text;
}

}  // namespace

TEST_CASE("holes, loops, branches and comments render") {
  CHECK(rendered("a {{ node | word }} {{asn|asn}} b") == "a hk1 64500 b");
  CHECK(rendered("{% for x in list %}<{{ x.ip | ip }}{% for y in x.inner %}:{{ y.n | u32 }}{% end "
                 "%}>{% end %}") == "<192.0.2.1:1>");
  CHECK(rendered("{% if on %}yes{% else %}no{% end %}{# nothing #}") == "yes");
  auto off = sample();
  off["on"] = Data{false};
  off["list"] = Data{List{}};
  CHECK(rendered("{% if on %}yes{% else %}no{% end %}", off) == "no");
  CHECK(rendered("[{% for x in list %}{{ x.ip | ip }}{% end %}]", off) == "[]");
}

TEST_CASE("a statement alone on its line leaves no line behind") {
  CHECK(rendered("a\n  {% if on %}\n  b\n  {% end %}\n{# two\nlines #}\nc\n") == "a\n  b\nc\n");
  CHECK(rendered("a {% if on %}\nb{% end %}\n") == "a \nb\n");
}

TEST_CASE("what the data model does not have is an error when the template is loaded") {
  CHECK(rendered("ok\n  {{ nod | word }}") == "t:2:3: unknown name 'nod', did you mean 'node'?");
  CHECK(rendered("{{ x.ip | ip }}") ==
        "t:1:1: unknown name 'x.ip', expected one of: asn, list, node, on");
  CHECK(rendered("{% if on %}{% else %}{{ what | ip }}{% end %}") ==
        "t:1:22: unknown name 'what', expected one of: asn, list, node, on");
  CHECK(rendered("{% for x in node %}{% end %}") == "t:1:1: 'node' is no list");
  CHECK(rendered("{% if asn %}{% end %}") == "t:1:1: 'asn' is no flag");
  CHECK(rendered("{% for x in list %}{% for x in list %}{% end %}{% end %}") ==
        "t:1:20: 'x' is the element of a loop around this one");
}

TEST_CASE("every hole needs a type that its value has") {
  CHECK(rendered("{{ node }}") ==
        "t:1:1: 'node' has no type, expected '{{ node | ident }}' or another of: ident, word, "
        "symbol, label, prefix, ip, asn, u32, pair, triple, community, string, path");
  CHECK(rendered("{{ node | raw }}") ==
        "t:1:1: unknown type 'raw', expected one of: ident, word, symbol, label, prefix, ip, asn, "
        "u32, pair, triple, community, string, path");
  CHECK(rendered("{{ node | u32 }}") == "t:1:1: node: a text cannot fill a hole of type 'u32'");
  CHECK(rendered("{{ asn | word }}") == "t:1:1: asn: a number cannot fill a hole of type 'word'");
  CHECK(rendered("{{ list | word }}") == "t:1:1: list: a list cannot fill a hole");
}

TEST_CASE("broken syntax is an error with its place") {
  CHECK(rendered("a {{ node | word") == "t:1:3: '{{' is never closed, expected '}}'");
  CHECK(rendered("\n{% if on %}") == "t:2:1: 'if on' has no '{% end %}'");
  CHECK(rendered("{% end %}") == "t:1:1: 'end' closes nothing");
  CHECK(rendered("{% else %}") == "t:1:1: 'else' closes nothing");
  CHECK(rendered("{% for x in list %}{% else %}{% end %}") ==
        "t:1:20: 'else' without an 'if' of its own");
  CHECK(rendered("{% while on %}") ==
        "t:1:1: unknown statement 'while on', expected 'for x in list', 'if flag', 'else' or "
        "'end'");
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += "{% if on %}";
  CHECK(rendered(deep) == "t:1:177: blocks are nested more than 16 deep");
}

TEST_CASE("a value that its type refuses is an error, never an empty place") {
  auto data = sample();
  data["node"] = Data{std::string{"hk1; include"}};
  CHECK(rendered("{{ node | word }}", data) ==
        "t:1:1: node: 'hk1; include' cannot be used here, expected a name of letters, digits, '_' "
        "and '-'");
  data.erase("node");
  CHECK(rendered("{{ node | word }}", data) ==
        "t:1:1: unknown name 'node', expected one of: asn, list, on");
}

TEST_CASE("types validate and quote") {
  CHECK(hole("ident", "a_1") == "a_1");
  CHECK(hole("ident", "a-1").starts_with("'a-1' cannot be used here"));
  CHECK(hole("symbol", "cmi") == "cmi");
  CHECK(hole("symbol", "cmi-1.v4") == "'cmi-1.v4'");
  CHECK(hole("symbol", "a'b").starts_with("'a'b' cannot be used here"));
  CHECK(hole("symbol", std::string(64, 'a')).ends_with("'_', '-', '.' and ':'"));
  CHECK(hole("prefix", "2001:DB8::/32") == "2001:db8::/32");
  CHECK(hole("prefix", "203.0.113.1/24") ==
        "'203.0.113.1/24' cannot be used here, expected a prefix without host bits");
  CHECK(hole("ip", "192.0.2.1") == "192.0.2.1");
  CHECK(hole("ip", "192.0.2.1/24").ends_with("expected an address"));
  CHECK(hole("community", "65535:0") == "65535,0");
  CHECK(hole("community", "64500:1:2") == "64500,1,2");
  CHECK(hole("community", "65536:0").ends_with("expected a community like 65535:0 or 64500:1:2"));
  CHECK(hole("community", "1:2:3:4").ends_with("expected a community like 65535:0 or 64500:1:2"));
  CHECK(hole("string", "a b") == "\"a b\"");
  CHECK(hole("string", "a\"b").starts_with("'a\"b' cannot be used here"));
  CHECK(hole("string", "a\nb").starts_with("'a?b' cannot be used here"));
  CHECK(fill("asn", Data{0U}).error().text ==
        "'0' cannot be used here, expected an AS number that a path may hold");
  CHECK(fill("asn", Data{4200000000U}).value() == "4200000000");
  CHECK(fill("u32", Data{0U}).value() == "0");
  CHECK(fill("u32", Data{true}).error().text == "a flag cannot fill a hole");
}
