#include "tests/support/catch.hpp"
#include "tests/unit/config/samples.hpp"

using namespace anycast;
using namespace anycast::config;

namespace {

std::string example_with(const std::string& from, const std::string& to) {
  return shown(load({{.name = "anycastd.yaml", .text = replaced(kExample, from, to)}},
                    {.host_name = "hk-idc-1"}));
}

}  // namespace

TEST_CASE("the example has nothing to complain about") { CHECK(shown(load_example()).empty()); }

TEST_CASE("an unknown key is shown with the one that was meant and its neighbours") {
  CHECK(example_with("    clear_for:", "    clear_fro:") ==
        R"(anycastd.yaml:45:5: error: unknown key 'clear_fro' [unknown-key]
   45 |     clear_fro: 10m      # good this long before we go back
      |     ^^^^^^^^^
      = hint: did you mean 'clear_for'? here: rtt, loss, jitter, cusum, regions, for, clear_for
)");
}

TEST_CASE("a number without a unit is shown with what it would have meant") {
  CHECK(example_with("bad: 180ms", "bad: 180") ==
        R"(anycastd.yaml:47:29: error: thresholds.mobile.rtt.bad: 180 has no unit [unit]
   47 |     rtt: {warn: 120ms, bad: 180, clear: 140ms}
      |                             ^^^
      = hint: write 180ms or 0.18s (Prometheus counts in seconds: a bare 180 is 3m)
)");
  CHECK(example_with("bad: 3%", "bad: 3") ==
        R"(anycastd.yaml:40:29: error: thresholds.default.loss.bad: 3 is not a share [unit]
   40 |     loss:   {warn: 1%, bad: 3, clear: 1%}
      |                             ^
      = hint: expected per cent (3%) or a number from 0 to 1 (0.03)
)");
}

TEST_CASE("thresholds in the wrong order are shown with the other one's place") {
  CHECK(example_with("clear: 160ms", "clear: 240ms") ==
        R"(anycastd.yaml:39:46: error: clear (240ms) must be below bad (200ms) [threshold-order]
   39 |     rtt:    {warn: 140ms, bad: 200ms, clear: 240ms}   # median of the window
      |                                              ^^^^^
      = hint: 'bad' is set at 39:32; 80 % of it is usual (160ms); without a gap the state flaps
)");
}

TEST_CASE("a window that cannot show a threshold is told how long it must be") {
  CHECK(example_with("window: 10m   ", "window: 5m    ") ==
        R"(anycastd.yaml:26:11: error: 5m is too short to prove a loss below 1 % [resolution]
   26 |   window: 5m            # at a 5s scrape from 3 regions: 360 packets per path
      |           ^^
      = hint: 'thresholds.default.loss.clear' (40:40) needs 268 packets: at a 5s scrape from 3 regions, 8m or more
      = one scrape is one packet: 5m holds 180; with none of them lost the loss may still be 1.5 % (Wilson, one-sided 95 %)
)");
}

TEST_CASE("a reference to nothing is shown with the nearest name and where they are defined") {
  CHECK(example_with("      pccw: {neighbor: 192.0.2.25", "      pcw: {neighbor: 192.0.2.25") ==
        R"(anycastd.yaml:76:7: error: 'pcw' is not in 'upstreams' [reference]
   76 |       pcw: {neighbor: 192.0.2.25, local: 192.0.2.26}
      |       ^^^
      = hint: did you mean 'pccw'? defined at 49:1: cmi, hkbn, ntt, pccw
)");
}

TEST_CASE("a well-known name with another AS number is a warning that can be allowed") {
  const auto text = replaced(kExample, "58453", "4809");
  const auto loaded = load({{.name = "anycastd.yaml", .text = text}}, {.host_name = "hk-idc-1"});
  CHECK(shown(loaded) ==
        R"(anycastd.yaml:50:15: warning: 4809 is China Telecom CN2; CMI is 58453 [asn-name]
   50 |   cmi:  {asn: 4809, carries: [mobile], prepend_max: 3}
      |               ^^^^
      = hint: on purpose? anycastctl check-config --allow asn-name
)");
  CHECK(loaded.config.has_value());
  const auto allowed = load({{.name = "anycastd.yaml", .text = text}},
                            {.host_name = "hk-idc-1", .allow = {"asn-name"}});
  CHECK(allowed.diagnostics.empty());
}

TEST_CASE("a deadlock of the guards is shown with the largest value that works") {
  CHECK(example_with("min_nodes: 2", "min_nodes: 4") ==
        R"(anycastd.yaml:126:14: error: no node could ever be withdrawn [guard-deadlock]
  126 |   min_nodes: 4                      # nodes that still announce the prefix, fleet-wide
      |              ^
      = hint: the fleet has 4 nodes, so min_nodes 4 refuses every withdraw; use 3 or less
)");
}

TEST_CASE("no finding ever quotes a secret, not even one about its neighbour") {
  const auto token = example_with("  interval: 15s ", "  interval: 15 \n  bearer_token: hunter2");
  CHECK(token.find("bearer_token") != std::string::npos);
  CHECK(token.find("hunter2") == std::string::npos);
  const auto neighbour = example_with("  tls: {", "  tls: {ca_fil: x, password: hunter2, ");
  CHECK(neighbour.find("[secret]") != std::string::npos);
  CHECK(neighbour.find("[unknown-key]") != std::string::npos);
  CHECK(neighbour.find("hunter2") == std::string::npos);
  const auto url = example_with("https://prom-a", "https://anycast:hunter2@prom-a");
  CHECK(url.find("[secret]") != std::string::npos);
  CHECK(url.find("hunter2") == std::string::npos);
}

TEST_CASE("all findings of one file come in the order of its lines") {
  const auto text =
      replaced(replaced(kExample, "bad: 180ms", "bad: 180"), "min_nodes: 2", "min_nodes: x");
  const auto loaded = load_text(replaced(text, "version: 1", "version: 2"));
  std::vector<std::string> rules;
  for (const auto& d : loaded.diagnostics) rules.push_back(to_string(d.place) + " " + d.rule);
  CHECK(rules == std::vector<std::string>{"x.yaml:5:10 range", "x.yaml:47:29 unit",
                                          "x.yaml:62:1 node-unknown", "x.yaml:126:14 type"});
}

TEST_CASE("a line wider than a terminal is cut around the caret") {
  const auto shown_text =
      example_with("[https://prom-a.example.net:9090,",
                   "[https://prom-a.example.net:9090, " + std::string(200, ' ') + "ftp://x,");
  CHECK(shown_text.find("ftp://x,") != std::string::npos);
  for (std::size_t from = 0; from < shown_text.size();) {
    const auto end = shown_text.find('\n', from);
    CHECK(end - from < 140);
    from = end + 1;
  }
}

TEST_CASE("a community is shown with the meaning it cannot have") {
  CHECK(example_with("count: 1, carrier: telecom", "count: 1, carrier: mobile") ==
        R"(anycastd.yaml:56:66: error: 'ntt' does not carry 'mobile' [community-carrier]
   56 |       - {value: "64501:1001", do: prepend_to, count: 1, carrier: mobile, tested: true}
      |                                                                  ^^^^^^
      = hint: it carries telecom, unicom
)");
  CHECK(
      example_with("\"64501:1:70\"", "\"64501:70000\"") ==
      R"(anycastd.yaml:57:17: error: upstreams.ntt.communities.1.value: '64501:70000' is not a BGP community [community]
   57 |       - {value: "64501:70000", do: local_pref, carrier: unicom, notes: "by mail, nobody has tried it"}
      |                 ^^^^^^^^^^^^^
      = hint: write "64501:1001" (two numbers up to 65535), or "64501:1:2" for a large one (three up to 4294967295)
)");
  CHECK(
      example_with("mode: advise", "mode: auto  ")
          .ends_with(
              R"(anycastd.yaml:57:17: warning: 64501:1:70 (local_pref toward unicom) is untested, so automation does not use it [community-untested]
   57 |       - {value: "64501:1:70", do: local_pref, carrier: unicom, notes: "by mail, nobody has tried it"}
      |                 ^^^^^^^^^^^^
      = hint: see that it works (anycastctl pin ntt), then: tested: true
)"));
}
