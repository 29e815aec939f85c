#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folder.hpp"
#include "tests/unit/config/samples.hpp"

using namespace anycast;
using namespace anycast::config;

namespace {

struct ConfigFolder : Folder {
  ConfigFolder() { std::filesystem::create_directory(path("conf.d")); }
};

}  // namespace

TEST_CASE("the example is read into the model") {
  const auto loaded = load_example();
  REQUIRE(loaded.config);
  const auto& c = *loaded.config;
  CHECK(c.self == "hk-idc-1");
  CHECK(c.mode == Mode::advise);
  REQUIRE(c.prefixes.size() == 1);
  CHECK(c.prefixes[0].prefix == Prefix::parse("203.0.113.0/24"));
  CHECK(c.prefixes[0].origin_asn == 64500);
  CHECK(c.prefixes[0].vips == std::vector{*Address::parse("203.0.113.1")});
  CHECK(c.prometheus.urls.size() == 2);
  CHECK(c.prometheus.bearer_token_file == "/etc/anycastd/secrets/prometheus-token");
  CHECK(c.prometheus.tls.ca_file == "/etc/anycastd/tls/ca.pem");
  CHECK(c.evidence.window == minutes{10});
  CHECK(c.evidence.labels.upstream.empty());
  CHECK(c.carriers == std::vector<std::string>{"telecom", "unicom", "mobile"});
  CHECK(c.upstreams.at("hkbn").prepend_max == 2);
  CHECK(c.nodes.at("hk-aws-1").sessions.at("cmi").protocol == "cmi_backup");
  CHECK(c.nodes.at("hk-aws-1").sessions.at("ntt").protocol == "ntt");
  CHECK(c.nodes.at("hk-aws-1").sessions.at("ntt").multihop == 2);
  REQUIRE(c.policy.carrier_bad.size() == 2);
  CHECK(c.policy.carrier_bad[0].stance == Stance{Stance::Kind::prepend, 2});
  CHECK(c.policy.carrier_bad[1].stance == Stance{Stance::Kind::withdraw});
  CHECK(c.policy.restore_settle == minutes{10});
  CHECK(c.guards.anchors == std::vector<std::string>{"hk-ali-1"});
  REQUIRE(c.guards.windows.size() == 1);
  CHECK(c.guards.windows[0].days == std::vector{1, 2, 3, 4, 5, 6, 0});
  CHECK(c.guards.windows[0].from == hours{19} + minutes{30});
  CHECK(c.guards.windows[0].forbid == std::vector{Window::Forbids::announce});
  CHECK(c.history.keep == hours{24 * 400});
  const auto& node = c.nodes.at("hk-idc-1");
  CHECK(node.local.link == "lo");
  CHECK(node.local.drain == minutes{5});
  CHECK(c.nodes.at("hk-tx-1").local.link.empty());
  REQUIRE(node.local.routes.size() == 1);
  const auto& route = node.local.routes[0];
  CHECK(to_string(route.key()) == "192.0.2.144/28 in table 100");
  CHECK(route.rule == 1'000);
  CHECK(route.resilient);
  REQUIRE(route.nexthops.size() == 2);
  CHECK(route.nexthops[0].weight == 2);
  REQUIRE(node.services.at("web").lvs.size() == 1);
  CHECK(to_string(node.services.at("web").lvs[0].key()) == "tcp 203.0.113.1:80");
  CHECK(node.services.at("web").lvs[0].forwarding == Forwarding::nat);
}

TEST_CASE("with frr the places of the router are frr's, unless they are written") {
  auto text = kExample;
  const auto from = text.find("router:\n");
  const auto to = text.find("\n\n", from);
  const auto router = [&](const std::string& block) {
    auto changed = text;
    const auto loaded =
        load({{"anycastd.yaml", changed.replace(from, to - from, block)}}, {.self = "hk-idc-1"});
    REQUIRE(loaded.config);
    return loaded.config->router;
  };
  const auto frr = router("router: {kind: frr, config: /srv/frr.conf}");
  CHECK(frr.kind == "frr");
  CHECK(frr.socket == "/run/frr/bgpd.vty");
  CHECK(frr.config == "/srv/frr.conf");
  CHECK(frr.fragment == "/run/anycastd/frr.conf");
  CHECK(router("router: {kind: bird}").socket == "/run/bird/bird.ctl");
}

TEST_CASE("windows that nobody wrote give way to the one that is written, also in print") {
  std::string text;
  for (const auto& line : split(kExample, '\n')) {
    if (line.find("fast_window:") != std::string::npos) continue;
    if (line.find("slow_window:") != std::string::npos) continue;
    text += (line.starts_with("  window:") ? "  window: 45m" : line) + "\n";
  }
  const auto loaded = load({{"anycastd.yaml", text}}, {.self = "hk-idc-1"});
  REQUIRE(loaded.config);
  CHECK(loaded.config->evidence.window == minutes{45});
  CHECK(loaded.config->evidence.fast_window == minutes{1});
  CHECK(loaded.config->evidence.slow_window == minutes{45});
  const auto again = load({{"printed", print(*loaded.config)}}, {.self = "hk-idc-1"});
  REQUIRE(again.config);
  CHECK(again.config->evidence.slow_window == minutes{45});
}

TEST_CASE("a carrier takes from thresholds.default what it leaves out") {
  const auto loaded = load_example();
  REQUIRE(loaded.config);
  const auto& t = loaded.config->thresholds;
  CHECK(t.size() == 3);
  CHECK(t.at("telecom") == Thresholds{});
  auto mobile = Thresholds{};
  mobile.rtt = {milliseconds{120}, milliseconds{180}, milliseconds{140}};
  CHECK(t.at("mobile") == mobile);
}

TEST_CASE("every written value knows its place, and a default has none") {
  const auto loaded = load_example();
  REQUIRE(loaded.config);
  const auto& origins = loaded.config->origins;
  const auto place = [&](const std::string& path) { return to_string(origins.at(path)); };
  CHECK(place("guards.min_nodes") == "anycastd.yaml:126:14");
  CHECK(place("thresholds.mobile.rtt.bad") == "anycastd.yaml:47:29");
  CHECK(place("thresholds.mobile.loss.bad") == "anycastd.yaml:40:29");
  CHECK(place("thresholds.telecom.rtt.bad") == "anycastd.yaml:39:32");
  CHECK(place("nodes.hk-idc-1.sessions.cmi") == "anycastd.yaml:74:7");
  CHECK(place("policy.carrier_bad.0.count") == "anycastd.yaml:120:28");
  CHECK_FALSE(origins.contains("prometheus.max_body"));
}

TEST_CASE("the digest follows the text") {
  const auto one = load_example();
  const auto two = load({{.name = "other.yaml", .text = kExample + "# x\n"}}, {.self = "hk-tx-1"});
  REQUIRE(one.config);
  REQUIRE(two.config);
  CHECK(one.config->digest == hash64_hex(kExample));
  CHECK(two.config->digest == hash64_hex(kExample + "# x\n"));
}

TEST_CASE("who I am: the command line before the file before the host") {
  const std::vector<Source> file = {{.name = "x", .text = "node: hk-tx-1\n" + kExample}};
  CHECK(load(file, {.self = "hk-aws-1", .host_name = "hk-idc-1"}).config->self == "hk-aws-1");
  CHECK(load(file, {.host_name = "hk-idc-1"}).config->self == "hk-tx-1");
  CHECK(load_example().config->self == "hk-idc-1");
}

TEST_CASE("the fleet's file can be checked on a host that is none of its nodes") {
  const std::vector<Source> file = {{.name = "x", .text = kExample}};
  CHECK_FALSE(load(file, {.host_name = "laptop"}).config);
  const auto loaded = load(file, {.host_name = "laptop", .needs_self = false});
  REQUIRE(loaded.config);
  CHECK(loaded.config->self.empty());
}

TEST_CASE("drop-ins merge maps, replace the rest, and each value keeps its file") {
  const ConfigFolder folder;
  folder.write("anycastd.yaml", kExample);
  folder.write("conf.d/20-b.yaml",
               "guards: {min_nodes: 1}\nregions: [beijing, shenzhen]\nevidence: {window: 15m}\n");
  folder.write("conf.d/10-a.yaml", "guards:\n  min_nodes: 3\n  confirm: 30s\n");
  folder.write("conf.d/30-c.yaml.bak", "nonsense: [");
  folder.write("conf.d/40-empty.yaml", "# nothing\n");
  const auto loaded = load_path(folder.path("anycastd.yaml"), {.self = "hk-idc-1"});
  REQUIRE(loaded);
  INFO(shown(*loaded));
  REQUIRE(loaded->config);
  const auto& c = *loaded->config;
  CHECK(c.guards.min_nodes == 1);
  CHECK(c.guards.confirm == seconds{30});
  CHECK(c.guards.anchors.size() == 1);
  CHECK(c.regions.size() == 2);
  const auto conf_d = folder.path("conf.d");
  CHECK(to_string(c.origins.at("guards.min_nodes")) == conf_d + "/20-b.yaml:1:21");
  CHECK(to_string(c.origins.at("guards.confirm")) == conf_d + "/10-a.yaml:3:12");
  CHECK(c.origins.at("guards.anchors").file == folder.path("anycastd.yaml"));
}

TEST_CASE("what belongs to one node does not tell its digest of the fleet from another's") {
  const auto digest = [](const std::string& self, const std::string& drop_in) {
    const auto loaded =
        load({{.name = "x", .text = kExample}, {.name = "y", .text = drop_in}}, {.self = self});
    INFO(shown(loaded));
    REQUIRE(loaded.config);
    return fleet_digest(*loaded.config);
  };
  const auto plain = digest("hk-idc-1", "");
  CHECK(plain.size() == 16);
  CHECK(digest("hk-ali-1",
               "mode: advise\nprometheus: {urls: ['http://127.0.0.1:9090'], timeout: 3s}\n"
               "router: {socket: /run/other.ctl}\nweb: {listen: '127.0.0.1:9478'}\n"
               "control: {socket: /run/a.sock}\nhistory: {file: /var/lib/a.db}\n") == plain);
  CHECK(digest("hk-idc-1", "guards: {min_nodes: 3}\n") != plain);
  CHECK(digest("hk-idc-1", "prometheus: {interval: 30s}\n") != plain);
}

TEST_CASE("an error in a drop-in is shown with the drop-in's name and line") {
  const auto loaded = load({{.name = "anycastd.yaml", .text = kExample},
                            {.name = "conf.d/a.yaml", .text = "guards: {min_nodes: 9}\n"}},
                           {.self = "hk-idc-1"});
  CHECK(shown(loaded) ==
        R"(conf.d/a.yaml:1:21: error: no node could ever be withdrawn [guard-deadlock]
    1 | guards: {min_nodes: 9}
      |                     ^
      = hint: the fleet has 4 nodes, so min_nodes 9 refuses every withdraw; use 3 or less
)");
}

namespace {

std::string shown_shadow(const std::string& overlay) {
  return shown(load_shadow({{.name = "anycastd.yaml", .text = kExample}},
                           {.name = "shadow.yaml", .text = overlay}, {.self = "hk-idc-1"}));
}

}  // namespace

TEST_CASE("a shadow is what differs, laid over the configuration in force, in mode auto") {
  const ConfigFolder folder;
  folder.write("anycastd.yaml", kExample + "\nshadow: {config: shadow.yaml}\n");
  folder.write("conf.d/a.yaml", "mode: observe\n");
  folder.write("shadow.yaml",
               "thresholds: {mobile: {rtt: {bad: 150ms}}}\nupstreams: {cmi: {prepend_max: 2}}\n");
  const auto file = folder.path("anycastd.yaml");
  const auto live = load_path(file, {.self = "hk-idc-1"});
  REQUIRE(live);
  REQUIRE(live->config);
  CHECK(live->config->shadow.config == "shadow.yaml");
  const auto loaded = load_shadow_path(file, live->config->shadow.config, {.self = "hk-idc-1"});
  REQUIRE(loaded);
  INFO(shown(*loaded));
  REQUIRE(loaded->config);
  CHECK(loaded->config->thresholds.at("mobile").rtt.bad == milliseconds{150});
  CHECK(loaded->config->upstreams.at("cmi").prepend_max == 2);
  CHECK(loaded->config->mode == Mode::automatic);
  CHECK(loaded->config->digest != live->config->digest);
  auto same = *loaded->config;
  same.thresholds = live->config->thresholds;
  same.upstreams = live->config->upstreams;
  same.mode = live->config->mode;
  CHECK(print(same) == print(*live->config));
  CHECK(load_shadow({{.name = "x", .text = kExample}}, {.name = "y", .text = "# nothing\n"},
                    {.self = "hk-idc-1"})
            .config);
}

TEST_CASE("a shadow that would ask or act otherwise is refused at its line and column") {
  CHECK(shown_shadow(
            "prometheus: {interval: 30s}\nupstreams:\n  cmi: {carries: [mobile]}\nmode: auto\n") ==
        R"(shadow.yaml:1:1: error: a shadow may not say 'prometheus' [shadow]
    1 | prometheus: {interval: 30s}
      | ^^^^^^^^^^
      = hint: of its own it may have guards, policy, thresholds, weights, and of an upstream cost and prepend_max; all else is as in the configuration in force, or the two could not be compared
shadow.yaml:3:9: error: a shadow may not say 'upstreams.cmi.carries' [shadow]
    3 |   cmi: {carries: [mobile]}
      |         ^^^^^^^
      = hint: of its own it may have guards, policy, thresholds, weights, and of an upstream cost and prepend_max; all else is as in the configuration in force, or the two could not be compared
shadow.yaml:4:1: error: a shadow may not say 'mode' [shadow]
    4 | mode: auto
      | ^^^^
      = hint: a shadow is always judged as in mode auto
)");
  CHECK(shown_shadow("thresholds: {mobile: {rtt: {bad: 150}}}\n")
            .starts_with("shadow.yaml:1:34: error: thresholds.mobile.rtt.bad: 150 has no unit"));
  CHECK(shown_shadow("guards: [").find("shadow.yaml:1:") != std::string::npos);
}

TEST_CASE("a shadow that lies among the drop-ins would act, and is refused") {
  const ConfigFolder folder;
  folder.write("anycastd.yaml", kExample);
  folder.write("conf.d/a.yaml", "guards: {min_nodes: 1}\n");
  const auto file = folder.path("anycastd.yaml");
  const auto loaded = load_shadow_path(file, "conf.d/a.yaml", {.self = "hk-idc-1"});
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().text.find("is a file of the configuration in force") != std::string::npos);
  CHECK(load_shadow_path(file, "gone.yaml", {}).error().remedy == Remedy::look_at_host);
}

TEST_CASE("a file that cannot be read is an error of the host") {
  const auto loaded = load_path("/nonexistent/anycastd.yaml", {});
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().remedy == Remedy::look_at_host);
  CHECK(loaded.error().text ==
        "cannot read '/nonexistent/anycastd.yaml': No such file or directory");
}

TEST_CASE("what is no configuration at all is told so, without end or crash") {
  CHECK(shown(load_text("")).find("the file needs 'prefixes'") != std::string::npos);
  CHECK(shown(load_text("[1, 2]")).find("expected a map, found a list") != std::string::npos);
  CHECK_FALSE(load_text(std::string(200'000, '[')).config);
  CHECK_FALSE(load_text(std::string("a: \0b", 5)).config);
  CHECK_FALSE(load_text("\xFF\xFE"
                        "a")
                  .config);
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto n = std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + n;
    for (int j = 0; j < 9; ++j) laughs += ", *a" + n;
    laughs += "]\n";
  }
  CHECK(shown(load_text(laughs)).find("more than 100000 values") != std::string::npos);
  std::string keys;
  for (int i = 0; i < 1000; ++i) keys += "key" + std::to_string(i) + ": 1\n";
  CHECK(load_text(keys).diagnostics.size() == 201);
}
