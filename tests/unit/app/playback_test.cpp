#include "controller/app/playback.hpp"

#include <nlohmann/json.hpp>

#include "controller/app/report.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/app/published_builder.hpp"

using namespace anycast;
using nlohmann::json;
using testing::noon;

namespace {

std::shared_ptr<const Published> picture(Duration after) {
  auto out = testing::evening();
  out.now = noon() + after;
  return std::make_shared<const Published>(std::move(out));
}

/// Three moments, and a step at the second; what the stores were asked last.
struct Ended {
  std::vector<std::shared_ptr<const Published>> moments = {
      picture(seconds{0}), picture(seconds{15}), picture(seconds{30})};
  HistoryQuery query = {};
  Time from = {};
  Playback playback{
      {.about = "an evening",
       .moments = moments,
       .history = [this](const HistoryQuery& asked) -> Result<std::vector<HistoryEntry>> {
         query = asked;
         const HistoryEntry step{
             .row = 1,
             .at = noon() + seconds{15},
             .event = {
                 .kind = "step-prepend", .priority = 5, .text = "prepended 2", .decision = 7}};
         const bool known = !asked.until || step.at < *asked.until;
         const bool meant = asked.kind.empty() || asked.kind == step.event.kind;
         return known && meant ? std::vector{step} : std::vector<HistoryEntry>{};
       },
       .explanation = [this](std::uint64_t) -> Result<std::optional<std::string>> {
         return report::decided(*moments[1], "cmi");
       },
       .plots = [this](Time begin, Time until) -> Result<PlotHistory> {
         from = begin;
         return PlotHistory{.from = begin,
                            .until = until,
                            .span = seconds{10},
                            .points = {{{"hk-idc-1", "mobile"}, {.at = noon(), .sent = 5}},
                                       {{"hk-idc-1", "mobile"}, {.at = noon() + seconds{10}}}}};
       }}};

  HttpResponse get(const std::string& path, std::map<std::string, std::string> query_of = {}) {
    return playback.handle({.method = "GET", .path = path, .query = std::move(query_of)});
  }
  json at(const std::string& path, Duration after) {
    return json::parse(get(path, {{"at", format_utc(noon() + after)}}).body);
  }
};

}  // namespace

TEST_CASE(
    "a run that has ended answers as the daemon would have at the moment that is asked about") {
  Ended f;
  CHECK(f.at("/v1/status", seconds{15}) ==
        json::parse(report::dump(report::status(*f.moments[1]))));
  CHECK(f.at("/v1/status", seconds{29}) == f.at("/v1/status", seconds{15}));
  CHECK(f.at("/v1/status", -hours{1}) == f.at("/v1/status", seconds{0}));
  CHECK(f.at("/v1/status", hours{1}) == json::parse(f.get("/v1/status").body));
  CHECK(json::parse(f.get("/v1/status").body).at("time") == format_utc(noon() + seconds{30}));
  const auto refused = f.get("/v1/status", {{"at", "noon"}});
  CHECK(refused.status == 400);
  CHECK(json::parse(refused.body).at("text") ==
        "'at' is 'noon', expected RFC 3339 in UTC (2026-06-01T12:00:00Z)");
}

TEST_CASE("at a moment nothing is known of what came later") {
  Ended f;
  CHECK(f.at("/v1/history", seconds{14}).at("entries").empty());
  CHECK(f.at("/v1/history", seconds{15}).at("entries").size() == 1);
  CHECK(f.query.until == noon() + seconds{15} + Duration{1});
  const auto decision = [&](Duration after) {
    return f.get("/v1/explain", {{"decision", "7"}, {"at", format_utc(noon() + after)}}).status;
  };
  CHECK(decision(seconds{0}) == 404);
  CHECK(decision(seconds{15}) == 200);
  const auto series = f.at("/v1/series", seconds{15});
  CHECK(series.at("until") == format_utc(noon() + seconds{15}));
  CHECK(series.at("lines").at(0).at("points").size() == 1);
  CHECK(f.from == noon());
}

TEST_CASE("the moments of a run and what was done are told at once, whatever is asked about") {
  Ended f;
  const auto line = f.at("/v1/replay", seconds{0});
  CHECK(line.at("kind") == "Replay");
  CHECK(line.at("about") == "an evening");
  CHECK(line.at("from") == format_utc(noon()));
  CHECK(line.at("moments") == json::parse("[0.0, 15.0, 30.0]"));
  CHECK(line.at("marks").size() == 1);
  CHECK(line.at("marks").at(0).at("text") == "prepended 2");
}

TEST_CASE("the page knows a run that has ended, which takes no order and has no events to come") {
  Ended f;
  CHECK(f.get("/").body.find("data-replay") != std::string::npos);
  CHECK(f.get("/replay.js").status == 200);
  CHECK(f.get("/v1/events").status == 404);
  CHECK(f.playback.handle({.method = "POST", .path = "/v1/orders", .may_write = true}).status ==
        403);
  CHECK(f.playback.handle({.method = "POST", .path = "/v1/replay", .may_write = true}).status ==
        404);
}
