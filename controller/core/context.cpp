#include "controller/core/context.hpp"

#include <algorithm>
#include <tuple>

namespace anycast::core {

Announcers announcers(const Config& config, const State& state, const Seen& seen) {
  Announcers out;
  if (seen.fleet.value) {
    for (const auto& [node, view] : *seen.fleet.value) {
      const auto known = config.nodes.find(node);
      if (node == config.self || known == config.nodes.end()) continue;
      for (const auto& [upstream, stance] : view.stances) {
        if (stance.announces() && known->second.sessions.contains(upstream))
          out.emplace_hint(out.end(), node, upstream);
      }
    }
  }
  if (!seen.router.value) return out;
  for (const auto& [upstream, session] : state.sessions) {
    const auto view = seen.router.value->sessions.find(upstream);
    const bool down = view != seen.router.value->sessions.end() && !view->second.up;
    if (session.stance.announces() && !down) out.emplace(config.self, upstream);
  }
  return out;
}

int nodes_in(const Announcers& announcers) {
  int nodes = 0;
  const std::string* last = nullptr;
  for (const auto& [node, upstream] : announcers) {
    if (last == nullptr || *last != node) ++nodes;
    last = &node;
  }
  return nodes;
}

int paths_in(const Config& config, const Announcers& announcers, const std::string& carrier) {
  return static_cast<int>(std::ranges::count_if(announcers, [&](const auto& pair) {
    const auto& carries = config.upstreams.at(pair.second).carries;
    return std::ranges::find(carries, carrier) != carries.end();
  }));
}

bool degrades(const Config& config, const Step& step) {
  return std::ranges::any_of(config.upstreams.at(step.upstream).carries,
                             [&](const std::string& carrier) {
                               return handicap(step.to, carrier) > handicap(step.from, carrier);
                             });
}

const PathReport* Context::path(const std::string& node, const std::string& upstream,
                                const std::string& carrier) const {
  // Names as they are: a key of copies would cost more than the search.
  const auto names_of = [](const PathReport& path) {
    return std::tie(path.key.node, path.key.upstream, path.key.carrier);
  };
  const auto names = std::tie(node, upstream, carrier);
  const auto found = std::ranges::lower_bound(paths, names, {}, names_of);
  return found == paths.end() || names_of(*found) != names ? nullptr : &*found;
}

}  // namespace anycast::core
