#include <fmt/format.h>

#include "controller/render/fragment.hpp"

namespace anycast::render {
namespace {

/// The stances that differ in what a template does with them.
std::vector<Stance> stances_of(const Config& config, const std::string& upstream) {
  using Kind = Stance::Kind;
  std::vector<Stance> out{{}, {Kind::drain}, {Kind::withdraw}, {Kind::prepend, 1}};
  const auto found = config.upstreams.find(upstream);
  if (found == config.upstreams.end()) return out;
  const auto& [unused, known] = *found;
  if (known.prepend_max > 1) out.push_back({Kind::prepend, known.prepend_max});
  for (const auto& community : known.communities) {
    const auto ask = ask_of(community);
    if (!ask) continue;
    Stance asking;
    for (const auto& carrier : known.carries) {
      if (community.carrier.empty() || community.carrier == carrier) asking.asks[carrier] = *ask;
    }
    out.push_back(std::move(asking));
  }
  return out;
}

/// A host of each prefix for each upstream that would drop it.
HostRoutes hosts_of(const Config& config) {
  HostRoutes out;
  for (const auto& [upstream, session] : config.me().sessions) {
    const auto known = config.upstreams.find(upstream);
    if (known == config.upstreams.end() || blackhole_communities(known->second).empty()) continue;
    for (const auto& entry : config.prefixes) {
      const auto& address = entry.prefix.address;
      const Prefix host{address, address.bits()};
      if (address.family == session.neighbor.family && is_host_of(host, entry.prefix))
        out[upstream].push_back(host);
    }
  }
  return out;
}

}  // namespace

Result<void> rehearse(const Template& text, const Config& config) {
  std::map<std::string, Stance> plain;
  for (const auto& [upstream, session] : config.me().sessions) plain[upstream] = {};
  for (const auto& [upstream, session] : config.me().sessions) {
    for (const auto& stance : stances_of(config, upstream)) {
      auto stances = plain;
      stances[upstream] = stance;
      auto tried = fragment(text, config, stances);
      if (tried) continue;
      tried.error().text += fmt::format(" (by {}, tried with '{}' for '{}')", text.name(),
                                        to_string(stance), upstream);
      return tl::unexpected(std::move(tried.error()));
    }
  }
  const auto with = [&](const Beside& beside, std::string_view what) -> Result<void> {
    auto tried = fragment(text, config, plain, beside);
    if (tried) return {};
    tried.error().text += fmt::format(" (by {}, tried with {})", text.name(), what);
    return tl::unexpected(std::move(tried.error()));
  };
  for (const auto& [carrier, order] : config.me().egress) {
    for (const auto& upstream : order) {
      const auto what = fmt::format("packets to '{}' over '{}'", carrier, upstream);
      if (auto ok = with({.egress = {{carrier, upstream}}}, what); !ok) return ok;
    }
  }
  const auto hosts = hosts_of(config);
  return hosts.empty() ? Result<void>{} : with({.hosts = hosts}, "hosts to drop");
}

}  // namespace anycast::render
