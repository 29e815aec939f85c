#include "controller/app/report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/core/damping.hpp"
#include "controller/core/said.hpp"

namespace anycast::report {
namespace {

std::string word(Stance::Kind kind) {
  switch (kind) {
    case Stance::Kind::announce: return "announced";
    case Stance::Kind::prepend: return "prepended";
    case Stance::Kind::drain: return "drained";
    case Stance::Kind::withdraw: return "withdrawn";
  }
  return "?";
}

bool says(const Json& list, const std::string& text) {
  return std::ranges::any_of(list, [&](const Json& notice) {
    return notice.at("text").get_ref<const std::string&>().find(text) != std::string::npos;
  });
}

void notice(Json& list, const char* level, const char* code, const std::string& text) {
  if (text.empty() || says(list, text)) return;
  list.push_back({{"level", level}, {"code", code}, {"text", text}});
}

std::string level_word(Notice::Level level) {
  switch (level) {
    case Notice::Level::error: return "error";
    case Notice::Level::warning: return "warning";
    case Notice::Level::info: return "info";
  }
  return "?";
}

Json limit(const Config& config, const std::string& carrier, const std::string& measure,
           const char* level, double value) {
  const auto tail = measure + "." + level;
  return {{"value", value},
          {"place", place(origin(config, {"thresholds." + carrier + "." + tail,
                                          "thresholds.default." + tail}))}};
}

template <class T, class ToNumber>
Json levels(const Config& config, const std::string& carrier, const std::string& measure,
            const Levels<T>& values, ToNumber number) {
  return {{"warn", limit(config, carrier, measure, "warn", number(values.warn))},
          {"bad", limit(config, carrier, measure, "bad", number(values.bad))},
          {"clear", limit(config, carrier, measure, "clear", number(values.clear))}};
}

/// Hosts that an upstream is to drop are no announcement of what they stand in.
std::vector<Export> without_blackholes(const Published& p, std::vector<Export> exports) {
  std::erase_if(exports,
                [&](const Export& route) { return is_blackhole(*p.config, route.prefix); });
  return exports;
}

std::string word(Change::Why why) {
  switch (why) {
    case Change::Why::step: return "step";
    case Change::Why::drift: return "drift";
    case Change::Why::adopt: return "adopt";
    case Change::Why::blackhole: return "blackhole";
    case Change::Why::egress: return "egress";
  }
  return "?";
}

}  // namespace

Json time(std::optional<Time> t) { return t ? Json(format_utc(*t)) : Json(nullptr); }

Json head(const char* kind, const Published& p) {
  return {{"api", "anycastd/v1"},
          {"kind", kind},
          {"time", time(p.now)},
          {"node", p.config->self},
          {"mode", to_string(p.config->mode)}};
}

Json stance(const Stance& stance) {
  Json out = {{"state", word(stance.kind)}, {"prepend", stance.prepend}};
  for (const auto& [carrier, ask] : stance.asks) out["asks"][carrier] = to_string(ask);
  return out;
}

Json bounded(const Bounded<Duration>& b) {
  return {{"value_seconds", to_seconds(b.value)},
          {"low_seconds", to_seconds(b.low)},
          {"high_seconds", to_seconds(b.high)}};
}

Json estimate(const Estimate& e) {
  Json out = {{"sent", e.sent},  {"lost", e.lost},    {"rtt", nullptr},
              {"loss", nullptr}, {"jitter", nullptr}, {"age_seconds", nullptr}};
  if (e.sent == 0) return out;
  out["age_seconds"] = to_seconds(e.newest_age);
  out["loss"] = {{"value_ratio", to_ratio(e.loss.value)},
                 {"low_ratio", to_ratio(e.loss.low)},
                 {"high_ratio", to_ratio(e.loss.high)}};
  out["phi"] = to_ratio(e.phi);
  out["longest_loss_run"] = e.longest_run;
  out["mean_loss_run"] = e.runs == 0 ? 0.0 : static_cast<double>(e.lost) / e.runs;
  if (e.has_rtt) out["rtt"] = bounded(e.rtt);
  if (e.has_jitter) out["jitter"] = bounded(e.jitter);
  return out;
}

Json regions(const PathReport& path) {
  Json out = Json::array();
  for (const auto& region : path.regions) {
    Json one = {{"region", region.region}, {"state", to_string(region.level)}};
    one["over"] = Json::array();
    for (const auto measure : region.over) one["over"].push_back(to_string(measure));
    one["unusable"] = region.unusable.empty() ? Json(nullptr) : Json(region.unusable);
    one.update(estimate(region.estimate));
    out.push_back(std::move(one));
  }
  return out;
}

Json limits(const Config& config, const std::string& carrier) {
  const auto& t = config.thresholds.at(carrier);
  const auto own = "thresholds." + carrier + ".";
  const auto from = [&](const std::string& key) {
    return place(origin(config, {own + key, "thresholds.default." + key}));
  };
  return {
      {"rtt_seconds", levels(config, carrier, "rtt", t.rtt, to_seconds)},
      {"loss_ratio", levels(config, carrier, "loss", t.loss, to_ratio)},
      {"jitter_seconds", levels(config, carrier, "jitter", t.jitter, to_seconds)},
      {"regions", {{"value", t.regions}, {"place", from("regions")}}},
      {"for_seconds", {{"value", to_seconds(t.for_)}, {"place", from("for")}}},
      {"clear_for_seconds", {{"value", to_seconds(t.clear_for)}, {"place", from("clear_for")}}}};
}

const Place* origin(const Config& config, const std::vector<std::string>& keys) {
  for (const auto& key : keys) {
    const auto found = config.origins.find(key);
    if (found != config.origins.end()) return &found->second;
  }
  return nullptr;
}

Json place(const Place* where) {
  return where == nullptr ? Json(nullptr) : Json(to_string(*where));
}

Json steps(const Published& p, const std::string& upstream) {
  Json out = Json::array();
  for (const auto& step : p.plan.steps) {
    if (!upstream.empty() && step.upstream != upstream) continue;
    Json one = {{"upstream", step.upstream},
                {"from", stance(step.from)},
                {"to", stance(step.to)},
                {"rung", step.rung},
                {"cause", to_string(step.cause)},
                {"why", step.why},
                {"carriers", step.carriers},
                {"allowed", step.allowed()},
                {"earliest", time(step.earliest())},
                {"decision", step.decision == 0 ? Json(nullptr) : Json(step.decision)}};
    one["guards"] = Json::array();
    for (const auto& guard : step.guards) {
      one["guards"].push_back({{"guard", guard.guard},
                               {"passed", guard.passed},
                               {"text", guard.text},
                               {"place", place(origin(*p.config, {guard.key}))},
                               {"earliest", time(guard.earliest)}});
    }
    out.push_back(std::move(one));
  }
  return out;
}

Json router(const Published& p) {
  const auto& pending = p.state.pending;
  Json out = {{"kind", p.config->router.kind},
              {"up", p.router.value.has_value()},
              {"version", nullptr},
              {"revision", nullptr},
              {"wanted_revision", p.plan.fragment.revision},
              {"confirm_until", time(pending ? pending->confirm_by : std::nullopt)},
              {"notices", Json::array()},
              {"error", nullptr},
              {"socket", p.config->router.socket},
              {"fragment", p.config->router.fragment}};
  if (p.router.error) out["error"] = p.router.error->text;
  if (!p.router.value) return out;
  const auto& view = *p.router.value;
  out["kind"] = view.kind;
  out["version"] = view.version;
  if (view.revision) out["revision"] = *view.revision;
  out["file_revision"] = view.file_revision ? Json(*view.file_revision) : Json(nullptr);
  out["unconfirmed"] = view.unconfirmed;
  out["notices"] = view.notices;
  return out;
}

Json last_apply(const Published& p) {
  if (!p.last_apply) return nullptr;
  const auto& last = *p.last_apply;
  return {{"time", time(last.at)},
          {"result", last.result},
          {"text", last.text},
          {"took_seconds", to_seconds(last.took)},
          {"decision", last.decision == 0 ? Json(nullptr) : Json(last.decision)},
          {"diff", last.diff.empty() ? Json(nullptr) : Json(last.diff)}};
}

Json blackholes(const Published& p) {
  Json out = Json::array();
  for (const auto& [key, one] : p.state.blackholes) {
    out.push_back({{"host", to_string(one.host)},
                   {"upstream", one.upstream},
                   {"since", time(one.since)},
                   {"until", time(one.until)},
                   {"left_seconds", to_seconds(std::max(Duration{}, one.until - p.now))},
                   {"reason", one.reason},
                   {"actor", one.actor}});
  }
  return out;
}

Json notices(const Published& p) {
  Json out = Json::array();
  for (const auto& n : p.plan.notices) {
    out.push_back({{"level", level_word(n.level)}, {"code", n.code}, {"text", n.text}});
  }
  if (p.plan.condition != Condition::run) {
    notice(out, "error", to_string(p.plan.condition).c_str(), p.plan.condition_why);
  }
  if (p.router.error) notice(out, "error", "router", p.router.error->text);
  if (p.evidence.error) notice(out, "error", "evidence", p.evidence.error->text);
  if (p.reload_error) {
    notice(out, "error", "config", "the last reload was refused: " + to_string(*p.reload_error));
  }
  if (p.store_error) {
    notice(out, "error", "store",
           "state and history are not saved, a restart would forget them: " +
               to_string(*p.store_error));
  }
  if (p.shadow && !p.shadow->fault.empty()) {
    notice(out, "warning", "shadow",
           fmt::format("the shadow {} is not judged: {}", p.shadow->file, p.shadow->fault));
  }
  if (p.fleet.error) notice(out, "warning", "fleet", p.fleet.error->text);
  if (p.evidence.value) {
    for (const auto& fault : p.evidence.value->faults) notice(out, "warning", "evidence", fault);
  }
  if (p.router.value) {
    for (const auto& word : p.router.value->notices) notice(out, "warning", "router", word);
  }
  return out;
}

std::vector<const PathReport*> paths_of(const Published& p, const std::string& node,
                                        const std::string& carrier) {
  std::vector<const PathReport*> out;
  for (const auto& path : p.plan.paths) {
    if (path.key.node == node && path.key.carrier == carrier) out.push_back(&path);
  }
  return out;
}

int severity(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return 0;
    case Verdict::unknown: return 1;
    case Verdict::warn: return 2;
    case Verdict::bad: return 3;
  }
  return 0;
}

const PathReport* worst(const std::vector<const PathReport*>& paths) {
  const PathReport* out = nullptr;
  for (const auto* path : paths) {
    if (out == nullptr || severity(path->state.verdict) > severity(out->state.verdict)) out = path;
  }
  return out;
}

std::optional<Actual> actual(const Published& p, const std::string& upstream) {
  if (!p.router.value) return std::nullopt;
  const auto found = p.router.value->sessions.find(upstream);
  if (found == p.router.value->sessions.end() || !found->second.up) return Actual{.state = "down"};
  const auto exports = without_blackholes(p, found->second.exports);
  if (exports.empty()) return Actual{.state = "withdrawn"};
  const auto says = core::said(p.config->upstreams.at(upstream), exports.front());
  Actual out{
      .state = word(says.kind), .stance = says, .exported = static_cast<int>(exports.size())};
  const bool mixed =
      exports.size() != p.config->prefixes.size() ||
      std::ranges::any_of(exports, [&](const Export& e) {
        return e.as_path != exports.front().as_path || e.communities != exports.front().communities;
      });
  if (mixed) out.state = "mixed";
  return out;
}

std::optional<bool> in_sync(const Published& p, const std::string& upstream) {
  const auto now = actual(p, upstream);
  if (!now || now->state == "down") return std::nullopt;
  const auto wanted = p.plan.fragment.exports.find(upstream);
  if (wanted == p.plan.fragment.exports.end()) return std::nullopt;
  return p.router.value->sessions.at(upstream).exports == wanted->second;
}

int budget_left(const Published& p) {
  const auto& budget = p.config->guards.max_changes;
  const auto spent =
      std::ranges::count_if(p.state.changes, [&](Time t) { return t > p.now - budget.per; });
  return std::max(0, budget.count - static_cast<int>(spent));
}

int penalty(const Published& p, const std::string& counter) {
  const auto found = p.state.penalties.find(counter);
  if (found == p.state.penalties.end()) return 0;
  return core::points(found->second, p.now, p.config->guards.damping.half_life);
}

std::string health(const Published& p) {
  const bool fault = p.plan.condition == Condition::safe || !p.router.value ||
                     (p.last_apply && p.last_apply->result != "ok" && p.state.pending);
  const auto is = [&](Level level) {
    return std::ranges::any_of(p.plan.services,
                               [&](const ServiceReport& s) { return s.state.level == level; });
  };
  if (fault || is(Level::down)) return "fault";
  if (p.plan.condition == Condition::blind) return "blind";
  if (p.plan.condition == Condition::frozen || p.state.freeze) return "frozen";
  bool degraded = std::ranges::any_of(
      p.plan.paths, [](const PathReport& path) { return path.state.verdict == Verdict::bad; });
  degraded = degraded || is(Level::low);
  degraded =
      degraded || std::ranges::any_of(p.plan.steps, [](const Step& s) { return !s.allowed(); });
  for (const auto& [upstream, session] : p.config->me().sessions) {
    const auto now = actual(p, upstream);
    degraded = degraded || (now && now->state == "down") || !in_sync(p, upstream).value_or(true);
  }
  return degraded ? "degraded" : "ok";
}

std::optional<std::vector<std::string>> announces(const Published& p, const std::string& node) {
  std::vector<std::string> out;
  if (node != p.config->self) {
    if (!p.fleet.value || !p.fleet.value->contains(node)) return std::nullopt;
    const auto& known = p.fleet.value->at(node);
    if (!known.router_known) return std::nullopt;
    for (const auto& [upstream, stance] : known.stances) {
      if (stance.announces()) out.push_back(upstream);
    }
    return out;
  }
  if (!p.router.value) return std::nullopt;
  for (const auto& [upstream, session] : p.router.value->sessions) {
    if (session.up && !without_blackholes(p, session.exports).empty()) out.push_back(upstream);
  }
  return out;
}

Json change(const std::optional<Change>& handed) {
  if (!handed) return nullptr;
  const auto& change = *handed;
  return {{"why", word(change.why)},
          {"text", change.text},
          {"upstreams", change.upstreams},
          {"urgent", change.urgent},
          {"person_confirms_seconds",
           change.person_confirms ? Json(to_seconds(*change.person_confirms)) : Json(nullptr)},
          {"diff", change.diff}};
}

}  // namespace anycast::report
