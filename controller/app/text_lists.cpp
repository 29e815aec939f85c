#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/app/text_parts.hpp"
#include "controller/base/text.hpp"

namespace anycast::text {
namespace {

constexpr int kLabels = 8;  // cells of the label before a line

std::string samples(const Json& probe) {
  const auto sent = count(at(probe, "sent"));
  return sent == 0 ? "none" : fmt::format("{}/{}", sent - count(at(probe, "lost")), sent);
}

std::string over_or_unusable(const Json& probe) {
  const auto unusable = str(at(probe, "unusable"));
  if (!unusable.empty()) return "not used: " + unusable;
  const auto over = strings(at(probe, "over"));
  return over.empty() ? "-" : "over " + join(over, ", ");
}

int rank(const Json& probe) {
  if (!at(probe, "unusable").is_null()) return 0;
  const auto state = str(at(probe, "state"));
  if (state == "bad") return 1;
  if (state == "unknown") return 2;
  return state == "warn" ? 3 : 4;
}

std::string event_subject(const Json& e) {
  std::string out;
  for (const char* key : {"node", "upstream", "carrier"}) {
    const auto word = str(at(e, key));
    if (word.empty()) continue;
    out += (out.empty() ? "" : " ") + word;
  }
  return out.empty() ? "-" : out;
}

}  // namespace

std::string print_probes(const Json& r, const Look& look) {
  auto probes = items(at(r, "probes"));
  std::ranges::stable_sort(probes, {}, rank);
  const bool per_session =
      std::ranges::any_of(probes, [](const Json& p) { return !at(p, "upstream").is_null(); });
  std::vector<Column> columns = {{.title = "NODE", .key = true}};
  if (per_session) columns.push_back({.title = "UPSTREAM", .key = true});
  for (const char* title : {"CARRIER", "REGION"}) columns.push_back({.title = title, .key = true});
  columns.push_back({.title = "IS"});
  for (const char* title : {"RTT", "LOSS", "JITTER", "REPLIES", "AGE"})
    columns.push_back({.title = title, .align = Column::Align::right});
  columns.push_back({.title = "NOTE", .reason = true});
  Table table(std::move(columns));
  for (const auto& p : probes) {
    std::vector<Cell> row = {{str(at(p, "node"))}};
    if (per_session) row.push_back({str(at(p, "upstream"))});
    row.push_back({str(at(p, "carrier"))});
    row.push_back({str(at(p, "region"))});
    row.push_back(verdict(at(p, "state")));
    row.push_back({ms(at(p, "rtt", "value_seconds"))});
    row.push_back({share(at(p, "loss", "value_ratio"))});
    row.push_back({ms(at(p, "jitter", "value_seconds"))});
    row.push_back({samples(p)});
    row.push_back({age(at(p, "age_seconds"))});
    row.push_back({over_or_unusable(p)});
    table.add(std::move(row));
  }
  const auto& evidence = at(r, "evidence");
  auto out =
      flow({str(at(r, "node")),
            fmt::format("{} of {} series usable", count(at(evidence, "probes_fresh")),
                        count(at(evidence, "probes_expected"))),
            fmt::format("{} window, a ping each {}, at least {} samples",
                        age(at(evidence, "window_seconds")), age(at(evidence, "scrape_seconds")),
                        count(at(evidence, "min_samples"))),
            "from " + (at(evidence, "server").is_null() ? std::string{"nobody"}
                                                        : str(at(evidence, "server")))},
           look.width);
  if (!at(evidence, "error").is_null()) out += fold("! ", str(at(evidence, "error")), look.width);
  for (const auto& fault : strings(at(evidence, "faults"))) out += fold("! ", fault, look.width);
  if (table.empty()) return out + "no probe has reported yet\n";
  return out + table.render(look) +
         fold("", "jitter is the mean |rtt[i] - rtt[i-1]| of neighbouring replies", look.width);
}

std::string print_history(const Json& r, const Look& look) {
  const auto& entries = items(at(r, "entries"));
  if (entries.empty()) return "no entry matches\n";
  // Days are told from the newest entry, which stands for "today" here.
  Json reference = {{"time", at(entries.front(), "time")}, {"kind", "History"}};
  Table table({{.title = "TIME", .key = true},
               {.title = "ID"},
               {.title = "KIND", .key = true},
               {.title = "WHERE"},
               {.title = "BY"},
               {.title = "WHAT", .reason = true, .wrap = true}});
  for (const auto& e : entries) {
    const auto priority = count(at(e, "priority"));
    const auto tone = priority <= 3 ? Tone::bad : priority == 4 ? Tone::warn : Tone::plain;
    const auto id = str(at(e, "decision"));
    const auto actor = str(at(e, "actor"));
    table.add({{clock(reference, at(e, "time"), look)},
               {id.empty() ? "-" : "#" + id},
               {str(at(e, "kind")), tone},
               {event_subject(e)},
               {actor.empty() ? "engine" : actor},
               {str(at(e, "text"))}});
  }
  return fold("", fmt::format("newest first, times {}", zone(at(reference, "time"), look)),
              look.width) +
         table.render(look);
}

std::string blackhole_lines(const Json& r, const Look& look) {
  std::string out;
  for (const auto& one : items(at(r, "blackholes"))) {
    out += labelled(out.empty() ? "drops" : "",
                    fmt::format("{} at {} by {}, until {} ({} left): \"{}\"", str(at(one, "host")),
                                str(at(one, "upstream")), str(at(one, "actor")),
                                clock(r, at(one, "until"), look), age(at(one, "left_seconds")),
                                str(at(one, "reason"))),
                    kLabels, look);
  }
  return out;
}

std::string egress_lines(const Json& r, const Look& look) {
  std::string out;
  for (const auto& one : items(at(r, "egress"))) {
    auto text = fmt::format("packets to {} over {} for {}{}: {}", str(at(one, "carrier")),
                            str(at(one, "upstream")), ago(r, at(one, "since")),
                            truth(at(one, "trial")) ? ", on trial" : "", str(at(one, "why")));
    const auto next = str(at(one, "next", "text"));
    const auto& earliest = at(one, "next", "earliest");
    if (!next.empty()) text += "; next: " + next;
    if (!earliest.is_null()) text += " not before " + clock(r, earliest, look);
    out += labelled(out.empty() ? "egress" : "", text, kLabels, look);
  }
  return out;
}

namespace {

/// Paths of which the shadow thinks something else.
std::string other_verdicts(const Json& shadow) {
  std::vector<std::string> out;
  for (const auto& path : items(at(shadow, "paths"))) {
    out.push_back(fmt::format("{} at {} via {} is {} (live {})", str(at(path, "carrier")),
                              str(at(path, "node")), str(at(path, "upstream")),
                              str(at(path, "state")), str(at(path, "live"))));
  }
  constexpr std::size_t kShown = 4;
  if (out.size() <= kShown) return join(out, "; ");
  const auto more = fmt::format("{} more differ", out.size() - kShown);
  out.resize(kShown);
  return join(out, "; ") + "; " + more;
}

}  // namespace

std::string shadow_lines(const Json& r, const Look& look) {
  const auto& shadow = at(r, "shadow");
  if (shadow.is_null() || !at(shadow, "fault").is_null()) return {};
  std::vector<std::string> parts;
  for (const auto& up : items(at(shadow, "upstreams"))) {
    parts.push_back(fmt::format("would have {} {} since {}, live {}: {}", str(at(up, "name")),
                                state_of(at(up, "wanted")), clock(r, at(up, "since"), look),
                                state_of(at(up, "live")), str(at(up, "why"))));
  }
  for (const auto& one : items(at(shadow, "egress"))) {
    parts.push_back(fmt::format("would send packets to {} over {}, live {}",
                                str(at(one, "carrier")), str(at(one, "upstream")),
                                str(at(one, "live"))));
  }
  parts.push_back(parts.empty() ? "announces as live" : "otherwise as live");
  if (const auto verdicts = other_verdicts(shadow); !verdicts.empty()) parts.push_back(verdicts);
  const auto steps = count(at(shadow, "steps"));
  const auto since = at(shadow, "since").is_null()
                         ? std::string{"not begun"}
                         : fmt::format("for {}, {} step{}", ago(r, at(shadow, "since")), steps,
                                       steps == 1 ? "" : "s");
  std::string out;
  const auto name =
      fmt::format("{} ({}), {}: ", str(at(shadow, "file")), str(at(shadow, "digest")), since);
  for (const auto& part : parts) {
    const bool first = out.empty();
    out += labelled(first ? "shadow" : "", (first ? name : std::string{}) + part, kLabels, look);
  }
  return out;
}

std::string print_blackholes(const Json& r, const Look& look) {
  const auto out = blackhole_lines(r, look);
  return out.empty() ? "no host of ours is dropped by an upstream\n" : out;
}

}  // namespace anycast::text
