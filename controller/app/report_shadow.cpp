#include <nlohmann/json.hpp>

#include "controller/app/report_parts.hpp"

namespace anycast::report {
namespace {

Json other_stances(const Published& p) {
  Json out = Json::array();
  for (const auto& [name, session] : p.shadow->sessions) {
    const auto live = p.state.sessions.find(name);
    if (live == p.state.sessions.end() || live->second.stance == session.stance) continue;
    out.push_back({{"name", name},
                   {"wanted", stance(session.stance)},
                   {"live", stance(live->second.stance)},
                   {"since", time(session.since)},
                   {"why", session.why},
                   {"next", session.next}});
  }
  return out;
}

Json other_egress(const Published& p) {
  Json out = Json::array();
  for (const auto& [carrier, upstream] : p.shadow->egress) {
    const auto live = p.state.egress.find(carrier);
    if (live == p.state.egress.end() || live->second.upstream == upstream) continue;
    out.push_back({{"carrier", carrier}, {"upstream", upstream}, {"live", live->second.upstream}});
  }
  return out;
}

Json other_verdicts(const Published& p) {
  Json out = Json::array();
  for (const auto& path : p.shadow->paths) {
    out.push_back({{"node", path.key.node},
                   {"upstream", path.key.upstream},
                   {"carrier", path.key.carrier},
                   {"state", to_string(path.verdict)},
                   {"live", to_string(path.live)}});
  }
  return out;
}

std::uint64_t total(const Counts& counts) {
  std::uint64_t out = 0;
  for (const auto& [labels, count] : counts) out += count;
  return out;
}

}  // namespace

Json shadow(const Published& p) {
  const auto& view = *p.shadow;
  return {{"file", view.file},
          {"digest", view.digest.empty() ? Json(nullptr) : Json(view.digest.substr(0, 7))},
          {"fault", view.fault.empty() ? Json(nullptr) : Json(view.fault)},
          {"since", time(view.since)},
          {"steps", total(view.steps)},
          {"upstreams", other_stances(p)},
          {"egress", other_egress(p)},
          {"paths", other_verdicts(p)}};
}

}  // namespace anycast::report
