#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/app/report_parts.hpp"

namespace anycast::report {
namespace {

/// Real servers that are shown one by one; of more, how many are left out.
constexpr std::size_t kServersShown = 50;

Json server(const Published& p, const Service& service, const Service::Real& real,
            const RealState& state) {
  const bool old = stale(service.check, state, p.now);
  Json out = {{"address", to_string(real.endpoint)},
              {"weight", real.weight},
              {"state", to_string(old ? Alive::unknown : state.alive)},
              {"since", nullptr},
              {"heard", nullptr},
              {"took_seconds", to_seconds(state.took)},
              {"tries", state.tries},
              {"failures", state.failures},
              {"why", state.why.empty() ? Json(nullptr) : Json(state.why)}};
  if (state.since != Time{}) out["since"] = time(state.since);
  if (state.heard != Time{}) out["heard"] = time(state.heard);
  return out;
}

/// Those that are not up, in the order of the configuration.
void add_troubled(const Published& p, const Service& service, const std::string& name, Json& out) {
  out["servers"] = Json::array();
  std::size_t left_out = 0;
  for (const auto& real : service.servers) {
    RealState state;
    if (p.health.value && p.health.value->contains(name)) {
      const auto& reals = p.health.value->at(name);
      const auto found = reals.find(real.endpoint);
      if (found != reals.end()) state = found->second;
    }
    if (state.alive == Alive::up && !stale(service.check, state, p.now)) continue;
    if (out["servers"].size() < kServersShown) {
      out["servers"].push_back(server(p, service, real, state));
    } else {
      ++left_out;
    }
  }
  out["servers_left_out"] = left_out;
}

}  // namespace

Json services(const Published& p) {
  Json out = Json::array();
  for (const auto& report : p.plan.services) {
    const auto& service = p.config->me().services.at(report.name);
    Json one = {{"name", report.name},
                {"check", to_string(service.check.kind)},
                {"level", to_string(report.state.level)},
                {"since", time(report.state.since)},
                {"up", report.servers_up},
                {"unknown", report.servers_unknown},
                {"of", report.servers},
                {"weight_up", report.capacity.up},
                {"weight_of", report.capacity.total},
                {"needs", report.needs},
                {"why", report.why}};
    add_troubled(p, service, report.name, one);
    out.push_back(std::move(one));
  }
  return out;
}

Json checks(const Published& p) {
  const auto& checks = p.counters.checks;
  if (!checks) return nullptr;
  return {{"tries", checks->tries},
          {"failures", checks->failures},
          {"late", checks->late},
          {"missed", checks->missed},
          {"open", checks->open}};
}

}  // namespace anycast::report
