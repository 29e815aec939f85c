#include "controller/sim/fleets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "controller/base/text.hpp"
#include "controller/render/builtin.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::sim {
namespace {

/// In the order of their letters, A to D.
struct Site {
  const char* node;
  const char* name;
  const char* upstream;
};
constexpr std::array<Site, 4> kSites = {{{"hk-ali-1", "Alibaba Cloud", "ntt"},
                                         {"hk-idc-1", "IDC rack", "hkbn"},
                                         {"hk-tx-1", "Tencent Cloud", "pccw"},
                                         {"hk-aws-1", "AWS", "cmi"}}};

/// One verb per carrier that lets its users prefer every other way, tested.
std::vector<Community> dictionary(const Config& config, int asn) {
  std::vector<Community> out;
  int value = 2'000;
  for (const auto& carrier : config.carriers) {
    out.push_back({.value = fmt::format("{}:{}", asn, ++value),
                   .does = Community::Does::prepend_to,
                   .count = 2,
                   .carrier = carrier,
                   .tested = true});
    out.push_back({.value = fmt::format("{}:{}", asn, 100 + value),
                   .does = Community::Does::local_pref,
                   .carrier = carrier,
                   .tested = true});
  }
  return out;
}

void add_site(Config& config, const Site& site, int number) {
  config.upstreams[site.upstream] = {.asn = static_cast<Asn>(64500 + number),
                                     .carries = config.carriers,
                                     .communities = dictionary(config, 64500 + number)};
  auto& node = config.nodes[site.node];
  node.site = site.name;
  node.probe_target = Address::parse(fmt::format("198.51.100.{}", 20 * number));
  node.sessions[site.upstream] = {
      .neighbor = *Address::parse(fmt::format("192.0.2.{}", 4 * number + 1)),
      .local = *Address::parse(fmt::format("192.0.2.{}", 4 * number + 2)),
      .protocol = site.upstream};
}

Config fleet() {
  Config out{.self = kSites.front().node, .mode = Mode::automatic};
  out.prefixes = {{.prefix = *Prefix::parse("203.0.113.0/24"),
                   .origin_asn = 64500,
                   .vips = {*Address::parse("203.0.113.1")}}};
  out.regions = {"beijing", "chengdu", "shenzhen"};
  out.carriers = {"telecom", "mobile", "unicom"};
  out.evidence.rtt = R"(probe_icmp_duration_seconds{phase="rtt"})";
  out.evidence.loss = "probe_success";
  out.prometheus.interval = seconds{30};
  for (const auto& carrier : out.carriers) out.thresholds[carrier] = {};
  int number = 0;
  for (const auto& site : kSites) add_site(out, site, ++number);
  out.policy.kind = Policy::Kind::prefer;
  out.policy.carrier_bad = {{{.kind = Stance::Kind::prepend, .prepend = 2}, minutes{10}},
                            {{.kind = Stance::Kind::withdraw}, minutes{10}}};
  out.guards.min_nodes = 2;
  out.guards.min_paths_per_carrier = 2;
  out.guards.anchors = {"hk-ali-1", "hk-tx-1"};
  return out;
}

}  // namespace

std::vector<std::string> fixture_names() { return {"calibrated-week", "load-feedback"}; }

Result<Fixture> fixture(const std::string& name, const FixtureOptions& options) {
  if (name == "calibrated-week") return calibrated_week(options);
  if (name == "load-feedback") return load_feedback(options);
  return fail(Remedy::fix_value, fmt::format("unknown fixture '{}'; there are: {}", printable(name),
                                             join(fixture_names(), ", ")));
}

Result<Fixture> four_nodes(int days) {
  auto fragment = render::compile_fragment("fragment.tmpl", render::builtin_bird_fragment());
  if (!fragment) return tl::unexpected(fragment.error());
  Fixture out{.name = {},
              .about = {},
              .setup = {.config = fleet(), .fragment = *std::move(fragment)},
              // Midnight in Hong Kong before a Monday.
              .begin = *parse_utc("2026-05-31T16:00:00.000Z"),
              .ticks = days * (hours{24} / kTick)};
  for (const auto& [node, entry] : out.config().nodes) {
    for (const auto& [upstream, session] : entry.sessions) {
      for (const auto& carrier : out.config().upstreams.at(upstream).carries)
        out.paths.push_back({node, upstream, carrier});
    }
  }
  std::ranges::sort(out.paths);
  return out;
}

std::size_t node_number(const Fixture& fixture, PathNo path) {
  const auto& node = fixture.paths[path].node;
  const auto* found =
      std::ranges::find_if(kSites, [&](const Site& site) { return node == site.node; });
  return static_cast<std::size_t>(found - kSites.begin());
}

std::size_t carrier_number(const Fixture& fixture, PathNo path) {
  const auto& carriers = fixture.config().carriers;
  return static_cast<std::size_t>(std::ranges::find(carriers, fixture.paths[path].carrier) -
                                  carriers.begin());
}

void prefer(Fixture& fixture, const std::vector<std::string>& orders) {
  fixture.preferred.clear();
  for (std::size_t carrier = 0; carrier < orders.size(); ++carrier) {
    auto& order = fixture.preferred.emplace_back();
    for (const char letter : orders[carrier]) {
      for (PathNo path = 0; path < fixture.paths.size(); ++path) {
        const bool is = node_number(fixture, path) == static_cast<std::size_t>(letter - 'A');
        if (is && carrier_number(fixture, path) == carrier) order.push_back(path);
      }
    }
  }
}

}  // namespace anycast::sim
