#include "controller/app/report_series.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/app/report_parts.hpp"

namespace anycast::report {
namespace {

constexpr Duration kUnit{100};  // of the delays in points

std::int64_t units(Duration d) { return (d + kUnit / 2) / kUnit; }

Json point(const PlotHistory& history, const PlotPoint& p) {
  return Json::array({(p.at - history.from) / history.span, p.sent, p.lost, units(p.p10),
                      units(p.median), units(p.p90), units(p.jitter)});
}

Json lines(const PlotHistory& history) {
  Json out = Json::array();
  const PlotKey* last = nullptr;
  for (const auto& [key, p] : history.points) {
    if (last == nullptr || *last != key) {
      out.push_back({{"node", key.node},
                     {"carrier", key.carrier},
                     {"upstream", key.upstream.empty() ? Json(nullptr) : Json(key.upstream)},
                     {"points", Json::array()}});
      last = &key;
    }
    out.back()["points"].push_back(point(history, p));
  }
  return out;
}

Json limit(const PlotLimits& l) {
  return {{"time", time(l.at)},
          {"carrier", l.carrier},
          {"rtt_bad_seconds", to_seconds(l.rtt.bad)},
          {"rtt_clear_seconds", to_seconds(l.rtt.clear)},
          {"loss_bad_ratio", to_ratio(l.loss.bad)},
          {"loss_clear_ratio", to_ratio(l.loss.clear)},
          {"jitter_bad_seconds", to_seconds(l.jitter.bad)},
          {"jitter_clear_seconds", to_seconds(l.jitter.clear)}};
}

Json mark(const HistoryEntry& entry) {
  const auto& e = entry.event;
  return {{"time", time(entry.at)},
          {"kind", e.kind},
          {"upstream", e.upstream.empty() ? Json(nullptr) : Json(e.upstream)},
          {"decision", e.decision == 0 ? Json(nullptr) : Json(e.decision)},
          {"text", e.text}};
}

}  // namespace

Json series(const Published& p, const PlotHistory& history,
            const std::vector<HistoryEntry>& marks) {
  Json out = head("Series", p);
  out["from"] = time(history.from);
  out["until"] = time(history.until);
  out["span_seconds"] = to_seconds(history.span);
  out["unit_seconds"] = to_seconds(kUnit);
  out["lines"] = lines(history);
  out["limits"] = Json::array();
  for (const auto& one : history.limits) out["limits"].push_back(limit(one));
  out["marks"] = Json::array();
  for (const auto& one : marks) out["marks"].push_back(mark(one));
  return out;
}

Json timeline(const std::string& about,
              const std::vector<std::shared_ptr<const Published>>& moments,
              const std::vector<HistoryEntry>& marks) {
  const auto from = moments.front()->now;
  Json out = head("Replay", *moments.back());
  out["about"] = about;
  out["from"] = time(from);
  out["moments"] = Json::array();
  for (const auto& each : moments) out["moments"].push_back(to_seconds(each->now - from));
  out["marks"] = Json::array();
  for (const auto& one : marks) out["marks"].push_back(mark(one));
  return out;
}

const std::vector<std::string>& marked_kinds() {
  static const std::vector<std::string> kKinds = {"step-announce", "step-prepend", "step-drain",
                                                  "step-withdraw", "rolled-back",  "operator",
                                                  "frozen",        "blind",        "config"};
  return kKinds;
}

}  // namespace anycast::report
