#include <nlohmann/json.hpp>

#include "controller/app/report_parts.hpp"

namespace anycast::report {

Json egress(const Published& p) {
  Json out = Json::array();
  const auto& orders = p.config->me().egress;
  for (const auto& report : p.plan.egress) {
    const auto order = orders.find(report.carrier);
    const auto known = p.state.egress.find(report.carrier);
    const auto state = known == p.state.egress.end() ? EgressState{} : known->second;
    Json one = {{"carrier", report.carrier},
                {"upstream", state.upstream},
                {"since", time(state.since)},
                {"why", state.why},
                {"trial", !state.from.empty()},
                {"order", order == orders.end() ? std::vector<std::string>{} : order->second},
                {"tried", Json::object()},
                {"wanted", report.wanted.empty() ? Json(nullptr) : Json(report.wanted)},
                {"next", {{"text", report.next}, {"earliest", time(report.earliest)}}}};
    for (const auto& [upstream, until] : state.tried) one["tried"][upstream] = time(until);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace anycast::report
