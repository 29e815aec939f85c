#include "controller/base/text.hpp"

#include "controller/base/markup.hpp"
#include "controller/base/net.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;

TEST_CASE("a misspelt word finds its neighbour and nothing far away") {
  const std::vector<std::string> keys{"clear_for", "for", "rtt"};
  CHECK(nearest("clear_fro", keys) == "clear_for");
  CHECK(nearest("hysteresis", keys).empty());
  CHECK(nearest("x", keys).empty());
}

TEST_CASE("width counts terminal cells, not bytes") {
  CHECK(display_width("beijing") == 7);
  CHECK(display_width("北京") == 4);
  CHECK(pad("北京", 6) == "北京  ");
  CHECK(clip("北京市区", 5) == "北京~");
  CHECK(printable("a\x1b[31m\xff") == "a?[31m?");
}

TEST_CASE("no foreign text is taken for markup") {
  CHECK(markup_text("<a href='x'>&\"\x1b") == "&lt;a href=&#39;x&#39;&gt;&amp;&quot;?");
}

TEST_CASE("a unified diff shows what changed with its surroundings") {
  CHECK(unified_diff("a\nb\nc\n", "a\nb\nc\n", "x", "y").empty());
  CHECK(unified_diff("a\nb\nc\n", "a\nB\nc\n", "x", "y") ==
        "--- x\n+++ y\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
}

TEST_CASE("prefixes know their host bits and what they contain") {
  CHECK(Prefix::parse("203.0.113.0/24")->is_network());
  CHECK(!Prefix::parse("203.0.113.1/24")->is_network());
  CHECK(to_string(Prefix::parse("203.0.113.1/24")->network()) == "203.0.113.0/24");
  CHECK(Prefix::parse("2001:db8::/32")->contains(*Prefix::parse("2001:db8:1::/48")));
  CHECK(!Prefix::parse("203.0.113.0/24")->contains(*Address::parse("203.0.112.1")));
  for (const auto* bad :
       {"203.0.113.0", "203.0.113.0/33", "203.0.113.0/-1", "203.0.113.0/ 24", "x/24", "::/129"}) {
    INFO(bad);
    CHECK(!Prefix::parse(bad));
  }
  CHECK(is_private_asn(65001));
  CHECK(!is_private_asn(64500));
}
