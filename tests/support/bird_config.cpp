#include "tests/support/bird_config.hpp"

#include <stdexcept>

#include "tests/support/texts.hpp"

namespace anycast::test {
namespace {

Address address(std::string_view text) { return Address::parse(text).value(); }

Result<render::Template> compiled(const std::string& kind) {
  return render::compile_fragment("fragment.tmpl", template_text(kind));
}

Fragment rendered(const Result<render::Template>& text, const Config& config,
                  const std::map<std::string, Stance>& stances, const HostRoutes& hosts) {
  if (!text) throw std::runtime_error{to_string(text.error())};
  auto fragment = render::fragment(*text, config, stances, {.hosts = hosts});
  if (!fragment) throw std::runtime_error{to_string(fragment.error())};
  return *fragment;
}

}  // namespace

std::string template_text(const std::string& kind) {
  return slurp(tree("templates/" + kind + "/fragment.tmpl"));
}

Config bird_config() {
  Config config;
  config.self = "hk1";
  config.prefixes = {{.prefix = *Prefix::parse("203.0.113.0/24"), .origin_asn = 64500},
                     {.prefix = *Prefix::parse("2001:db8:100::/48"), .origin_asn = 64500}};
  auto& sessions = config.nodes["hk1"].sessions;
  sessions["cmi"] = {
      .neighbor = address("192.0.2.2"), .local = address("192.0.2.1"), .protocol = "cmi"};
  sessions["ntt"] = {
      .neighbor = address("192.0.2.6"), .local = address("192.0.2.5"), .protocol = "ntt-hk"};
  sessions["ntt6"] = {
      .neighbor = address("2001:db8::2"), .local = address("2001:db8::1"), .protocol = "ntt6"};
  using Does = Community::Does;
  config.carriers = {"mobile", "telecom"};
  config.upstreams["cmi"] = {
      .asn = 64501,
      .carries = {"mobile", "telecom"},
      .communities = {{.value = "64501:1002",
                       .does = Does::prepend_to,
                       .count = 2,
                       .carrier = "mobile",
                       .tested = true},
                      {.value = "64501:1:9", .does = Does::no_export_to, .carrier = "telecom"},
                      {.value = "64501:70", .does = Does::local_pref}}};
  config.upstreams["ntt"] = {.asn = 64502,
                             .carries = {"telecom"},
                             .communities = {{.value = "64502:666", .does = Does::blackhole},
                                             {.value = "65535:666", .does = Does::blackhole}}};
  config.upstreams["ntt6"] = {
      .asn = 4200000000,
      .carries = {"telecom"},
      .communities = {{.value = "4200000000:70:1", .does = Does::local_pref, .tested = true},
                      {.value = "4200000000:666:0", .does = Does::blackhole}}};
  return config;
}

Config leaving(Config config) {
  config.egress = {
      .carriers = {{"telecom", {.as_path = {64520, 64510}}}, {"mobile", {.as_path = {64511}}}},
      .local_preference = 250};
  config.nodes.at("hk1").egress = {{"telecom", {"cmi", "ntt"}}, {"mobile", {"cmi"}}};
  return config;
}

Config with_more_prefixes(Config config) {
  for (const auto* prefix : {"192.0.2.128/26", "2001:db8:200::/40"})
    config.prefixes.push_back({.prefix = *Prefix::parse(prefix), .origin_asn = 64500});
  return config;
}

std::map<std::string, Stance> all_say(const Stance& stance) {
  return {{"cmi", stance}, {"ntt", stance}, {"ntt6", stance}};
}

std::map<std::string, Stance> asking() {
  return {{"cmi",
           {Stance::Kind::prepend,
            1,
            {{"mobile", {Verb::prepend_to, 2}}, {"telecom", {Verb::no_export_to}}}}},
          {"ntt", {}},
          {"ntt6", {Stance::Kind::drain, 0, {{"telecom", {Verb::local_pref}}}}}};
}

HostRoutes dropping() {
  return {{"ntt", {*Prefix::parse("203.0.113.7/32"), *Prefix::parse("203.0.113.9/32")}},
          {"ntt6", {*Prefix::parse("2001:db8:100::7/128")}}};
}

Config frr_config() {
  auto config = bird_config();
  config.router.kind = "frr";
  return config;
}

Result<render::Template> shipped_template() { return compiled("bird"); }
Result<render::Template> shipped_frr_template() { return compiled("frr"); }

Fragment bird_fragment(const std::map<std::string, Stance>& stances, const HostRoutes& hosts,
                       const Config& config) {
  static const auto text = shipped_template();
  return rendered(text, config, stances, hosts);
}

Fragment frr_fragment(const std::map<std::string, Stance>& stances, const HostRoutes& hosts,
                      const Config& config) {
  static const auto text = shipped_frr_template();
  return rendered(text, config, stances, hosts);
}

}  // namespace anycast::test
