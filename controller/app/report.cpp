#include "controller/app/report.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "controller/app/report_parts.hpp"
#include "controller/config/config.hpp"

namespace anycast::report {
namespace {

std::string word(Remedy remedy) {
  switch (remedy) {
    case Remedy::fix_text: return "fix_text";
    case Remedy::fix_value: return "fix_value";
    case Remedy::wait: return "wait";
    case Remedy::look_at_peer: return "look_at_peer";
    case Remedy::look_at_host: return "look_at_host";
    case Remedy::report: return "report";
  }
  return "?";
}

std::string word(OrderReply::Outcome outcome) {
  switch (outcome) {
    case OrderReply::Outcome::done: return "done";
    case OrderReply::Outcome::refused: return "refused";
    case OrderReply::Outcome::failed: return "failed";
  }
  return "?";
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

}  // namespace

Json plan(const Published& p) {
  Json out = head("Plan", p);
  const auto whole = status(p);
  out["condition"] = whole.at("condition");
  out["notices"] = whole.at("notices");
  out["evidence"] = whole.at("evidence");
  out["config"] = whole.at("config");
  out["freeze"] = whole.at("freeze");
  out["hash"] = p.plan.hash;
  out["prefixes"] = whole.at("prefixes");
  out["interval_seconds"] = to_seconds(p.config->prometheus.interval);
  out["steps"] = steps(p, "");
  out["change"] = change(p.plan.change);
  out["proposal"] = change(p.plan.proposal);
  out["inside"] = whole.at("local").at("inside");
  out["last_apply"] = whole.at("last_apply");
  out["already_in_force"] = p.plan.already_in_force;
  out["in_force_revision"] = whole.at("local").at("router").at("revision");
  out["wanted_revision"] = p.plan.fragment.revision;
  if (whole.contains("blackholes")) out["blackholes"] = whole.at("blackholes");
  if (whole.contains("egress")) out["egress"] = whole.at("egress");
  out["confirm_until"] = whole.at("local").at("router").at("confirm_until");
  return out;
}

Json probes(const Published& p) {
  Json out = head("Probes", p);
  const bool per_session = !p.config->evidence.labels.upstream.empty();
  out["evidence"] = status(p).at("evidence");
  out["evidence"]["window_seconds"] = to_seconds(p.config->evidence.window);
  out["evidence"]["scrape_seconds"] = to_seconds(p.config->evidence.scrape);
  out["evidence"]["min_samples"] = p.config->evidence.min_samples;
  out["evidence"]["faults"] =
      p.evidence.value ? Json(p.evidence.value->faults) : Json(Json::array());
  out["probes"] = Json::array();
  std::set<PathKey> printed;
  for (const auto& path : p.plan.paths) {
    auto key = path.key;
    if (!per_session) key.upstream.clear();  // one target serves all sessions: print it once
    if (!printed.insert(key).second) continue;
    for (const auto& region : regions(path)) {
      Json one = {
          {"node", key.node}, {"upstream", text_or_null(key.upstream)}, {"carrier", key.carrier}};
      one.update(region);
      out["probes"].push_back(std::move(one));
    }
  }
  return out;
}

Json history(const std::vector<HistoryEntry>& entries) {
  Json out = {{"api", "anycastd/v1"}, {"kind", "History"}, {"entries", Json::array()}};
  for (const auto& [row, at, event] : entries) {
    out["entries"].push_back(
        {{"row", row},
         {"time", time(at)},
         {"kind", event.kind},
         {"priority", event.priority},
         {"text", event.text},
         {"upstream", text_or_null(event.upstream)},
         {"carrier", text_or_null(event.carrier)},
         {"node", text_or_null(event.node)},
         {"from", text_or_null(event.from)},
         {"to", text_or_null(event.to)},
         {"cause", text_or_null(event.cause)},
         {"actor", text_or_null(event.actor)},
         {"decision", event.decision == 0 ? Json(nullptr) : Json(event.decision)}});
  }
  return out;
}

Json config(const Published& p) {
  Json out = head("Config", p);
  out["digest"] = p.config->digest;
  out["loaded"] = time(p.config_loaded);
  out["reload_error"] = p.reload_error ? Json(to_string(*p.reload_error)) : Json(nullptr);
  out["origins"] = Json::object();
  for (const auto& [key, where] : p.config->origins) out["origins"][key] = to_string(where);
  out["yaml"] = anycast::config::print(*p.config);
  return out;
}

Json order_reply(const OrderReply& reply) {
  return {{"api", "anycastd/v1"},
          {"kind", "OrderReply"},
          {"id", reply.id},
          {"outcome", word(reply.outcome)},
          {"text", reply.text},
          {"decision", reply.decision == 0 ? Json(nullptr) : Json(reply.decision)}};
}

Json error(const Error& error) {
  return {{"api", "anycastd/v1"},
          {"kind", "Error"},
          {"remedy", word(error.remedy)},
          {"text", error.text},
          {"place", error.place.file.empty() ? Json(nullptr) : Json(to_string(error.place))},
          {"notes", error.notes}};
}

std::string dump(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anycast::report
