#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/app/report.hpp"
#include "controller/app/report_parts.hpp"

namespace anycast::report {
namespace {

Json evidence(const Published& p) {
  Json out = {{"age_seconds", nullptr},
              {"blind", p.plan.condition == Condition::blind},
              {"probes_expected", p.plan.series_expected},
              {"probes_fresh", p.plan.series_usable},
              {"server", nullptr},
              {"partial", false},
              {"error", nullptr},
              {"max_age_seconds", to_seconds(p.config->prometheus.max_age)}};
  if (p.evidence.error) out["error"] = p.evidence.error->text;
  if (!p.evidence.value) return out;
  const auto& seen = *p.evidence.value;
  out["server"] = seen.server;
  out["partial"] = seen.partial;
  if (seen.newest) out["age_seconds"] = to_seconds(p.now - *seen.newest);
  return out;
}

Json fleet(const Published& p) {
  Json out = {{"nodes", p.config->nodes.size()},
              {"known", nullptr},
              {"announcing", p.plan.nodes_announcing},
              {"error", p.fleet.error ? Json(p.fleet.error->text) : Json(nullptr)}};
  if (p.fleet.value) out["known"] = p.fleet.value->size();
  return out;
}

Json prefixes(const Published& p) {
  Json out = Json::array();
  for (const auto& prefix : p.config->prefixes) {
    out.push_back({{"prefix", to_string(prefix.prefix)},
                   {"origin_asn", prefix.origin_asn},
                   {"nodes_announcing", p.plan.nodes_announcing}});
    const auto origin = std::ranges::find(p.plan.origins, prefix.prefix, &OriginReport::prefix);
    if (origin == p.plan.origins.end()) continue;
    out.back()["rpki"] = {{"state", to_string(origin->state)},
                          {"since", time(origin->since)},
                          {"text", origin->text}};
  }
  return out;
}

Json nodes(const Published& p) {
  Json out = Json::array();
  for (const auto& [name, node] : p.config->nodes) {
    const auto upstreams = announces(p, name);
    out.push_back({{"name", name},
                   {"self", name == p.config->self},
                   {"anchor", p.config->is_anchor(name)},
                   {"announces", upstreams ? Json(*upstreams) : Json(nullptr)}});
  }
  return out;
}

double value_or_zero(const Json& estimate, const char* measure, const char* unit) {
  return estimate.at(measure).at(unit).get<double>();
}

/// A cell before its first judgement; null where no upstream of the node carries the carrier.
Json unmeasured(const Published& p, const std::string& node, const std::string& carrier) {
  if (p.config->sessions_for(node, carrier).empty()) return nullptr;
  return {{"node", node},
          {"carrier", carrier},
          {"state", "unknown"},
          {"since", nullptr},
          {"rtt_seconds", nullptr},
          {"loss_ratio", nullptr},
          {"jitter_seconds", nullptr},
          {"unknown_why", "nothing was judged yet"}};
}

Json cell(const Published& p, const std::string& node, const std::string& carrier) {
  const auto paths = paths_of(p, node, carrier);
  const auto* path = worst(paths);
  if (path == nullptr) return unmeasured(p, node, carrier);
  const auto numbers = estimate(path->pooled);
  const auto measure = [&](const char* name, const char* unit) {
    return numbers.at(name).is_null() ? Json(nullptr) : Json(value_or_zero(numbers, name, unit));
  };
  const auto& limit = p.config->thresholds.at(carrier);
  Json out = {{"node", node},
              {"carrier", carrier},
              {"state", to_string(path->state.verdict)},
              {"since", time(path->state.since)},
              {"rtt_seconds", measure("rtt", "value_seconds")},
              {"loss_ratio", measure("loss", "value_ratio")},
              {"jitter_seconds", measure("jitter", "value_seconds")},
              {"over", Json::array()},
              {"regions_bad", path->regions_bad},
              {"regions_needed", limit.regions},
              {"limits",
               {{"rtt_seconds", to_seconds(limit.rtt.bad)},
                {"loss_ratio", to_ratio(limit.loss.bad)},
                {"jitter_seconds", to_seconds(limit.jitter.bad)}}},
              {"unknown_why", path->unknown_why.empty() ? Json(nullptr) : Json(path->unknown_why)},
              {"blame", path->blame.empty() ? Json(nullptr) : Json(path->blame)},
              {"nature", path->nature.empty() ? Json(nullptr) : Json(path->nature)},
              {"bad_since", time(path->state.bad_since)},
              {"clear",
               {{"good_since", time(path->state.clear_since)},
                {"needs_seconds", to_seconds(limit.clear_for)}}},
              {"regions", regions(*path)},
              {"upstreams", Json::array()}};
  for (const auto m : path->over) out["over"].push_back(to_string(m));
  for (const auto* each : paths) {
    out["upstreams"].push_back(
        {{"name", each->key.upstream}, {"state", to_string(each->state.verdict)}});
  }
  return out;
}

Json cells(const Published& p) {
  Json out = Json::array();
  for (const auto& [node, unused] : p.config->nodes) {
    for (const auto& carrier : p.config->carriers) {
      auto one = cell(p, node, carrier);
      if (!one.is_null()) out.push_back(std::move(one));
    }
  }
  return out;
}

/// What users feel at the anycast address, whoever answers there.
Json users(const Published& p) {
  Json out = Json::array();
  if (!p.evidence.value) return out;
  for (const auto& [carrier, felt] : p.evidence.value->users) {
    out.push_back({{"carrier", carrier},
                   {"pings", felt.sent},
                   {"lost", felt.lost},
                   {"loss_ratio", static_cast<double>(felt.lost) / felt.sent},
                   {"rtt_seconds", to_seconds(felt.rtt)},
                   {"rtt_low_seconds", to_seconds(felt.rtt_low)},
                   {"rtt_high_seconds", to_seconds(felt.rtt_high)},
                   {"jitter_seconds", to_seconds(felt.jitter)}});
  }
  return out;
}

Json pin(const std::optional<Pin>& pin) {
  if (!pin) return nullptr;
  Json out = stance(pin->stance);
  out["until"] = time(pin->until);
  out["reason"] = pin->reason;
  out["actor"] = pin->actor;
  return out;
}

Json standing(const std::optional<Standing>& standing) {
  if (!standing) return nullptr;
  return {{"since", time(standing->since)},
          {"until", time(standing->until)},
          {"reason", standing->reason},
          {"actor", standing->actor}};
}

Json session(const Published& p, const std::string& name) {
  Json out = {{"neighbor", to_string(p.config->me().sessions.at(name).neighbor)},
              {"state", nullptr},
              {"up", nullptr},
              {"since", nullptr}};
  if (!p.router.value) return out;
  const auto found = p.router.value->sessions.find(name);
  out["up"] = found != p.router.value->sessions.end() && found->second.up;
  out["state"] = "missing";
  if (found == p.router.value->sessions.end()) return out;
  out["state"] = found->second.state;
  out["since"] = found->second.since;
  return out;
}

Json upstream(const Published& p, const std::string& name) {
  const auto& about = p.config->upstreams.at(name);
  const auto stored = p.state.sessions.find(name);
  const auto mine = stored == p.state.sessions.end() ? SessionState{} : stored->second;
  const auto now = actual(p, name);
  const auto same = in_sync(p, name);
  Json out = {{"name", name},
              {"asn", about.asn},
              {"carries", about.carries},
              {"session", session(p, name)},
              {"wanted", nullptr}};
  if (stored != p.state.sessions.end()) out["wanted"] = stance(mine.stance);
  out["actual"] = nullptr;
  if (now) {
    out["actual"] = stance(now->stance);
    out["actual"]["state"] = now->state;
    out["actual"]["exported"] = now->exported;
  }
  out["in_sync"] = same ? Json(*same) : Json(nullptr);
  out["since"] = time(stored == p.state.sessions.end() ? std::nullopt : std::optional(mine.since));
  out["pin"] = pin(mine.pin);
  out["hold_until"] = time(mine.hold_until);
  out["why"] = {{"decision", mine.decision == 0 ? Json(nullptr) : Json(mine.decision)},
                {"cause", to_string(mine.cause)},
                {"rung", mine.rung},
                {"text", mine.why}};
  out["next"] = nullptr;
  out["effect"] = nullptr;
  for (const auto& report : p.plan.sessions) {
    if (report.upstream != name) continue;
    out["wanted"] = stance(report.wanted);
    if (!report.why.empty()) out["why"]["text"] = report.why;
    if (!report.effect.empty()) out["effect"] = report.effect;
    out["next"] = {{"text", report.next}, {"earliest", time(report.earliest)}};
  }
  out["blocked_by"] = Json::array();
  for (const auto& step : p.plan.steps) {
    if (step.upstream != name) continue;
    for (const auto& guard : step.guards) {
      if (!guard.passed) out["blocked_by"].push_back(guard.guard);
    }
  }
  return out;
}

Json upstreams(const Published& p) {
  Json out = Json::array();
  for (const auto& [name, unused] : p.config->me().sessions) out.push_back(upstream(p, name));
  return out;
}

Json paths(const Published& p) {
  Json out = Json::array();
  for (const auto& carrier : p.config->carriers) {
    const auto have = p.plan.carrier_paths.find(carrier);
    const auto of = p.plan.carrier_paths_of.find(carrier);
    out.push_back({{"carrier", carrier},
                   {"have", have == p.plan.carrier_paths.end() ? 0 : have->second},
                   {"of", of == p.plan.carrier_paths_of.end() ? 0 : of->second},
                   {"min", p.config->guards.min_paths_per_carrier}});
  }
  return out;
}

Json guards(const Published& p) {
  Json out = {{"budget_left", budget_left(p)},
              {"budget_of", p.config->guards.max_changes.count},
              {"budget_per_seconds", to_seconds(p.config->guards.max_changes.per)},
              {"min_nodes", p.config->guards.min_nodes},
              {"windows", Json::array()},
              {"blocking", Json::array()}};
  for (const auto& window : p.windows) {
    out["windows"].push_back({{"name", window.name}, {"closes", time(window.closes)}});
  }
  std::vector<std::string> blocking;
  for (const auto& step : p.plan.steps) {
    for (const auto& guard : step.guards) {
      if (!guard.passed) blocking.push_back(guard.guard);
    }
  }
  std::ranges::sort(blocking);
  blocking.erase(std::unique(blocking.begin(), blocking.end()), blocking.end());
  out["blocking"] = blocking;
  return out;
}

/// The last decision of every session, newest first.
Json last(const Published& p) {
  std::vector<std::pair<std::uint64_t, std::string>> ids;
  for (const auto& [name, session] : p.state.sessions) {
    if (session.decision != 0) ids.emplace_back(session.decision, name);
  }
  std::ranges::sort(ids, std::greater{});
  Json out = Json::array();
  for (const auto& [id, name] : ids) {
    const auto& session = p.state.sessions.at(name);
    out.push_back({{"id", id},
                   {"time", time(session.since)},
                   {"action", to_string(session.stance)},
                   {"upstream", name},
                   {"text", session.why}});
  }
  return out;
}

}  // namespace

Json status(const Published& p) {
  Json out = head("Status", p);
  out["health"] = health(p);
  out["version"] = p.version;
  out["uptime_seconds"] = to_seconds(std::max(p.now - p.started, Duration{0}));
  out["config"] = {{"digest", p.config->digest.substr(0, 7)},
                   {"loaded", time(p.config_loaded)},
                   {"last_reload_ok", !p.reload_error.has_value()}};
  out["condition"] = {{"state", to_string(p.plan.condition)},
                      {"since", time(p.state.condition_since)},
                      {"why", p.plan.condition_why}};
  out["plan_hash"] = p.plan.hash;
  out["cycle"] = {{"interval_seconds", to_seconds(p.config->prometheus.interval)},
                  {"took_seconds", to_seconds(p.took)},
                  {"count", p.counters.cycles},
                  {"overruns", p.counters.overruns}};
  out["notices"] = notices(p);
  out["evidence"] = evidence(p);
  out["fleet"] = fleet(p);
  out["prefixes"] = prefixes(p);
  out["carriers"] = p.config->carriers;
  out["nodes"] = nodes(p);
  out["cells"] = cells(p);
  out["upstreams"] = upstreams(p);
  out["paths"] = paths(p);
  out["users"] = users(p);
  out["guards"] = guards(p);
  out["drain"] = standing(p.state.drain);
  out["freeze"] = standing(p.state.freeze);
  if (!p.state.blackholes.empty()) out["blackholes"] = blackholes(p);
  if (!p.plan.egress.empty()) out["egress"] = egress(p);
  if (p.shadow) out["shadow"] = shadow(p);
  out["local"] = {{"router", router(p)},
                  {"services", services(p)},
                  {"checks", checks(p)},
                  {"inside", inside(p)},
                  {"keepalived", keepalived(p)}};
  out["last"] = last(p);
  out["last_apply"] = last_apply(p);
  return out;
}

}  // namespace anycast::report
