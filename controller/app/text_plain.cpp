#include <nlohmann/json.hpp>

#include "controller/app/text_parts.hpp"
#include "controller/base/text.hpp"

namespace anycast::text {
namespace {

std::string plain_status(const Json& r) {
  auto out = record({"record", "node", "name", "state", "since", "rtt_seconds", "loss_ratio",
                     "jitter_seconds", "in_sync", "why"});
  out += record({"node", str(at(r, "node")), str(at(r, "mode")), str(at(r, "health")), "", "", "",
                 "", "", str(at(r, "condition", "why"))});
  for (const auto& cell : items(at(r, "cells"))) {
    out +=
        record({"cell", str(at(cell, "node")), str(at(cell, "carrier")), str(at(cell, "state")),
                str(at(cell, "since")), str(at(cell, "rtt_seconds")), str(at(cell, "loss_ratio")),
                str(at(cell, "jitter_seconds")), "", str(at(cell, "unknown_why"))});
  }
  for (const auto& up : items(at(r, "upstreams"))) {
    out += record({"upstream", str(at(r, "node")), str(at(up, "name")), state_of(at(up, "wanted")),
                   str(at(up, "since")), "", "", "", str(at(up, "in_sync")),
                   str(at(up, "why", "text"))});
  }
  return out;
}

std::string plain_regions(const Json& list, const Json& common) {
  std::string out;
  for (const auto& p : items(list)) {
    const auto key = [&](const char* name) {
      return str(at(p, name).is_null() ? at(common, name) : at(p, name));
    };
    out += record({key("node"), key("upstream"), key("carrier"), str(at(p, "region")),
                   str(at(p, "state")), str(at(p, "rtt", "value_seconds")),
                   str(at(p, "loss", "value_ratio")), str(at(p, "jitter", "value_seconds")),
                   str(at(p, "sent")), str(at(p, "lost")), str(at(p, "age_seconds")),
                   str(at(p, "unusable"))});
  }
  return out;
}

std::string region_titles() {
  return record({"node", "upstream", "carrier", "region", "state", "rtt_seconds", "loss_ratio",
                 "jitter_seconds", "sent", "lost", "age_seconds", "unusable"});
}

std::string plain_explain(const Json& r) {
  auto out = region_titles();
  for (const auto& path : items(at(r, "paths"))) {
    Json common = {{"node", at(r, "about", "node")},
                   {"upstream", at(path, "upstream")},
                   {"carrier", at(path, "carrier")}};
    out += plain_regions(at(path, "regions"), common);
  }
  return out;
}

std::string plain_plan(const Json& r) {
  auto out = record({"upstream", "from", "to", "rung", "cause", "allowed", "refused_by", "earliest",
                     "decision", "why"});
  for (const auto& step : items(at(r, "steps"))) {
    std::vector<std::string> refused;
    for (const auto& guard : items(at(step, "guards"))) {
      if (!truth(at(guard, "passed"))) refused.push_back(str(at(guard, "guard")));
    }
    out += record({str(at(step, "upstream")), state_of(at(step, "from")), state_of(at(step, "to")),
                   str(at(step, "rung")), str(at(step, "cause")), str(at(step, "allowed")),
                   join(refused, ","), str(at(step, "earliest")), str(at(step, "decision")),
                   str(at(step, "why"))});
  }
  return out;
}

std::string plain_history(const Json& r) {
  const std::vector<std::string> titles = {"row",  "time",     "kind",    "decision",
                                           "node", "upstream", "carrier", "from",
                                           "to",   "cause",    "actor",   "text"};
  auto out = record(titles);
  for (const auto& e : items(at(r, "entries"))) {
    std::vector<std::string> fields;
    fields.reserve(titles.size());
    for (const auto& title : titles) fields.push_back(str(at(e, title.c_str())));
    out += record(fields);
  }
  return out;
}

}  // namespace

std::string plain(const Json& r, const Look&) {
  const auto kind = str(at(r, "kind"));
  if (kind == "Status") return plain_status(r);
  if (kind == "Explain") return plain_explain(r);
  if (kind == "Plan") return plain_plan(r);
  if (kind == "Probes") return region_titles() + plain_regions(at(r, "probes"), Json::object());
  if (kind == "History") return plain_history(r);
  auto out = record({"key", "value"});
  for (const auto& [key, value] : r.items()) out += record({key, str(value)});
  return out;
}

}  // namespace anycast::text
