#include "controller/core/said.hpp"

#include <algorithm>

namespace anycast::core {

Stance said(const Export& route) {
  constexpr auto kGracefulShutdown = "65535:0";  // RFC 8326
  const auto prepends = static_cast<int>(std::min<std::size_t>(route.as_path.size(), 10));
  const auto& communities = route.communities;
  if (std::ranges::find(communities, kGracefulShutdown) != communities.end())
    return {.kind = Stance::Kind::drain};
  if (prepends > 0) return {.kind = Stance::Kind::prepend, .prepend = prepends};
  return {};
}

Stance said(const Config& config, const std::string& upstream, const std::vector<Export>& exports) {
  const auto family = config.me().sessions.at(upstream).neighbor.family;
  Stance out{};
  for (const auto& entry : config.prefixes) {
    if (entry.prefix.address.family != family) continue;
    const auto found = std::ranges::find(exports, entry.prefix, &Export::prefix);
    out = std::max(out,
                   found == exports.end() ? Stance{.kind = Stance::Kind::withdraw} : said(*found));
  }
  return out;
}

}  // namespace anycast::core
