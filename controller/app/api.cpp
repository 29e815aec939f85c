#include "controller/app/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/app/api_order.hpp"
#include "controller/app/metrics.hpp"
#include "controller/app/page.hpp"
#include "controller/app/report.hpp"
#include "controller/app/report_series.hpp"
#include "controller/app/text.hpp"
#include "controller/base/number.hpp"
#include "controller/base/text.hpp"
#include "controller/config/config.hpp"

namespace anycast {
namespace {

using report::Json;

constexpr int kMostEntries = 1000;  // of one history answer
constexpr std::string_view kOrders = "/v1/orders/";
constexpr int kTextWidth = 100;  // columns, where nobody asks for a width
constexpr int kNarrowest = 80;
constexpr std::int64_t kMostHours = 24 * 400;  // of plots: as long as the history
constexpr int kMostMarks = 200;                // of one kind
constexpr int kWidest = 1000;

HttpResponse json(int status, const Json& value) {
  return {.status = status, .body = report::dump(value)};
}

HttpResponse error(int status, const Error& e) { return json(status, report::error(e)); }

HttpResponse error(int status, Remedy remedy, std::string text) {
  return error(status, Error{.remedy = remedy, .text = std::move(text)});
}

HttpResponse too_early() {
  return error(503, Remedy::wait, "no cycle has finished yet; try again in a moment");
}

HttpResponse plain(int status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

std::optional<std::int64_t> whole(const std::string& word) {
  const auto value = parse_number<std::int64_t>(word);
  return value && *value >= 0 ? value : std::nullopt;
}

/// Refuses query parameters that the path does not take: a misspelt filter must not be ignored.
std::optional<HttpResponse> stray(const HttpRequest& request,
                                  const std::vector<std::string>& known) {
  for (const auto& [name, unused] : request.query) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const auto close = nearest(name, known);
    return error(400, Remedy::fix_value,
                 fmt::format("unknown parameter '{}'{}", printable(name),
                             close.empty() ? "" : fmt::format("; did you mean '{}'?", close)));
  }
  return std::nullopt;
}

std::string parameter(const HttpRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string{} : found->second;
}

/// A report as JSON or, with format=text, as anycastctl prints it, times in UTC.
HttpResponse report_in(const HttpRequest& request, const Json& report) {
  const auto format = parameter(request, "format");
  if (format.empty() || format == "json") return json(200, report);
  if (format != "text") {
    return error(400, Remedy::fix_value,
                 fmt::format("'format' is '{}', expected json or text", printable(format)));
  }
  const auto word = parameter(request, "width");
  const auto width = word.empty() ? std::optional<std::int64_t>{kTextWidth} : whole(word);
  if (!width || *width < kNarrowest || *width > kWidest) {
    return error(
        400, Remedy::fix_value,
        fmt::format("'width' is '{}', expected {} to {}", printable(word), kNarrowest, kWidest));
  }
  return plain(200, text::print(report, {.width = static_cast<int>(*width), .utc = true}));
}

Result<std::optional<Time>> time_parameter(const HttpRequest& request, const std::string& name) {
  const auto word = parameter(request, name);
  if (word.empty()) return std::optional<Time>{};
  const auto t = parse_utc(word);
  if (t) return t;
  return fail(Remedy::fix_value,
              fmt::format("'{}' is '{}', expected RFC 3339 in UTC (2026-06-01T12:00:00Z)", name,
                          printable(word)));
}

Result<HistoryQuery> history_query(const HttpRequest& request) {
  HistoryQuery out{.upstream = parameter(request, "upstream"),
                   .carrier = parameter(request, "carrier"),
                   .kind = parameter(request, "kind")};
  const auto since = time_parameter(request, "since");
  const auto until = time_parameter(request, "until");
  if (!since) return tl::unexpected(since.error());
  if (!until) return tl::unexpected(until.error());
  out.since = *since;
  out.until = *until;
  if (const auto word = parameter(request, "after"); !word.empty()) {
    const auto row = whole(word);
    if (!row) return fail(Remedy::fix_value, "'after' is not a row number");
    out.after_row = *row;
  }
  if (const auto word = parameter(request, "n"); !word.empty()) {
    const auto n = whole(word);
    if (!n || *n < 1 || *n > kMostEntries)
      return fail(Remedy::fix_value,
                  fmt::format("'n' is '{}', expected 1 to {}", printable(word), kMostEntries));
    out.limit = static_cast<int>(*n);
  }
  return out;
}

HttpResponse explain(const Published& p, const HttpRequest& request) {
  if (auto refused = stray(request, {"node", "carrier", "upstream", "about", "format", "width"}))
    return *refused;
  std::vector<std::string> subjects;
  for (const char* name : {"carrier", "upstream", "about"}) {
    if (!parameter(request, name).empty()) subjects.push_back(parameter(request, name));
  }
  if (subjects.size() > 1)
    return error(400, Remedy::fix_value, "ask for one carrier or one upstream, not for both");
  const auto made =
      report::explain(p, parameter(request, "node"), subjects.empty() ? "" : subjects.front());
  return made ? report_in(request, *made) : error(404, made.error());
}

/// A file of the status page.
HttpResponse page_file(const std::string& path, const Published* published) {
  const auto& file = page::files().at(path);
  return {.content_type = std::string{file.content_type},
          .body = path == "/"
                      ? page::index(published == nullptr ? Json{} : report::status(*published))
                      : std::string{file.text}};
}

/// Which metric label a path counts under: never free text.
std::string handler_name(const std::string& path) {
  static const std::vector<std::string> kKnown = {
      "/v1/status", "/v1/explain", "/v1/plan",   "/v1/history", "/v1/probes",
      "/v1/config", "/v1/orders",  "/v1/reload", "/v1/events",  "/v1/series",
      "/metrics",   "/healthz",    "/readyz"};
  if (path.starts_with(kOrders)) return "/v1/orders";
  if (page::files().contains(path)) return "/";
  return std::ranges::find(kKnown, path) == kKnown.end() ? "other" : path;
}

std::vector<std::string> not_ready(const Published& p, Time now) {
  std::vector<std::string> out;
  if (!metrics::alive(p, now))
    out.push_back(fmt::format("the last cycle finished {} ago", format_age(now - p.now)));
  if (p.evidence.error) out.push_back("evidence: " + p.evidence.error->text);
  if (!p.evidence.error && !p.evidence.value) out.emplace_back("evidence: none yet");
  if (p.plan.condition == Condition::blind) out.push_back("blind: " + p.plan.condition_why);
  if (p.router.error) out.push_back("router: " + p.router.error->text);
  if (!p.router.error && !p.router.value) out.emplace_back("router: not asked yet");
  return out;
}

}  // namespace

HttpHandler Api::handler() {
  return [this](const HttpRequest& request) { return handle(request); };
}

std::string Api::event(const Published& p) {
  // JSON on one line: a line break would begin another field.
  return fmt::format("event: status\nid: {}\ndata: {}\n\n", p.counters.cycles,
                     report::status(p).dump(-1, ' ', false, Json::error_handler_t::replace));
}

HttpResponse Api::handle(const HttpRequest& request) {
  auto response = route(request);
  ++requests_[{handler_name(request.path), std::to_string(response.status)}];
  return response;
}

HttpResponse Api::route(const HttpRequest& request) {
  const bool writes = request.path == "/v1/orders" || request.path == "/v1/reload";
  if (handler_name(request.path) == "other")
    return error(404, Remedy::fix_value, fmt::format("no '{}' here", printable(request.path)));
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (writes ? request.method != "POST" : !reads) {
    return error(405, Remedy::fix_value,
                 fmt::format("'{}' takes {}, not {}", request.path, writes ? "POST" : "GET",
                             printable(request.method)));
  }
  return writes ? write(request) : read(request);
}

HttpResponse Api::read(const HttpRequest& request) {
  const auto& path = request.path;
  if (path == "/healthz") return health(false);
  if (path == "/readyz") return health(true);
  if (path == "/metrics") return metrics();
  if (path == "/v1/history") return history(request);
  if (path == "/v1/explain" && request.query.contains("decision")) return decision(request);
  if (path.starts_with(kOrders)) return order_state(path.substr(kOrders.size()));
  const auto published = wiring_.published();
  if (page::files().contains(path)) return page_file(path, published.get());
  if (!published) return too_early();
  if (path == "/v1/explain") return explain(*published, request);
  if (path == "/v1/series") return series(*published, request);
  if (path == "/v1/events") {
    if (auto refused = stray(request, {})) return *refused;
    return {.content_type = "text/event-stream", .body = event(*published), .stream = true};
  }
  if (auto refused = stray(request, {"format", "width"})) return *refused;
  if (path == "/v1/plan") return report_in(request, report::plan(*published));
  if (path == "/v1/probes") return report_in(request, report::probes(*published));
  if (path == "/v1/config") return report_in(request, report::config(*published));
  return report_in(request, report::status(*published));
}

HttpResponse Api::write(const HttpRequest& request) {
  if (!request.may_write) {
    return error(403, Remedy::look_at_host,
                 request.local ? fmt::format("'{}' may read here but not write; members of the "
                                             "control socket's group may",
                                             request.user)
                               : std::string{"changes are taken on the control socket only"});
  }
  if (auto refused = stray(request, {})) return *refused;
  if (request.path == "/v1/reload") {
    const auto taken = wiring_.reload();
    if (!taken) return error(422, taken.error());
    return json(200, {{"api", "anycastd/v1"}, {"kind", "Reload"}, {"text", *taken}});
  }
  const auto published = wiring_.published();
  if (!published) return too_early();
  auto order = parse_order(request.body, *published->config);
  if (!order) return error(400, order.error());
  order->actor = fmt::format("{} (uid {})", printable(request.user), request.uid);
  const auto ticket = wiring_.post(std::move(*order));
  return json(202, {{"api", "anycastd/v1"}, {"kind", "Ticket"}, {"ticket", ticket}});
}

HttpResponse Api::history(const HttpRequest& request) {
  if (auto refused = stray(request, {"since", "until", "upstream", "carrier", "kind", "after", "n",
                                     "format", "width"}))
    return *refused;
  const auto query = history_query(request);
  if (!query) return error(400, query.error());
  const auto entries = wiring_.history(*query);
  if (!entries) return error(500, entries.error());
  return report_in(request, report::history(*entries));
}

HttpResponse Api::decision(const HttpRequest& request) {
  if (auto refused = stray(request, {"decision", "format", "width"})) return *refused;
  const auto word = parameter(request, "decision");
  const auto number = whole(word);
  if (!number || *number == 0)
    return error(400, Remedy::fix_value, fmt::format("'{}' is no decision", printable(word)));
  const auto wanted = static_cast<std::uint64_t>(*number);
  const auto kept = wiring_.explanation(wanted);
  if (!kept) return error(500, kept.error());
  if (!*kept) {
    return error(404, Remedy::fix_value,
                 fmt::format("no decision {} is kept; 'history' lists them", wanted));
  }
  const auto entries = wiring_.history({.decision = wanted, .limit = kMostEntries});
  if (!entries) return error(500, entries.error());
  const auto whole_story = report::decision(wanted, **kept, *entries);
  return whole_story ? report_in(request, *whole_story) : error(500, whole_story.error());
}

HttpResponse Api::series(const Published& p, const HttpRequest& request) {
  if (auto refused = stray(request, {"hours"})) return *refused;
  const auto word = parameter(request, "hours");
  const auto span = word.empty() ? std::optional<std::int64_t>{24} : whole(word);
  if (!span || *span < 1 || *span > kMostHours) {
    return error(400, Remedy::fix_value,
                 fmt::format("'hours' is '{}', expected 1 to {}", printable(word), kMostHours));
  }
  const auto until = wiring_.now();
  const auto plots = wiring_.plots(until - hours{*span}, until);
  if (!plots) return error(500, plots.error());
  std::vector<HistoryEntry> marks;
  for (const auto& kind : report::marked_kinds()) {
    const auto some = wiring_.history({.since = plots->from, .kind = kind, .limit = kMostMarks});
    if (!some) return error(500, some.error());
    marks.insert(marks.end(), some->begin(), some->end());
  }
  std::ranges::sort(marks, {}, &HistoryEntry::row);
  // Without spaces: this is the one answer that is large.
  return {
      .status = 200,
      .body =
          report::series(p, *plots, marks).dump(-1, ' ', false, Json::error_handler_t::replace)};
}

HttpResponse Api::order_state(const std::string& ticket) {
  const auto number = whole(ticket);
  if (!number)
    return error(400, Remedy::fix_value, fmt::format("'{}' is no ticket", printable(ticket)));
  const auto reply = wiring_.reply(static_cast<std::uint64_t>(*number));
  if (reply) return json(200, report::order_reply(*reply));
  return json(202, {{"api", "anycastd/v1"}, {"kind", "Ticket"}, {"ticket", *number}});
}

HttpResponse Api::health(bool ready) {
  const auto published = wiring_.published();
  if (!published) return plain(503, "no cycle has finished yet\n");
  const auto now = wiring_.now();
  if (!ready) {
    if (metrics::alive(*published, now)) return plain(200, "ok\n");
    return plain(503,
                 fmt::format("the last cycle finished {} ago\n", format_age(now - published->now)));
  }
  const auto reasons = not_ready(*published, now);
  if (reasons.empty()) return plain(200, "ok\n");
  return plain(503, join(reasons, "\n") + "\n");
}

const std::string& Api::fleet_digest(const std::shared_ptr<const Config>& config) {
  if (fleet_.first != config) fleet_ = {config, config::fleet_digest(*config)};
  return fleet_.second;
}

HttpResponse Api::metrics() {
  const auto published = wiring_.published();
  return {.status = 200,
          .content_type = std::string{metrics::kContentType},
          .body = metrics::render(
              published.get(), {.now = wiring_.now(),
                                .process = metrics::read_process(),
                                .http_requests = requests_,
                                .fleet_digest = published ? fleet_digest(published->config) : ""})};
}

}  // namespace anycast
