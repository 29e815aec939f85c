#include "controller/render/egress.hpp"

#include <sstream>

#include "controller/render/fragment.hpp"
#include "tests/support/bird_config.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/render/refusal.hpp"

using namespace anycast;
using namespace anycast::render;
using namespace anycast::test;

namespace {

Template shipped(const std::string& kind) {
  return *(kind == "frr" ? shipped_frr_template() : shipped_template());
}

std::string rendered(const Config& config, const EgressChoice& egress) {
  const auto out = fragment(shipped(config.router.kind), config, all_say({}), {.egress = egress});
  return out ? out->text : out.error().text;
}

/// The lines with these words, and those indented behind them.
std::string about(const std::string& text, const std::vector<std::string>& words) {
  std::string out;
  bool inside = false;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    const bool more = line.starts_with(" ") || line == "}" || line == "exit";
    if (!more) {
      inside = std::ranges::any_of(
          words, [&](const std::string& word) { return line.find(word) != std::string::npos; });
    }
    if (inside) out += line + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("bird gets a function for each upstream of an order, and the one in use prefers") {
  const auto config = leaving(bird_config());
  const std::string cmi = R"(function anycastd_egress_cmi() {
  # packets to mobile leave here
  if bgp_path ~ [64511] then bgp_local_pref = 250;
)";
  CHECK(about(rendered(config, {}), {"function "}) == cmi + R"(  # packets to telecom leave here
  if bgp_path ~ [64510, 64520] then bgp_local_pref = 250;
}
function 'anycastd_egress_ntt-hk'() {
}
)");
  CHECK(about(rendered(config, {{"telecom", "ntt"}}), {"function "}) == cmi + R"(}
function 'anycastd_egress_ntt-hk'() {
  # packets to telecom leave here
  if bgp_path ~ [64510, 64520] then bgp_local_pref = 250;
}
)");
}

TEST_CASE("frr gets a route-map that permits everything and prefers some") {
  const auto config = leaving(frr_config());
  CHECK(about(rendered(config, {{"telecom", "ntt"}}),
              {"anycastd.carrier", "route-map anycastd.in."}) ==
        R"(bgp as-path access-list anycastd.carrier.mobile seq 5 permit _64511_
bgp as-path access-list anycastd.carrier.telecom seq 5 permit _64510_
bgp as-path access-list anycastd.carrier.telecom seq 10 permit _64520_
route-map anycastd.in.cmi permit 10
 match as-path anycastd.carrier.mobile
 set local-preference 250
exit
route-map anycastd.in.cmi permit 65535
exit
route-map anycastd.in.ntt-hk permit 10
 match as-path anycastd.carrier.telecom
 set local-preference 250
exit
route-map anycastd.in.ntt-hk permit 65535
exit
)");
}

TEST_CASE("egress changes the revision and no export, and without an order nothing is rendered") {
  for (const auto& base : {bird_config(), frr_config()}) {
    const auto text = shipped(base.router.kind);
    const auto config = leaving(base);
    const auto first = fragment(text, config, all_say({}));
    const auto moved = fragment(text, config, all_say({}), {.egress = {{"telecom", "ntt"}}});
    REQUIRE(first);
    REQUIRE(moved);
    CHECK(first->revision != moved->revision);
    CHECK(first->exports == moved->exports);
    CHECK(parse_fragment(base.router.kind, moved->text)->imports ==
          imports_of(config, {{"telecom", "ntt"}}));
    CHECK(rehearse(text, config));
    const auto plain = fragment(text, base, all_say({}), {.egress = {{"telecom", "ntt"}}});
    CHECK(plain->text.find("egress") == std::string::npos);
    CHECK(parse_fragment(base.router.kind, plain->text)->imports.empty());
  }
}

TEST_CASE("a template that does more on the way in than to prefer is refused") {
  CHECK(refusal(leaving(bird_config()), "then bgp_local_pref = {{ e.preference | u32 }}",
                "then reject")
            .ends_with(": 'reject' is not expected here, expected 'bgp_local_pref'"));
  CHECK(refusal(leaving(bird_config()), "bgp_local_pref = {{ e.preference | u32 }}",
                "bgp_local_pref = 300") == "the template renders another egress than is wanted");
  CHECK(refusal(leaving(bird_config()), "function {{ s.import | symbol }}()", "function other()")
            .ends_with("expected a name with 'anycastd_egress_'"));
  CHECK(refusal(leaving(frr_config()), "permit 65535\n", "deny 65535\n")
            .ends_with("expected 'permit': what comes in is the operator's to refuse"));
  const std::string match = " match as-path {{ e.list | label }}\n";
  CHECK(refusal(leaving(frr_config()), match, "")
            .ends_with("expected a match and a preference before"));
  CHECK(refusal(leaving(frr_config()), match, match + " set metric 5\n")
            .ends_with("expected a match for a carrier's path, or its preference"));
  CHECK(refusal(leaving(frr_config()), "route-map {{ s.import | label }} permit 65535\nexit\n", "")
            .ends_with("expected 'route-map anycastd.in.cmi permit 65535'"));
  CHECK(refusal(leaving(frr_config()), "permit _{{ a.asn | asn }}_", "permit .*")
            .ends_with("'bgp as-path access-list anycastd.carrier.C seq 5, 10, ... permit _N_'"));
}
