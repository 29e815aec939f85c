#include "controller/app/api.hpp"

#include <nlohmann/json.hpp>

#include "controller/app/metrics.hpp"
#include "controller/app/report_series.hpp"
#include "controller/app/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/app/api_fixture.hpp"

using namespace anycast;
using anycast::testing::ApiFixture;
using nlohmann::json;

namespace {

std::string text_of(const HttpResponse& response) {
  return json::parse(response.body).at("text").get<std::string>();
}

}  // namespace

TEST_CASE("every reading path answers with its kind and the version of the API") {
  ApiFixture f;
  for (const auto& [path, kind] : std::map<std::string, std::string>{{"/v1/status", "Status"},
                                                                     {"/v1/explain", "Explain"},
                                                                     {"/v1/plan", "Plan"},
                                                                     {"/v1/probes", "Probes"},
                                                                     {"/v1/history", "History"},
                                                                     {"/v1/config", "Config"}}) {
    const auto response = f.get(path);
    INFO(path << " " << response.body);
    CHECK(response.status == 200);
    CHECK(response.content_type == "application/json");
    const auto body = json::parse(response.body);
    CHECK(body.at("api") == "anycastd/v1");
    CHECK(body.at("kind") == kind);
  }
}

TEST_CASE("an unknown path is 404, a wrong method 405, a misspelt parameter 400") {
  ApiFixture f;
  CHECK(f.get("/v2/status").status == 404);
  CHECK(f.get("/v1/orders").status == 405);
  CHECK(f.post("/v1/status", "").status == 405);
  const auto response = f.get("/v1/history", {{"upsteam", "cmi"}});
  CHECK(response.status == 400);
  CHECK(text_of(response) == "unknown parameter 'upsteam'; did you mean 'upstream'?");
}

TEST_CASE("explain tells what exists when it is asked about something else") {
  ApiFixture f;
  CHECK(f.get("/v1/explain", {{"node", "hk-idc-2"}}).status == 404);
  CHECK(text_of(f.get("/v1/explain", {{"node", "hk-idc-2"}})) ==
        "no node 'hk-idc-2' in the configuration; did you mean 'hk-idc-1'?");
  CHECK(f.get("/v1/explain", {{"carrier", "mobile"}, {"upstream", "cmi"}}).status == 400);
  const auto body = json::parse(f.get("/v1/explain", {{"upstream", "cmi"}}).body);
  CHECK(body.at("about").at("kind") == "upstream");
}

TEST_CASE("a report reads as anycastctl prints it where text is asked for") {
  ApiFixture f;
  const auto text = [](const report::Json& r, int width) {
    return text::print(r, {.width = width, .utc = true});
  };
  const auto status = f.get("/v1/status", {{"format", "text"}, {"width", "80"}});
  CHECK(status.content_type == "text/plain; charset=utf-8");
  CHECK(status.body == text(report::status(*f.published), 80));
  CHECK(f.get("/v1/plan", {{"format", "text"}}).body == text(report::plan(*f.published), 100));
  CHECK(f.get("/v1/explain", {{"format", "text"}, {"carrier", "mobile"}}).body ==
        text(*report::explain(*f.published, "", "mobile"), 100));
  CHECK(f.get("/v1/status", {{"format", "json"}}).body == f.get("/v1/status").body);
  CHECK(text_of(f.get("/v1/plan", {{"format", "html"}})) ==
        "'format' is 'html', expected json or text");
  CHECK(text_of(f.get("/v1/plan", {{"format", "text"}, {"width", "9"}})) ==
        "'width' is '9', expected 80 to 1000");
}

TEST_CASE("the page and its files are there from the start, and no text becomes markup") {
  ApiFixture f;
  for (const char* path : {"/page.css", "/page.js", "/replay.js", "/words.js", "/page.svg"}) {
    CHECK(f.get(path).status == 200);
    CHECK(f.get(path).body.size() > 100);
  }
  CHECK(f.get("/page.js").content_type == "text/javascript; charset=utf-8");
  auto p = testing::evening();
  p.plan.notices.front().text = "<b>\"a\" & b</b>";
  f.published = std::make_shared<Published>(p);
  const auto page = f.get("/");
  CHECK(page.content_type == "text/html; charset=utf-8");
  CHECK(page.body.find("<th>hk-idc-1</th>") != std::string::npos);
  CHECK(page.body.find("<td>BAD RTT 231ms loss 6.8% jitter 38ms</td>") != std::string::npos);
  CHECK(page.body.find("&lt;b&gt;&quot;a&quot; &amp; b&lt;/b&gt;") != std::string::npos);
  CHECK(page.body.find("<b>") == std::string::npos);
  CHECK(page.body.find("{{") == std::string::npos);
  f.published = nullptr;
  CHECK(f.get("/").body.find("no cycle has finished yet") != std::string::npos);
  CHECK(f.post("/page.js", "").status == 405);
}

TEST_CASE("the event of a cycle is its status on one line") {
  ApiFixture f;
  const auto stream = f.get("/v1/events");
  CHECK(stream.status == 200);
  CHECK(stream.stream);
  CHECK(stream.content_type == "text/event-stream");
  CHECK(stream.body == Api::event(*f.published));
  const std::string head = "event: status\nid: 69120\ndata: ";
  REQUIRE(stream.body.starts_with(head));
  CHECK(stream.body.find('\n', head.size()) == stream.body.size() - 2);
  CHECK(json::parse(stream.body.substr(head.size())) == json::parse(f.get("/v1/status").body));
  CHECK(f.get("/v1/events", {{"since", "1"}}).status == 400);
  CHECK_FALSE(f.get("/v1/status").stream);
  f.published = nullptr;
  CHECK(f.get("/v1/events").status == 503);
}

TEST_CASE("plots are of the last day, or of as many hours as are asked for, with marks") {
  ApiFixture f;
  const auto day = json::parse(f.get("/v1/series").body);
  CHECK(day.at("kind") == "Series");
  CHECK(day.at("from") == "2026-05-31T12:20:23.000Z");
  CHECK(day.at("until") == "2026-06-01T12:20:23.000Z");
  CHECK(day.at("marks").size() == report::marked_kinds().size());
  CHECK(json::parse(f.get("/v1/series", {{"hours", "168"}}).body).at("from") ==
        "2026-05-25T12:20:23.000Z");
  CHECK(text_of(f.get("/v1/series", {{"hours", "0"}})) == "'hours' is '0', expected 1 to 9600");
}

TEST_CASE("before the first cycle nothing pretends to know") {
  ApiFixture f;
  f.published = nullptr;
  for (const char* path : {"/v1/status", "/v1/plan", "/v1/explain", "/healthz", "/readyz"})
    CHECK(f.get(path).status == 503);
  CHECK(f.post("/v1/orders", R"({"kind":"freeze","reason":"x"})").status == 503);
  CHECK(f.get("/metrics").status == 200);
}

TEST_CASE("healthz follows the cycles, readyz the sources") {
  ApiFixture f;
  CHECK(f.get("/healthz").status == 200);
  CHECK(f.get("/readyz").status == 200);
  f.published = std::make_shared<Published>(testing::blind());
  CHECK(f.get("/healthz").status == 200);
  const auto response = f.get("/readyz");
  CHECK(response.status == 503);
  CHECK(response.body ==
        "evidence: prom-a timed out after 4s, prom-b refused (connection refused)\n"
        "blind: prom-a timed out after 4s, prom-b refused (connection refused)\n");
  f.now = testing::noon() + seconds{49};
  CHECK(f.get("/healthz").status == 503);
  CHECK(f.get("/healthz").body == "the last cycle finished 49s ago\n");
}

TEST_CASE("metrics carry the content type that Prometheus 3 wants and count their own requests") {
  ApiFixture f;
  f.get("/nonsense/../../etc");
  f.get("/metrics");
  const auto response = f.get("/metrics");
  CHECK(response.content_type == metrics::kContentType);
  CHECK(response.body.find(R"(anycast_http_requests_total{handler="/metrics",code="200"} 1)") !=
        std::string::npos);
  CHECK(response.body.find(R"(anycast_http_requests_total{handler="other",code="404"} 1)") !=
        std::string::npos);
}

TEST_CASE("an order becomes a ticket and its reply is found under it") {
  ApiFixture f;
  const auto posted = f.post(
      "/v1/orders",
      R"({"kind":"pin","upstream":"cmi","stance":"prepend=1","for_seconds":5400,"reason":"ticket 8"})");
  CHECK(posted.status == 202);
  CHECK(json::parse(posted.body).at("ticket") == 1);
  REQUIRE(f.orders.size() == 1);
  const auto& order = f.orders[0];
  CHECK(order.kind == Order::Kind::pin);
  CHECK(order.upstream == "cmi");
  CHECK(to_string(order.stance) == "prepend 1");
  CHECK(order.lasts == minutes{90});
  CHECK(order.reason == "ticket 8");
  CHECK(order.actor == "lin (uid 1004)");

  CHECK(f.get("/v1/orders/1").status == 202);
  f.replies[1] = {.id = 1, .outcome = OrderReply::Outcome::refused, .text = "floor"};
  const auto reply = f.get("/v1/orders/1");
  CHECK(reply.status == 200);
  CHECK(json::parse(reply.body).at("outcome") == "refused");
  CHECK(f.get("/v1/orders/x").status == 400);
}

TEST_CASE("only a writer on the control socket may change anything") {
  ApiFixture f;
  HttpRequest request{.method = "POST",
                      .path = "/v1/orders",
                      .body = R"({"kind":"freeze","reason":"x"})",
                      .local = true,
                      .user = "guest"};
  CHECK(f.api.handle(request).status == 403);
  request.local = false;
  CHECK(f.api.handle(request).status == 403);
  request.path = "/v1/reload";
  CHECK(f.api.handle(request).status == 403);
  CHECK(f.orders.empty());
}

TEST_CASE("a body with anything wrong is refused with the reason and gives no order") {
  const std::map<std::string, std::string> wrong = {
      {"", "the body is not a JSON object"},
      {"[]", "the body is not a JSON object"},
      {"{", "the body is not a JSON object"},
      {R"({"reason":"x"})", "'kind' is missing or no string"},
      {R"({"kind":"explode","reason":"x"})",
       "unknown kind 'explode', expected drain, undrain, pin, unpin, freeze, unfreeze, apply, "
       "confirm, undo, blackhole or unblackhole"},
      {R"({"kind":"blackhole","reason":"x","upstream":"cmi"})", "'host' is missing or no string"},
      {R"({"kind":"blackhole","reason":"x","upstream":"cmi","host":"203.0.113.0/24"})",
       "'203.0.113.0/24' is no host, expected an address, a /32 or a /128"},
      {R"({"kind":"blackhole","reason":"x","upstream":"cmi","host":"203.0.113.7"})",
       "'for_seconds' is missing: it has to end"},
      {R"({"kind":"unblackhole","reason":"x","upstream":"cmi","host":"203.0.113.7","for_seconds":5})",
       "'for_seconds' does not go with 'unblackhole'"},
      {R"({"kind":"freeze"})",
       "'reason' is missing or no string: say why, it goes into the history"},
      {R"({"kind":"freeze","reason":"  "})",
       "'reason' is empty: say why, it goes into the history"},
      {R"({"kind":"freeze","reason":"x","for_second":5})",
       "unknown member 'for_second'; did you mean 'for_seconds'?"},
      {R"({"kind":"freeze","reason":"x","upstream":"cmi"})",
       "'upstream' does not go with 'freeze'"},
      {R"({"kind":"freeze","reason":"x","for_seconds":"2h"})",
       "'for_seconds' is not a number of seconds"},
      {R"({"kind":"freeze","reason":"x","for_seconds":0})",
       "'for_seconds' is 0, expected 1 to 31622400 seconds"},
      {R"({"kind":"drain","reason":"x","now":1})", "'now' is neither true nor false"},
      {R"({"kind":"undo","reason":"x","decision":-1})", "'decision' is not a whole number"},
      {R"({"kind":"apply","reason":"x","confirm_seconds":1})",
       "'confirm_seconds' is 1, expected 5 to 3600 seconds"},
      {R"({"kind":"pin","reason":"x","stance":"drained"})", "'upstream' is missing or no string"},
      {R"({"kind":"pin","reason":"x","upstream":"pcw","stance":"drained"})",
       "node 'hk-idc-1' has no upstream 'pcw'; did you mean 'pccw'?"},
      {R"({"kind":"pin","reason":"x","upstream":"cmi","stance":"prepend=0"})",
       "'prepend=0' is no stance, expected announced, prepend=N, drained or withdrawn, with "
       "communities as in announced;mobile=prepend_to:2"},
      {R"({"kind":"pin","reason":"x","upstream":"cmi","stance":"prepend=4"})",
       "prepend 4 is more than upstreams.cmi.prepend_max, which is 3"}};
  ApiFixture f;
  for (const auto& [body, expected] : wrong) {
    const auto response = f.post("/v1/orders", body);
    INFO(body);
    CHECK(response.status == 400);
    CHECK(text_of(response) == expected);
  }
  CHECK(f.orders.empty());
}

TEST_CASE("a reason keeps no control characters") {
  ApiFixture f;
  f.post("/v1/orders", R"({"kind":"freeze","reason":"a\u001b[31m\nb"})");
  REQUIRE(f.orders.size() == 1);
  CHECK(f.orders[0].reason == "a?[31m?b");
}

TEST_CASE("history filters are read strictly and passed on") {
  ApiFixture f;
  const auto response = f.get("/v1/history", {{"since", "2026-06-01T10:00:00Z"},
                                              {"upstream", "cmi"},
                                              {"kind", "step"},
                                              {"after", "6"},
                                              {"n", "5"}});
  CHECK(response.status == 200);
  CHECK(f.asked.since == parse_utc("2026-06-01T10:00:00Z"));
  CHECK(f.asked.upstream == "cmi");
  CHECK(f.asked.kind == "step");
  CHECK(f.asked.after_row == 6);
  CHECK(f.asked.limit == 5);
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"since", "yesterday"}, {"n", "0"}, {"n", "1001"}, {"after", "-1"}}) {
    CHECK(f.get("/v1/history", {{name, value}}).status == 400);
  }
}

TEST_CASE("a refused reload answers with the place that is wrong") {
  ApiFixture f;
  CHECK(f.post("/v1/reload", "").status == 200);
  f.reloaded = tl::unexpected(Error{
      .remedy = Remedy::fix_value, .text = "180 has no unit", .place = {"anycastd.yaml", 40, 29}});
  const auto response = f.post("/v1/reload", "");
  CHECK(response.status == 422);
  CHECK(json::parse(response.body).at("place") == "anycastd.yaml:40:29");
}

TEST_CASE("a decision is explained as it was seen, with what the history has of it") {
  ApiFixture f;
  const auto answer = f.get("/v1/explain", {{"decision", "7"}});
  REQUIRE(answer.status == 200);
  const auto body = nlohmann::ordered_json::parse(answer.body);
  CHECK(body.at("decision") == 7);
  CHECK(body.at("about").at("name") == "cmi");
  CHECK(body.at("later").at(0).at("text") == "prepended 2 on cmi");
  CHECK(f.asked.decision == 7);
  const auto printed = text::print(body, {.width = 100});
  CHECK(printed.starts_with("decision #7 of "));
  CHECK(printed.find("8 history") != std::string::npos);
}

TEST_CASE("a decision that is not kept, or is no number, is said so") {
  ApiFixture f;
  CHECK(f.get("/v1/explain", {{"decision", "8"}}).status == 404);
  CHECK(f.get("/v1/explain", {{"decision", "x"}}).status == 400);
  CHECK(f.get("/v1/explain", {{"decision", "0"}}).status == 400);
  CHECK(f.get("/v1/explain", {{"decision", "7"}, {"carrier", "mobile"}}).status == 400);
}
