#include "controller/core/said.hpp"

#include <algorithm>

namespace anycast::core {
namespace {

/// Of two wishes toward one carrier the one that keeps away more users counts.
void add_ask(const std::string& carrier, const Ask& ask, std::map<std::string, Ask>& asks) {
  const auto [known, is_new] = asks.emplace(carrier, ask);
  if (!is_new && handicap({.asks = {{carrier, ask}}}, carrier) >
                     handicap({.asks = {{carrier, known->second}}}, carrier)) {
    known->second = ask;
  }
}

}  // namespace

Stance said(const Upstream& upstream, const Export& route) {
  constexpr auto kGracefulShutdown = "65535:0";  // RFC 8326
  const auto prepends = static_cast<int>(std::min<std::size_t>(route.as_path.size(), 10));
  const auto has = [&](const std::string& community) {
    return std::ranges::find(route.communities, community) != route.communities.end();
  };
  Stance out{};
  if (has(kGracefulShutdown)) {
    out.kind = Stance::Kind::drain;
  } else if (prepends > 0) {
    out = {.kind = Stance::Kind::prepend, .prepend = prepends};
  }
  if (route.communities.empty()) return out;
  for (const auto& entry : upstream.communities) {
    const auto ask = ask_of(entry);
    if (!ask || !has(entry.value)) continue;
    for (const auto& carrier : upstream.carries) {
      if (entry.carrier.empty() || entry.carrier == carrier) add_ask(carrier, *ask, out.asks);
    }
  }
  return out;
}

Stance said(const Config& config, const std::string& upstream, const std::vector<Export>& exports) {
  const auto family = config.me().sessions.at(upstream).neighbor.family;
  const auto& dictionary = config.upstreams.at(upstream);
  Stance out{};
  for (const auto& entry : config.prefixes) {
    if (entry.prefix.address.family != family) continue;
    const auto found = std::ranges::find(exports, entry.prefix, &Export::prefix);
    out = std::max(out, found == exports.end() ? Stance{.kind = Stance::Kind::withdraw}
                                               : said(dictionary, *found));
  }
  return out;
}

void run(RouterView& view, const Fragment& fragment) {
  view.revision = fragment.revision;
  view.file_revision = fragment.revision;
  view.fragment = fragment.text;
  view.unconfirmed = false;
  for (auto& [upstream, session] : view.sessions) {
    const auto exports = fragment.exports.find(upstream);
    session.exports.clear();
    if (session.up && exports != fragment.exports.end()) session.exports = exports->second;
  }
}

}  // namespace anycast::core
