#include "controller/sim/article.hpp"

#include <fmt/format.h>

#include "controller/render/builtin.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::sim {
namespace {

Node node(const std::string& site, int number, const std::vector<std::string>& upstreams) {
  Node out{.site = site, .probe_target = Address::parse(fmt::format("198.51.100.{}", number))};
  int link = number;
  for (const auto& upstream : upstreams) {
    out.sessions[upstream] = {.neighbor = *Address::parse(fmt::format("192.0.2.{}", link)),
                              .local = *Address::parse(fmt::format("192.0.2.{}", link + 1)),
                              .protocol = upstream};
    link += 4;
  }
  return out;
}

Config article_fleet() {
  Config out{.self = "hk-ali-1", .mode = Mode::automatic};
  out.prefixes = {{.prefix = *Prefix::parse("203.0.113.0/24"),
                   .origin_asn = 64500,
                   .vips = {*Address::parse("203.0.113.1")}}};
  out.regions = {"beijing", "shenzhen", "chengdu"};
  out.carriers = {"telecom", "unicom", "mobile"};
  out.evidence.rtt = R"(probe_icmp_duration_seconds{phase="rtt"})";
  out.evidence.loss = "probe_success";
  for (const auto& carrier : out.carriers) out.thresholds[carrier] = {};
  out.upstreams = {{"cmi", {.asn = 64501, .carries = {"mobile"}}},
                   {"ntt", {.asn = 64502, .carries = {"telecom", "unicom"}}},
                   {"hkbn", {.asn = 64503, .carries = {"telecom"}}},
                   {"pccw", {.asn = 64504, .carries = {"unicom", "telecom"}}}};
  out.nodes = {{"hk-ali-1", node("Alibaba Cloud", 11, {"cmi", "ntt"})},
               {"hk-idc-1", node("IDC rack", 31, {"cmi", "hkbn", "pccw"})},
               {"hk-tx-1", node("Tencent Cloud", 51, {"hkbn", "pccw"})},
               {"hk-aws-1", node("AWS", 71, {"ntt", "cmi"})}};
  out.policy.carrier_bad = {{{.kind = Stance::Kind::prepend, .prepend = 2}, minutes{3}},
                            {{.kind = Stance::Kind::withdraw}, minutes{3}}};
  out.guards.min_nodes = 2;
  out.guards.min_paths_per_carrier = 2;
  out.guards.anchors = {"hk-ali-1", "hk-tx-1"};
  // The evening is told at the pace of the ladder's own times. With the defaults a withdrawal waits
  // until the penalty of the prepending before it has gone, and nothing turns back within 30
  // minutes.
  out.guards.damping = {.normal = 5'000, .ceiling = 5'000};
  out.guards.reannounce = {seconds{0}, seconds{0}};
  out.guards.reversal = {seconds{0}, seconds{0}};
  return out;
}

}  // namespace

Result<core::Setup> article() {
  auto fragment = render::compile_fragment("fragment.tmpl", render::builtin_bird_fragment());
  if (!fragment) return tl::unexpected(fragment.error());
  return core::Setup{.config = article_fleet(), .fragment = *std::move(fragment)};
}

void quiet_day(World& world) {
  const auto ms = [](int rtt) {
    return Quality{.rtt = milliseconds{rtt}, .loss = 1'000, .jitter = milliseconds{3}};
  };
  world.set({"hk-ali-1", "cmi", "mobile"}, ms(48));
  world.set({"hk-idc-1", "cmi", "mobile"}, ms(44));
  world.set({"hk-aws-1", "cmi", "mobile"}, ms(56));
  world.set({"hk-ali-1", "ntt", "telecom"}, ms(58));
  world.set({"hk-aws-1", "ntt", "telecom"}, ms(63));
  world.set({"hk-idc-1", "hkbn", "telecom"}, ms(42));
  world.set({"hk-tx-1", "hkbn", "telecom"}, ms(45));
  world.prefer("mobile", {{"hk-idc-1", "cmi"}, {"hk-ali-1", "cmi"}, {"hk-aws-1", "cmi"}});
  world.prefer("telecom", {{"hk-idc-1", "hkbn"}, {"hk-tx-1", "hkbn"}, {"hk-ali-1", "ntt"}});
  world.prefer("unicom", {{"hk-idc-1", "pccw"}, {"hk-tx-1", "pccw"}, {"hk-ali-1", "ntt"}});
}

}  // namespace anycast::sim
