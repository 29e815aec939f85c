#include "controller/app/playback.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/app/page.hpp"
#include "controller/app/report.hpp"
#include "controller/app/report_series.hpp"
#include "controller/base/text.hpp"

namespace anycast {
namespace {

using report::Json;

constexpr int kMostDone = 1000;  // of one kind

HttpResponse refused(int status, std::string text) {
  return {.status = status,
          .body = report::dump(
              report::error(Error{.remedy = Remedy::fix_value, .text = std::move(text)}))};
}

bool comes_after(Time t, const std::shared_ptr<const Published>& p) { return t < p->now; }

}  // namespace

Playback::Playback(Run run)
    : run_{std::move(run)},
      moment_{run_.moments.size() - 1},
      api_{{.published = [this] { return picture(); },
            .post = [](const Order&) { return std::uint64_t{0}; },
            .reply = [](std::uint64_t) { return std::optional<OrderReply>{}; },
            .history = [this](const HistoryQuery& query) { return history(query); },
            .explanation = [this](std::uint64_t number) { return explanation(number); },
            .plots = [this](Time from, Time until) { return plots(from, until); },
            .reload = []() -> Result<std::string> {
              return fail(Remedy::fix_value, "this run has ended");
            },
            .now = [this] { return picture()->now; }}} {}

HttpHandler Playback::handler() {
  return [this](const HttpRequest& request) { return handle(request); };
}

HttpResponse Playback::handle(const HttpRequest& request) {
  auto asked = request;
  asked.may_write = false;
  std::optional<Time> at;
  if (const auto found = asked.query.extract("at")) {
    at = parse_utc(found.mapped());
    if (!at) {
      return refused(400, fmt::format("'at' is '{}', expected RFC 3339 in UTC "
                                      "(2026-06-01T12:00:00Z)",
                                      printable(found.mapped())));
    }
  }
  turn_to(at);
  if (asked.path == "/v1/events")
    return refused(404,
                   "this run has ended, nothing more happens; GET /v1/replay tells its moments");
  if (asked.path == "/" && asked.method == "GET") {
    return {.content_type = "text/html; charset=utf-8",
            .body = page::replay_index(report::status(*picture()))};
  }
  return asked.path == "/v1/replay" && asked.method == "GET" ? timeline() : api_.handle(asked);
}

void Playback::turn_to(std::optional<Time> at) {
  const auto& all = run_.moments;
  const auto after = at ? std::upper_bound(all.begin(), all.end(), *at, comes_after) : all.end();
  moment_ = after == all.begin() ? 0 : static_cast<std::size_t>(after - all.begin()) - 1;
}

/// Of what is known: whatever is written at the moment itself belongs to it.
Time Playback::end() const { return picture()->now + Duration{1}; }

HttpResponse Playback::timeline() {
  turn_to(std::nullopt);
  std::vector<HistoryEntry> marks;
  for (const auto& kind : report::marked_kinds()) {
    const auto some = history({.kind = kind, .limit = kMostDone});
    if (!some) return {.status = 500, .body = report::dump(report::error(some.error()))};
    marks.insert(marks.end(), some->begin(), some->end());
  }
  std::ranges::sort(marks, {}, &HistoryEntry::row);
  return {.body = report::timeline(run_.about, run_.moments, marks)
                      .dump(-1, ' ', false, Json::error_handler_t::replace)};
}

Result<std::vector<HistoryEntry>> Playback::history(HistoryQuery query) const {
  query.until = std::min(query.until.value_or(end()), end());
  return run_.history(query);
}

Result<std::optional<std::string>> Playback::explanation(std::uint64_t decision) const {
  // Nobody knew then what was decided later.
  const auto known = history({.decision = decision, .limit = 1});
  if (!known) return tl::unexpected(known.error());
  if (known->empty()) return std::nullopt;
  return run_.explanation(decision);
}

Result<PlotHistory> Playback::plots(Time from, Time until) const {
  auto out = run_.plots(std::max(from, run_.moments.front()->now), until);
  if (!out) return out;
  // The stores know spans whole that were under way then.
  std::erase_if(out->points,
                [&](const PlotRecord& one) { return one.point.at + out->span > until; });
  return out;
}

}  // namespace anycast
