#include "controller/core/listed.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/model/blackhole.hpp"
#include "controller/render/fragment.hpp"
#include "controller/render/fragment_text.hpp"

namespace anycast::core {

std::vector<std::string> no_longer_listed(const Config& config, const RouterView& router) {
  if (!router.file_revision) return {};
  const auto text = render::parse_fragment(config.router.kind, router.fragment);
  if (!text) return {};
  std::map<std::string, std::string> known;
  for (const auto& [upstream, session] : config.me().sessions)
    known[render::filter_name(session.protocol)] = upstream;
  std::vector<std::string> out;
  for (const auto& [filter, exports] : text->filters) {
    const auto session = known.find(filter);
    for (const auto& route : exports) {
      // A blackhole ends by itself, and more than its prefix is not announced by it.
      const bool listed = is_blackhole(config, route.prefix) ||
                          std::ranges::find(config.prefixes, route.prefix,
                                            &AnycastPrefix::prefix) != config.prefixes.end();
      if (session == known.end()) {
        out.push_back(fmt::format("{} by {}", to_string(route.prefix), filter));
      } else if (!listed) {
        out.push_back(fmt::format("{} on {}", to_string(route.prefix), session->second));
      }
    }
  }
  return out;
}

Word listed(const Context& context, const Step&) {
  if (context.person_applies || context.forced || !context.seen.router.value) return std::nullopt;
  const auto lost = no_longer_listed(context.config, *context.seen.router.value);
  if (lost.empty()) return std::nullopt;
  return refuse("listed",
                fmt::format("{} is announced and not in the configuration any more: a person "
                            "applies it (anycastctl apply)",
                            join(lost, ", ")),
                "prefixes");
}

}  // namespace anycast::core
