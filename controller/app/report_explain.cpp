#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/app/report.hpp"
#include "controller/app/report_parts.hpp"
#include "controller/base/text.hpp"

namespace anycast::report {
namespace {

Error unknown(const std::string& what, const std::string& name,
              const std::vector<std::string>& known) {
  const auto close = nearest(name, known);
  auto text = fmt::format("no {} '{}' in the configuration", what, printable(name));
  if (!close.empty()) text += fmt::format("; did you mean '{}'?", close);
  return {.remedy = Remedy::fix_value, .text = text, .notes = {"known: " + join(known, ", ")}};
}

std::vector<std::string> node_names(const Config& config) {
  std::vector<std::string> out;
  for (const auto& [name, unused] : config.nodes) out.push_back(name);
  return out;
}

/// What `explain` may be asked about on this node: its upstreams and all carriers.
std::vector<std::string> subjects(const Config& config, const std::string& node) {
  auto out = config.carriers;
  for (const auto& [name, unused] : config.nodes.at(node).sessions) out.push_back(name);
  return out;
}

std::string worst_carrier(const Published& p, const std::string& node) {
  std::string out;
  int most = -1;
  for (const auto& carrier : p.config->carriers) {
    if (p.config->sessions_for(node, carrier).empty()) continue;
    const auto* path = worst(paths_of(p, node, carrier));
    const int now = path == nullptr ? 0 : severity(path->state.verdict);
    if (now <= most) continue;
    most = now;
    out = carrier;
  }
  return out;
}

Json damped(const Published& p, const PathReport& path) {
  const auto& limit = p.config->thresholds.at(path.key.carrier);
  const auto& state = path.state;
  const auto ends = [](std::optional<Time> from, Duration length) {
    return time(from ? std::optional(*from + length) : std::nullopt);
  };
  return {{"state", to_string(state.verdict)},
          {"since", time(state.since)},
          {"bad_since", time(state.bad_since)},
          {"bad_at", ends(state.bad_since, limit.for_)},
          {"clear_since", time(state.clear_since)},
          {"clear_at", ends(state.clear_since, limit.clear_for)}};
}

Json path_report(const Published& p, const PathReport& path) {
  Json out = {{"upstream", path.key.upstream},
              {"carrier", path.key.carrier},
              {"regions", regions(path)},
              {"pooled", estimate(path.pooled)},
              {"fast", estimate(path.fast)},
              {"slow", estimate(path.slow)},
              {"cusum", to_ratio(path.cusum)},
              {"cusum_limit", to_ratio(path.cusum_limit)},
              {"alarm", path.alarm},
              {"nature", path.nature.empty() ? Json(nullptr) : Json(path.nature)},
              {"unknown_why", path.unknown_why.empty() ? Json(nullptr) : Json(path.unknown_why)},
              {"measured_bad", path.measured_bad},
              {"measured_clear", path.measured_clear},
              {"over", Json::array()},
              {"regions_bad", path.regions_bad},
              {"limits", limits(*p.config, path.key.carrier)},
              {"damped", damped(p, path)},
              {"blame", path.blame.empty() ? Json(nullptr) : Json(path.blame)}};
  for (const auto m : path.over) out["over"].push_back(to_string(m));
  return out;
}

Json exports(const std::vector<Export>& routes) {
  Json out = Json::array();
  for (const auto& route : routes) {
    out.push_back({{"prefix", to_string(route.prefix)},
                   {"as_path", route.as_path},
                   {"communities", route.communities}});
  }
  return out;
}

/// The carriers' paths in the order of policy prefer, with what was chosen; empty with a ladder.
Json choices(const Published& p, const std::vector<std::string>& carriers) {
  Json out = Json::array();
  for (const auto& plan : p.plan.carriers) {
    if (std::ranges::find(carriers, plan.carrier) == carriers.end()) continue;
    Json ranked = Json::array();
    for (const auto& one : plan.ranked) {
      const auto& path = p.plan.paths.at(one.path);
      ranked.push_back({{"node", path.key.node},
                        {"upstream", path.key.upstream},
                        {"role", to_string(one.role)},
                        {"score", nullptr},
                        {"extra_seconds", to_seconds(one.extra)},
                        {"handicap", one.level},
                        {"worse_since", time(one.worse_since)}});
      if (path.unknown_why.empty()) ranked.back()["score"] = bounded(one.score);
    }
    out.push_back({{"carrier", plan.carrier},
                   {"why", plan.why},
                   {"earliest", time(plan.earliest)},
                   {"ranked", ranked}});
  }
  return out;
}

Json ladder(const Published& p) {
  Json out = Json::array();
  if (p.config->policy.kind == Policy::Kind::prefer) return out;
  out.push_back({{"rung", 0}, {"to", stance(Stance{})}, {"settle_seconds", nullptr}});
  int rung = 0;
  for (const auto& step : p.config->policy.carrier_bad) {
    out.push_back({{"rung", ++rung},
                   {"to", stance(step.stance)},
                   {"settle_seconds", to_seconds(step.settle)}});
  }
  return out;
}

Json session_report(const Published& p, const Json& status, const std::string& name) {
  Json out;
  for (const auto& each : status.at("upstreams")) {
    if (each.at("name") == name) out = each;
  }
  out["steps"] = steps(p, name);
  out["exports"] = nullptr;
  const auto wanted = p.plan.fragment.exports.find(name);
  out["wanted_exports"] =
      wanted == p.plan.fragment.exports.end() ? Json(nullptr) : exports(wanted->second);
  if (!p.router.value) return out;
  const auto found = p.router.value->sessions.find(name);
  if (found != p.router.value->sessions.end() && found->second.up)
    out["exports"] = exports(found->second.exports);
  return out;
}

/// Own sessions that the explained paths lead over, in order, each once.
std::vector<std::string> sessions_of(const std::vector<const PathReport*>& paths) {
  std::vector<std::string> out;
  for (const auto* path : paths) {
    if (std::ranges::find(out, path->key.upstream) == out.end()) out.push_back(path->key.upstream);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

Result<Json> explain(const Published& p, const std::string& node, const std::string& about) {
  const auto name = node.empty() ? p.config->self : node;
  if (!p.config->nodes.contains(name))
    return tl::unexpected(unknown("node", name, node_names(*p.config)));
  const auto known = subjects(*p.config, name);
  const auto subject = about.empty() ? worst_carrier(p, name) : about;
  if (!subject.empty() && std::ranges::find(known, subject) == known.end())
    return tl::unexpected(unknown("carrier or upstream", subject, known));

  const bool is_upstream = p.config->nodes.at(name).sessions.contains(subject);
  std::vector<const PathReport*> chosen;
  for (const auto& path : p.plan.paths) {
    const auto& word = is_upstream ? path.key.upstream : path.key.carrier;
    if (path.key.node == name && word == subject) chosen.push_back(&path);
  }

  Json out = head("Explain", p);
  const auto whole = status(p);
  out["about"] = {{"node", name},
                  {"kind", is_upstream ? "upstream" : "carrier"},
                  {"name", subject},
                  {"self", name == p.config->self}};
  out["condition"] = whole.at("condition");
  out["evidence"] = whole.at("evidence");
  out["evidence"]["window_seconds"] = to_seconds(p.config->evidence.window);
  out["evidence"]["scrape_seconds"] = to_seconds(p.config->evidence.scrape);
  out["evidence"]["ping_seconds"] = to_seconds(p.config->evidence.packet());
  out["evidence"]["per_session"] = !p.config->evidence.labels.upstream.empty();
  out["evidence"]["evaluated_at"] =
      time(p.evidence.value ? std::optional(p.evidence.value->at) : std::nullopt);
  out["paths"] = Json::array();
  for (const auto* path : chosen) out["paths"].push_back(path_report(p, *path));
  out["ladder"] = ladder(p);
  if (!p.plan.carriers.empty()) {
    std::vector<std::string> carriers;
    carriers.reserve(chosen.size());
    for (const auto* path : chosen) carriers.push_back(path->key.carrier);
    out["choices"] = choices(p, carriers);
  }
  out["sessions"] = Json::array();
  auto upstreams = sessions_of(chosen);
  if (is_upstream) upstreams = {subject};
  if (name == p.config->self) {
    for (const auto& u : upstreams) out["sessions"].push_back(session_report(p, whole, u));
  }
  if (name == p.config->self && whole.contains("egress")) {
    out["egress"] = Json::array();
    for (const auto& one : whole.at("egress")) {
      const bool about_it = std::ranges::any_of(
          chosen, [&](const PathReport* path) { return one.at("carrier") == path->key.carrier; });
      if (about_it) out["egress"].push_back(one);
    }
  }
  out["router"] = router(p);
  out["last_apply"] = last_apply(p);
  // In mode auto the difference has been handed over by the time that this is read.
  out["proposal"] = p.plan.change ? Json(nullptr) : change(p.plan.proposal);
  out["drain"] = whole.at("drain");
  out["freeze"] = whole.at("freeze");
  out["windows"] = whole.at("guards").at("windows");
  return out;
}

std::string decided(const Published& p, const std::string& upstream) {
  auto out = explain(p, p.config->self, upstream);
  return out ? dump(*out) : std::string{};
}

Result<Json> decision(std::uint64_t number, const std::string& kept,
                      const std::vector<HistoryEntry>& entries) {
  auto out = Json::parse(kept, nullptr, false);
  if (!out.is_object()) {
    return fail(Remedy::report, fmt::format("what was kept of decision {} is not whole", number));
  }
  out["decision"] = number;
  auto later = history(entries).at("entries");
  std::ranges::reverse(later);
  out["later"] = std::move(later);
  return out;
}

}  // namespace anycast::report
