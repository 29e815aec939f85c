#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "controller/app/text_parts.hpp"
#include "controller/base/text.hpp"

namespace anycast::text {
namespace {

constexpr int kMargin = 8;  // of the labelled lines at the end

std::string capitals(std::string word) {
  for (char& c : word) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return word;
}

std::string head_line(const Json& r, const Look& look) {
  const auto& router = at(r, "local", "router");
  const auto health = str(at(r, "health"));
  const auto reload = truth(at(r, "config", "last_reload_ok")) ? "" : ", last reload refused";
  auto text = flow(
      {str(at(r, "node")), health == "ok" ? health : capitals(health), "mode " + str(at(r, "mode")),
       fmt::format("anycastd {} up {}", str(at(r, "version")), age(at(r, "uptime_seconds"))),
       fmt::format("config {} ({} ago{})", str(at(r, "config", "digest")),
                   ago(r, at(r, "config", "loaded")), reload),
       fmt::format("{} {}", str(at(router, "kind")),
                   truth(at(router, "up")) ? str(at(router, "version")) + " up"
                                           : std::string{"DOES NOT ANSWER"})},
      look.width);
  return text;
}

std::string sources_line(const Json& r, const Look& look) {
  std::vector<std::string> parts;
  for (const auto& prefix : items(at(r, "prefixes"))) {
    auto part = fmt::format("{} AS{}", str(at(prefix, "prefix")), str(at(prefix, "origin_asn")));
    const auto state = str(at(prefix, "rpki", "state"));
    if (!state.empty()) part += " rpki " + (state == "not_found" ? "not found" : state);
    parts.push_back(std::move(part));
  }
  const auto& evidence = at(r, "evidence");
  const bool none = at(evidence, "age_seconds").is_null();
  parts.push_back(none ? std::string{"no evidence"}
                       : fmt::format("evidence {} old", age(at(evidence, "age_seconds"))));
  parts.push_back(fmt::format("{} of {} series usable", count(at(evidence, "probes_fresh")),
                              count(at(evidence, "probes_expected"))));
  parts.push_back(fmt::format("{} of {} nodes announce", count(at(r, "fleet", "announcing")),
                              count(at(r, "fleet", "nodes"))));
  parts.push_back(fmt::format("{} {}", clock(r, at(r, "time"), look), zone(at(r, "time"), look)));
  return flow(parts, look.width);
}

Cell cell_text(const Json& cell) {
  auto out = verdict(at(cell, "state"));
  const bool measured = !at(cell, "rtt_seconds").is_null() || !at(cell, "loss_ratio").is_null();
  if (!measured || out.text == "unknown") return out;
  out.text = fmt::format("{:<4} {:>5} {:>5}", out.text, ms(at(cell, "rtt_seconds")),
                         share(at(cell, "loss_ratio")));
  return out;
}

/// The same reason for many cells is said once.
std::string unknown_cells(const Json& r, const Look& look) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const auto& cell : items(at(r, "cells"))) {
    const auto why = str(at(cell, "unknown_why"));
    if (str(at(cell, "state")) != "unknown" || why.empty()) continue;
    by_reason[why].push_back(
        fmt::format("{} at {}", str(at(cell, "carrier")), str(at(cell, "node"))));
  }
  std::string out;
  const auto all = items(at(r, "cells")).size();
  for (const auto& [why, cells] : by_reason) {
    const auto which = cells.size() == all ? std::string{"all cells"} : join(cells, ", ");
    out += labelled("unknown", fmt::format("{}: {}", which, why), kMargin, look);
  }
  return out;
}

std::string announces_text(const Json& node) {
  const auto& list = at(node, "announces");
  if (list.is_null()) return "unknown";
  const auto names = strings(list);
  return names.empty() ? "none" : join(names, " ");
}

/// What users feel, whichever node answers them.
std::vector<Cell> users_row(const Json& r, const std::vector<std::string>& carriers) {
  std::vector<Cell> row = {{"users"}};
  for (const auto& carrier : carriers) {
    Cell shown{"-"};
    for (const auto& one : items(at(r, "users"))) {
      if (str(at(one, "carrier")) != carrier) continue;
      shown = {fmt::format("{:<4} {:>5} {:>5}", "", ms(at(one, "rtt_seconds")),
                           share(at(one, "loss_ratio")))};
    }
    row.push_back(shown);
  }
  return row;
}

std::string matrix(const Json& r, const Look& look) {
  const auto carriers = strings(at(r, "carriers"));
  std::vector<Column> columns = {{.title = "NODE"}};
  for (const auto& carrier : carriers) columns.push_back({.title = capitals(carrier)});
  columns.push_back({.title = "ANNOUNCES"});
  Table table(std::move(columns));
  for (const auto& node : items(at(r, "nodes"))) {
    const auto name = str(at(node, "name"));
    std::vector<Cell> row = {{name + (truth(at(node, "self")) ? " *" : "")}};
    for (const auto& carrier : carriers) {
      Cell shown{"-"};
      for (const auto& cell : items(at(r, "cells"))) {
        if (str(at(cell, "node")) == name && str(at(cell, "carrier")) == carrier)
          shown = cell_text(cell);
      }
      row.push_back(shown);
    }
    row.push_back({announces_text(node)});
    table.add(std::move(row));
  }
  std::vector<Cell> last = {{"paths"}};
  for (const auto& path : items(at(r, "paths"))) {
    const auto have = count(at(path, "have"));
    const auto min = count(at(path, "min"));
    last.push_back({fmt::format("{} of {}, min {}", have, count(at(path, "of")), min),
                    have < min ? Tone::bad : Tone::plain});
  }
  table.add(std::move(last));
  if (!items(at(r, "users")).empty()) table.add(users_row(r, carriers));
  return table.render(look) + unknown_cells(r, look);
}

Cell session_state(const Json& upstream) {
  const auto wanted = state_of(at(upstream, "wanted"));
  if (wanted.empty()) return {"not adopted yet", Tone::warn};
  if (at(upstream, "actual").is_null()) return {"unknown, want " + wanted, Tone::warn};
  const auto actual = state_of(at(upstream, "actual"));
  if (!at(upstream, "in_sync").is_null() && !truth(at(upstream, "in_sync")))
    return {fmt::format("{}, want {}", actual, wanted), Tone::bad};
  return {wanted, wanted == "announced" ? Tone::good : Tone::warn};
}

std::string upstreams(const Json& r, const Look& look) {
  Table table({{.title = "UPSTREAM", .key = true},
               {.title = "SESSION"},
               {.title = "STATE"},
               {.title = "SINCE"},
               {.title = "WHY", .reason = true}});
  for (const auto& up : items(at(r, "upstreams"))) {
    const auto& session = at(up, "session");
    auto word = str(at(session, "state"));
    if (word.empty()) word = "unknown";
    const bool down = at(session, "up").is_boolean() && !truth(at(session, "up"));
    const auto why = str(at(up, "why", "text"));
    table.add({{fmt::format("{} AS{}", str(at(up, "name")), str(at(up, "asn")))},
               {word, down ? Tone::bad : Tone::plain},
               session_state(up),
               {ago(r, at(up, "since"))},
               {why.empty() ? "-" : why}});
  }
  return table.empty() ? std::string{} : "\n" + table.render(look);
}

/// "3 of 4", with what is not known.
std::string servers_text(const Json& service) {
  auto out = fmt::format("{} of {}", count(at(service, "up")), count(at(service, "of")));
  if (count(at(service, "unknown")) > 0)
    out += fmt::format(", {} unknown", count(at(service, "unknown")));
  return out;
}

std::string services(const Json& r, const Look& look) {
  Table table({{.title = "SERVICE", .key = true},
               {.title = "STATE"},
               {.title = "REAL SERVERS UP"},
               {.title = "SINCE"},
               {.title = "WHY", .reason = true}});
  for (const auto& service : items(at(r, "local", "services"))) {
    const auto level = str(at(service, "level"));
    const auto tone = level == "up" ? Tone::good : level == "down" ? Tone::bad : Tone::warn;
    table.add({{str(at(service, "name"))},
               {level, tone},
               {servers_text(service)},
               {ago(r, at(service, "since"))},
               {str(at(service, "why"))}});
  }
  return table.empty() ? std::string{} : "\n" + table.render(look);
}

std::string weights(const Json& service) {
  std::vector<std::string> out;
  for (const auto& server : items(at(service, "servers"))) {
    out.push_back(fmt::format("{} weight {}, {} connections", str(at(server, "address")),
                              count(at(server, "weight")),
                              count(at(server, "active")) + count(at(server, "inactive"))));
  }
  auto text = join(out, "; ");
  if (str(at(service, "owner")) == "anycastd") return text;
  return "of " + str(at(service, "owner")) + (text.empty() ? "" : ": ") + text;
}

/// "2 of 3 next hops, not 192.0.2.13 on eth1".
std::string next_hops(const Json& route) {
  std::size_t used = 0;
  std::vector<std::string> out;
  const auto& all = items(at(route, "nexthops"));
  for (const auto& hop : all) {
    if (truth(at(hop, "used"))) {
      ++used;
    } else {
      out.push_back(str(at(hop, "via")) + " on " + str(at(hop, "link")));
    }
  }
  if (!truth(at(route, "there"))) return {};
  auto text = fmt::format("{} of {} next hops", used, all.size());
  return out.empty() ? text : text + ", not " + join(out, ", ");
}

std::string inside(const Json& r, const Look& look) {
  const auto& inside = at(r, "local", "inside");
  if (inside.is_null()) return {};
  Table table(
      {{.title = "KERNEL", .key = true}, {.title = "STATE"}, {.title = "", .reason = true}});
  const auto state = [](const Json& there, const char* yes) -> Cell {
    if (there.is_null()) return {"unknown", Tone::warn};
    return truth(there) ? Cell{yes, Tone::good} : Cell{"absent", Tone::bad};
  };
  for (const auto& vip : items(at(inside, "vips")))
    table.add({{str(at(vip, "address"))},
               state(at(vip, "bound"), "bound"),
               {"on " + str(at(vip, "link"))}});
  for (const auto& service : items(at(inside, "virtual_services")))
    table.add(
        {{str(at(service, "name"))}, state(at(service, "there"), "there"), {weights(service)}});
  for (const auto& route : items(at(inside, "routes")))
    table.add({{fmt::format("{} table {}", str(at(route, "to")), str(at(route, "table")))},
               state(at(route, "there"), "routed"),
               {next_hops(route)}});
  auto out = table.empty() ? std::string{} : "\n" + table.render(look);
  for (const auto& fault : strings(at(inside, "faults"))) out += fold("", fault, look.width);
  return out;
}

std::string keepalived(const Json& r, const Look& look) {
  const auto& keepalived = at(r, "local", "keepalived");
  if (keepalived.is_null()) return {};
  const auto& serves = at(keepalived, "serves");
  const auto* means = serves.is_null() ? "nobody knows who serves"
                      : truth(serves)  ? "this host serves"
                                       : "another host serves";
  auto text = fmt::format("{}: {}", means, str(at(keepalived, "why")));
  const auto& since = at(keepalived, "master_since");
  if (!since.is_null() && truth(serves)) text += fmt::format(", for {}", ago(r, since));
  return labelled("pair", text, kMargin, look);
}

std::string standing(const Json& r, const char* key, const char* label, const Look& look) {
  const auto& order = at(r, key);
  if (order.is_null()) return {};
  const auto until = at(order, "until").is_null() ? std::string{"until it is taken back"}
                                                  : "until " + clock(r, at(order, "until"), look);
  return labelled(label,
                  fmt::format("for {} by {}, {}: \"{}\"", ago(r, at(order, "since")),
                              str(at(order, "actor")), until, str(at(order, "reason"))),
                  kMargin, look);
}

std::string pins(const Json& r, const Look& look) {
  std::string out;
  for (const auto& up : items(at(r, "upstreams"))) {
    const auto& pin = at(up, "pin");
    if (pin.is_null()) continue;
    const auto until = at(pin, "until").is_null() ? std::string{"until it is taken back"}
                                                  : "until " + clock(r, at(pin, "until"), look);
    out += labelled("pinned",
                    fmt::format("{} to {} by {}, {}: \"{}\"", str(at(up, "name")), action_of(pin),
                                str(at(pin, "actor")), until, str(at(pin, "reason"))),
                    kMargin, look);
  }
  return out;
}

std::string nexts(const Json& r, const Look& look) {
  std::string out;
  for (const auto& up : items(at(r, "upstreams"))) {
    const auto text = str(at(up, "next", "text"));
    if (text.empty()) continue;
    auto line = fmt::format("{}: {}", str(at(up, "name")), text);
    if (!at(up, "next", "earliest").is_null())
      line += ", not before " + clock(r, at(up, "next", "earliest"), look);
    const auto blocked = strings(at(up, "blocked_by"));
    if (!blocked.empty()) line += "; refused now by " + join(blocked, ", ");
    out += labelled(out.empty() ? "next" : "", line, kMargin, look);
  }
  return out;
}

std::string recent(const Json& r, const Look& look) {
  std::vector<std::string> parts;
  for (const auto& one : items(at(r, "last"))) {
    if (parts.size() == 3) break;
    parts.push_back(fmt::format("{} {} {} #{}", clock(r, at(one, "time"), look),
                                str(at(one, "action")), str(at(one, "upstream")),
                                str(at(one, "id"))));
  }
  if (parts.empty()) return {};
  return labelled("last", join(parts, ", ") + " (anycastctl history)", kMargin, look);
}

std::string pending(const Json& r, const Look& look) {
  const auto& until = at(at(r, "local", "router"), "confirm_until");
  if (until.is_null()) return {};
  return labelled("pending",
                  fmt::format("on probation until {}: anycastctl confirm, or it goes "
                              "back by itself",
                              clock(r, until, look)),
                  kMargin, look);
}

/// The command for the worst cell, this node's before others'.
std::string why(const Json& r, const Look& look) {
  const auto self = str(at(r, "node"));
  for (const char* state : {"bad", "warn", "unknown"}) {
    const Json* found = nullptr;
    for (const auto& cell : items(at(r, "cells"))) {
      if (str(at(cell, "state")) != state) continue;
      if (found == nullptr || str(at(*found, "node")) != self) found = &cell;
      if (str(at(*found, "node")) == self) break;
    }
    if (found == nullptr) continue;
    return labelled("why?",
                    fmt::format("anycastctl explain {} {}", str(at(*found, "node")),
                                str(at(*found, "carrier"))),
                    kMargin, look);
  }
  return {};
}

}  // namespace

std::string print_status(const Json& r, const Look& look) {
  std::string out = head_line(r, look) + sources_line(r, look) + notices(r, look);
  out += "\n" + matrix(r, look) + upstreams(r, look) + services(r, look) + inside(r, look);
  const auto tail = keepalived(r, look) + standing(r, "freeze", "frozen", look) +
                    standing(r, "drain", "drained", look) + pins(r, look) +
                    blackhole_lines(r, look) + egress_lines(r, look) + shadow_lines(r, look) +
                    pending(r, look) + recent(r, look) + nexts(r, look) + why(r, look);
  return tail.empty() ? out : out + "\n" + tail;
}

Check nagios(const Json& r) {
  const auto health = str(at(r, "health"));
  int code = 3;
  if (health == "ok") code = 0;
  if (health == "degraded" || health == "frozen") code = 1;
  if (health == "fault" || health == "blind") code = 2;
  constexpr const char* kWords[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
  std::string text = health;
  std::string metrics;
  for (const auto& path : items(at(r, "paths"))) {
    const auto have = count(at(path, "have"));
    const auto min = count(at(path, "min"));
    if (have < min) code = 2;
    metrics += fmt::format(" paths_{}={};{};{}", str(at(path, "carrier")), have, min + 1, min);
  }
  for (const auto& notice : items(at(r, "notices"))) {
    text = str(at(notice, "text"));
    break;
  }
  for (auto& c : text) c = c == '|' ? '/' : c;  // '|' begins the performance data
  metrics += fmt::format(" nodes={}", count(at(r, "fleet", "announcing")));
  const auto seen = number(at(r, "evidence", "age_seconds"));
  const auto limit = number(at(r, "evidence", "max_age_seconds"));
  if (seen && limit) metrics += fmt::format(" age={:.0f}s;{:.0f}", *seen, *limit);
  return {fmt::format("ANYCAST {} - {} |{}", kWords[code], text, metrics), code};
}

}  // namespace anycast::text
