#include <fmt/format.h>

#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/fleet.hpp"
#include "tests/support/stances.hpp"
#include "tests/unit/app/published_builder.hpp"

namespace anycast::testing {
namespace {

using test::kWithdraw;

Stance prepend(int times) { return {.kind = Stance::Kind::prepend, .prepend = times}; }

Address address(const std::string& text) { return *Address::parse(text); }

Node node(const std::string& site, const std::string& target,
          std::map<std::string, std::string> neighbors) {
  Node out{.site = site, .probe_target = address(target)};
  for (const auto& [upstream, neighbor] : neighbors)
    out.sessions[upstream] = {.neighbor = address(neighbor), .local = address("192.0.2.200")};
  return out;
}

Bounded<Duration> around(int ms) {
  return {milliseconds{ms}, milliseconds{ms - ms / 16}, milliseconds{ms + ms / 16}};
}

Estimate measured(int rtt_ms, Ppm loss, int jitter_ms, int sent = 120) {
  return {.sent = sent,
          .lost = static_cast<int>(sent * loss / kAll),
          .newest_age = seconds{6},
          .rtt = around(rtt_ms),
          .loss = {loss, loss / 2, loss * 3 / 2 + 8'000},
          .jitter = around(jitter_ms),
          .has_rtt = true,
          .has_jitter = true};
}

PathReport good_path(const PathKey& key, const Config& config, int rtt_ms) {
  PathReport out{.key = key};
  int offset = 0;
  for (const auto& region : config.regions) {
    out.regions.push_back(
        {.region = region, .estimate = measured(rtt_ms + offset, 1'000, 3), .level = Verdict::ok});
    offset += 7;
  }
  out.pooled = measured(rtt_ms + 7, 1'000, 3, 360);
  out.measured_clear = true;
  out.state = {.verdict = Verdict::ok,
               .since = noon() - hours{24 * 12},
               .clear_since = noon() - hours{24 * 12}};
  return out;
}

PathReport bad_path(const PathKey& key, const Config& config) {
  PathReport out{.key = key, .blame = "path"};
  const std::vector<std::pair<int, Ppm>> values = {{244, 75'000}, {198, 67'000}, {236, 58'000}};
  for (std::size_t i = 0; i < config.regions.size(); ++i) {
    out.regions.push_back({.region = config.regions[i],
                           .estimate = measured(values[i].first, values[i].second, 38),
                           .level = Verdict::bad,
                           .over = {Measure::rtt, Measure::loss}});
  }
  out.pooled = measured(231, 68'000, 38, 360);
  out.measured_bad = true;
  out.over = {Measure::rtt, Measure::loss};
  out.fast = measured(236, 81'000, 41, 36);
  out.slow = measured(118, 21'000, 14, 1080);
  out.pooled.phi = 1'400'000;
  out.pooled.runs = 19;
  out.pooled.longest_run = 3;
  out.cusum = 27'400'000;
  out.cusum_limit = 10'666'666;
  out.alarm = true;
  out.nature = "congestion";
  out.regions_bad = 3;
  out.state = {
      .verdict = Verdict::bad, .since = noon() - seconds{372}, .bad_since = noon() - seconds{417}};
  return out;
}

Export plain_route() { return {.prefix = *Prefix::parse("203.0.113.0/24")}; }

RouterView all_up() {
  RouterView out{.kind = "bird", .version = "2.0.12", .revision = 0x1a2b3c4d};
  for (const char* upstream : {"cmi", "hkbn", "pccw"}) {
    out.sessions[upstream] = {.up = true,
                              .state = "Established",
                              .since = "2026-05-20 08:00:00",
                              .exports = {plain_route()}};
  }
  return out;
}

SessionState session(const Stance& stance, Duration age, int rung, const std::string& why) {
  return {.stance = stance, .rung = rung, .since = noon() - age, .why = why};
}

void prepend_cmi(Published& p) {
  auto route = plain_route();
  route.as_path = {64500, 64500};
  p.router.value->sessions["cmi"].exports = {route};
  p.plan.fragment.exports["cmi"] = {route};
  auto& cmi = p.state.sessions["cmi"];
  cmi = session(prepend(2), seconds{194}, 1, "mobile bad: rtt 229ms >= 180ms, 3 of 3 regions");
  cmi.cause = Cause::carrier;
  cmi.decision = 1841;
  p.state.changes = {noon() - seconds{194}};
}

Step refused_withdrawal() {
  return {.upstream = "cmi",
          .from = prepend(2),
          .to = kWithdraw,
          .rung = 2,
          .cause = Cause::carrier,
          .why = "mobile bad for 6m 12s, prepend 2 did not help: 231ms >= 180ms, 6.8% >= 3.0%",
          .carriers = {"mobile"},
          .guards = {{.guard = "min_nodes", .passed = true, .text = "4 nodes stay, needs 1"},
                     {.guard = "min_paths_per_carrier",
                      .passed = false,
                      .text = "mobile would have 1 path and needs 2",
                      .key = "guards.min_paths_per_carrier"},
                     {.guard = "window",
                      .passed = false,
                      .text = "evening-peak forbids degrading",
                      .key = "guards.windows.evening-peak",
                      .earliest = noon() + hours{3}},
                     {.guard = "max_changes", .passed = true, .text = "5 of 6 left in 1h"}}};
}

}  // namespace

Time noon() { return *parse_utc("2026-06-01T12:20:20Z"); }

Config fleet_config() {
  Config c{.self = "hk-idc-1", .mode = Mode::automatic};
  c.prefixes = {{.prefix = *Prefix::parse("203.0.113.0/24"), .origin_asn = 64500}};
  c.prometheus.urls = {"https://prom-a.example.net:9090"};
  c.regions = {"beijing", "shenzhen", "chengdu"};
  c.carriers = {"telecom", "unicom", "mobile"};
  for (const auto& carrier : c.carriers) c.thresholds[carrier] = {};
  c.thresholds["mobile"].rtt = {milliseconds{120}, milliseconds{180}, milliseconds{140}};
  c.upstreams = {{"cmi", {.asn = 64496, .carries = {"mobile"}}},
                 {"hkbn", {.asn = 64497, .carries = {"telecom"}}},
                 {"ntt", {.asn = 64498, .carries = {"telecom", "unicom"}}},
                 {"pccw", {.asn = 64499, .carries = {"telecom", "unicom"}}}};
  c.nodes = {
      {"hk-ali-1", node("cloud", "198.51.100.11", {{"cmi", "192.0.2.1"}, {"ntt", "192.0.2.5"}})},
      {"hk-aws-1", node("cloud", "198.51.100.41", {{"cmi", "192.0.2.53"}, {"ntt", "192.0.2.49"}})},
      {"hk-idc-1", node("rack", "198.51.100.21",
                        {{"cmi", "192.0.2.17"}, {"hkbn", "192.0.2.21"}, {"pccw", "192.0.2.25"}})},
      {"hk-tx-1",
       node("cloud", "198.51.100.31", {{"hkbn", "192.0.2.33"}, {"pccw", "192.0.2.37"}})}};
  c.policy.carrier_bad = {{.stance = prepend(2), .settle = minutes{3}},
                          {.stance = kWithdraw, .settle = minutes{10}}};
  c.guards.anchors = {"hk-ali-1"};
  c.guards.min_paths_per_carrier = 2;
  c.origins = {{"thresholds.mobile.rtt.bad", {"anycastd.yaml", 40, 29}},
               {"thresholds.default.loss.bad", {"anycastd.yaml", 34, 29}},
               {"thresholds.default.for", {"anycastd.yaml", 37, 10}},
               {"guards.min_paths_per_carrier", {"anycastd.yaml", 93, 3}}};
  c.digest = "7c1f0a2b7c1f0a2b";
  return c;
}

Published calm() {
  const auto config = std::make_shared<const Config>(fleet_config());
  Published p{.config = config, .state = {}, .plan = {.now = noon()}};
  int rtt = 38;
  for (const auto& [name, node] : config->nodes) {
    for (const auto& carrier : config->carriers) {
      for (const auto& upstream : config->sessions_for(name, carrier))
        p.plan.paths.push_back(good_path({name, upstream, carrier}, *config, rtt));
      rtt += 3;
    }
  }
  std::ranges::sort(p.plan.paths, {}, &PathReport::key);
  for (const auto& [upstream, unused] : config->me().sessions) {
    p.state.sessions[upstream] = session({}, hours{24 * 12}, 0, "");
    p.plan.sessions.push_back({.upstream = upstream, .wanted = {}, .why = "all carriers are ok"});
    p.plan.fragment.exports[upstream] = {plain_route()};
  }
  p.plan.fragment.revision = 0x1a2b3c4d;
  p.plan.nodes_announcing = 4;
  p.plan.carrier_paths = {{"mobile", 3}, {"telecom", 6}, {"unicom", 4}};
  p.plan.carrier_paths_of = p.plan.carrier_paths;
  p.plan.series_expected = p.plan.series_usable = 36;
  p.plan.hash = "9d0c1b2";
  p.evidence = Sourced<EvidenceSummary>::ok({.at = noon(),
                                             .server = "https://prom-a.example.net:9090",
                                             .series = 36,
                                             .newest = noon() - seconds{6}},
                                            noon());
  p.router = Sourced<RouterView>::ok(all_up(), noon());
  p.fleet = Sourced<FleetView>::ok({{"hk-ali-1", test::announcing({"cmi", "ntt"})},
                                    {"hk-aws-1", test::announcing({"cmi", "ntt"})},
                                    {"hk-tx-1", test::announcing({"hkbn", "pccw"})}},
                                   noon());
  p.state.condition_since = noon() - hours{24 * 12};
  p.now = noon();
  p.started = noon() - hours{24 * 12};
  p.took = milliseconds{14};
  p.counters.cycles = 69'120;
  p.counters.cycle_time.observe(milliseconds{14});
  p.config_loaded = noon() - hours{24 * 3};
  p.version = "0.1.0";
  return p;
}

Published evening() {
  auto p = calm();
  for (auto& path : p.plan.paths) {
    if (path.key == PathKey{"hk-idc-1", "cmi", "mobile"}) path = bad_path(path.key, *p.config);
  }
  prepend_cmi(p);
  p.plan.steps = {refused_withdrawal()};
  p.plan.sessions[0] = {.upstream = "cmi",
                        .wanted = prepend(2),
                        .why = p.state.sessions["cmi"].why,
                        .next = "withdraw while mobile stays bad",
                        .earliest = noon() + hours{3}};
  p.plan.notices = {
      {Notice::Level::warning, "carrier-bad", "mobile bad at hk-idc-1 via cmi for 6m 12s"}};
  p.windows = {{.name = "evening-peak", .closes = noon() + hours{3}}};
  p.last_apply = ApplyOutcome{.at = noon() - seconds{194},
                              .result = "ok",
                              .text = "bird took it, confirmed: cmi announced -> prepended 2",
                              .took = milliseconds{41},
                              .decision = 1841};
  p.counters.applies = {{{"ok"}, 1}};
  p.counters.decisions = {{{"prepend", "carrier"}, 1}};
  p.counters.guard_refusals = {{{"min_paths_per_carrier"}, 1}, {{"window"}, 1}};
  p.counters.cell_changes = {{{"hk-idc-1", "mobile", "bad"}, 1}};
  p.counters.prometheus_requests = {{{"https://prom-a.example.net:9090", "ok"}, 1200}};
  return p;
}

Published blind() {
  auto p = evening();
  const std::string why = "prom-a timed out after 4s, prom-b refused (connection refused)";
  p.evidence = Sourced<EvidenceSummary>::failed({.remedy = Remedy::wait, .text = why}, noon());
  p.fleet = Sourced<FleetView>::failed({.remedy = Remedy::wait, .text = why}, noon());
  p.plan.condition = p.state.condition = Condition::blind;
  p.plan.condition_why = why;
  p.state.condition_since = noon() - seconds{250};
  p.plan.steps.clear();
  p.plan.series_usable = 0;
  p.plan.nodes_announcing = 1;
  for (auto& path : p.plan.paths) {
    path.regions.clear();
    path.pooled = path.fast = path.slow = {};
    path.cusum = path.cusum_limit = 0;
    path.alarm = false;
    path.nature.clear();
    path.unknown_why = "no evidence: " + why;
    path.state = {.verdict = Verdict::unknown, .since = noon() - seconds{250}};
    path.blame.clear();
    path.measured_bad = path.measured_clear = false;
    path.over.clear();
    path.regions_bad = 0;
  }
  p.plan.notices = {
      {Notice::Level::error, "blind", "no usable evidence for 4m 10s: " + why},
      {Notice::Level::error, "holding", "holding: nothing is changed until evidence is back"}};
  return p;
}

Published kept() {
  auto p = calm();
  const auto home = address("203.0.113.1");
  const ServerKey one{*Address::parse("192.0.2.201"), 8080};
  const ServerKey two{*Address::parse("192.0.2.202"), 8080};
  const ServiceKey web{Protocol::tcp, home, 80};
  const ServiceKey page{Protocol::tcp, home, 443};
  const ServiceKey dns{Protocol::udp, home, 53};
  const Vip vip{{home, 32}, "lo"};
  auto config = *p.config;
  config.prefixes.front().vips = {home};
  config.nodes.at("hk-idc-1").local.link = "lo";
  config.nodes.at("hk-idc-1").services["web"] = {
      .servers = {{.endpoint = one, .weight = 2}, {.endpoint = two}},
      .lvs = {{.address = {home, 80}, .scheduler = "wrr"},
              {.address = {home, 53}, .protocol = Protocol::udp},
              {.address = {home, 443}, .owner = Lvs::Owner::keepalived}}};
  const RouteKey pool{*Prefix::parse("192.0.2.144/28"), 100};
  config.nodes.at("hk-idc-1").local.routes = {
      {.to = pool.to,
       .table = 100,
       .rule = 1'000,
       .resilient = true,
       .service = "web",
       .nexthops = {{one.address, "eth1", 2}, {two.address, "eth1"}}}};
  p.config = std::make_shared<const Config>(std::move(config));
  InsideView view;
  view.inside.vips = {vip};
  view.inside.routes[pool] = {.hops = {{{one.address, "eth1"}, 2}}, .resilient = true};
  view.inside.services[web] = {.settings = {.scheduler = "wrr"},
                               .servers = {{one, {.weight = 2}}, {two, {.weight = 0}}}};
  view.inside.services[page].servers[one] = {};
  view.load[web] = {.count = {1'234, 24'680, 22'212, 1'851'000, 90'123'456},
                    .servers = {{one, {17, 203, 0, {1'200, 24'000, 21'600, 1'800'000, 90'000'000}}},
                                {two, {0, 4, 0, {34, 680, 612, 51'000, 123'456}}}}};
  view.load[page].servers[one] = {.active = 2};
  p.inside = Sourced<InsideView>::ok(std::move(view), noon());
  p.state.inside = {.vips = {vip}, .services = {{web, {{one, {}}, {two, {}}}}, {dns, {}}}};
  p.plan.inside.changes = {ServiceChange{InsideVerb::add, dns, {.scheduler = "wlc"}},
                           ServerChange{InsideVerb::add, dns, one, {.weight = 2}},
                           ServerChange{InsideVerb::add, dns, two, {.weight = 1}}};
  p.plan.inside.proposal = p.plan.inside.changes;
  p.plan.inside.proposal.emplace_back(
      VipChange{InsideVerb::remove, {{*Address::parse("203.0.113.9"), 32}, "lo"}});
  p.plan.notices = {{Notice::Level::warning, "foreign-address",
                     "203.0.113.1 is on eth0 as 203.0.113.1/24 too, from elsewhere; it stays"}};
  p.inside_faults = {
      "\"ipvsadm -A -u 203.0.113.1:53 -s wlc\": no such service, or the kernel has "
      "no scheduler \"wlc\" (module ip_vs_wlc)"};
  return p;
}

Published frozen() {
  auto p = evening();
  p.state.freeze = Standing{.since = noon() - minutes{20},
                            .until = noon() + hours{2},
                            .reason = "live event",
                            .actor = "lin (uid 1004)"};
  p.state.sessions["pccw"].pin = Pin{.stance = prepend(1),
                                     .until = noon() + minutes{90},
                                     .reason = "ticket 88123",
                                     .actor = "lin (uid 1004)"};
  p.plan.condition = p.state.condition = Condition::frozen;
  p.state.condition_since = noon() - minutes{20};
  p.plan.condition_why = "frozen by lin (uid 1004) \"live event\" until 14:20:20";
  p.plan.notices.insert(p.plan.notices.begin(),
                        {Notice::Level::warning, "frozen", p.plan.condition_why + " for 20m"});
  return p;
}

Published shadowed() {
  auto p = evening();
  p.shadow = ShadowView{.file = "shadow.yaml",
                        .digest = "0123456789abcdef",
                        .since = noon() - hours{26},
                        .paths = {{{"hk-idc-1", "hkbn", "telecom"}, Verdict::warn, Verdict::ok}},
                        .steps = {{{"withdraw", "carrier"}, 1}}};
  for (const auto& [upstream, session] : p.state.sessions)
    p.shadow->sessions[upstream] = {.stance = session.stance, .since = session.since};
  p.shadow->sessions["cmi"] = {.stance = {.kind = Stance::Kind::withdraw},
                               .since = noon() - minutes{5},
                               .why = "mobile still bad",
                               .next = "prepend 2 once clear"};
  return p;
}

Published advised() {
  auto p = evening();
  auto config = *p.config;
  config.mode = Mode::advise;
  p.config = std::make_shared<const Config>(std::move(config));
  auto& step = p.plan.steps.front();
  step.guards = {{.guard = "mode",
                  .passed = false,
                  .text = "mode advise: a person applies it (anycastctl apply)"},
                 {.guard = "min_nodes", .passed = true, .text = "4 nodes stay, needs 1"}};
  p.plan.proposal = Change{.why = Change::Why::step,
                           .diff =
                               "--- /run/anycastd/bird.conf\n+++ planned\n@@ -21,3 +21,2 @@\n"
                               " filter anycastd_out_cmi {\n-  accept;\n+  reject;\n",
                           .text = "withdraw cmi",
                           .upstreams = {"cmi"}};
  return p;
}

Published first_cycle() {
  const auto config = std::make_shared<const Config>(fleet_config());
  Published p{.config = config, .state = {}, .plan = {.now = noon()}};
  p.now = noon();
  p.started = noon() - seconds{1};
  p.config_loaded = p.started;
  p.version = "0.1.0";
  p.router = Sourced<RouterView>::failed(
      {.remedy = Remedy::look_at_peer, .text = "no BIRD at '/run/bird/bird.ctl': no such file"},
      noon());
  return p;
}

Published chinese() {
  auto p = evening();
  auto config = *p.config;
  const std::map<std::string, std::string> names = {
      {"beijing", "北京"}, {"shenzhen", "深圳"}, {"chengdu", "成都（双流）"}};
  for (auto& region : config.regions) region = names.at(region);
  p.config = std::make_shared<const Config>(std::move(config));
  for (auto& path : p.plan.paths) {
    for (auto& region : path.regions) region.region = names.at(region.region);
  }
  return p;
}

}  // namespace anycast::testing
