// What the adapter makes of servers that misbehave: each case is a scripted loopback server.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "adapters/prometheus/prometheus.hpp"
#include "tests/contract/prometheus/sample_config.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_http.hpp"

using namespace anycast;
using namespace anycast::test;
using Manner = FakeReply::Manner;

namespace {

std::string matrix(const std::string& result, const std::string& more = "") {
  return R"({"status":"success","data":{"resultType":"matrix","result":[)" + result + "]}" + more +
         "}";
}

/// One probe with one received packet 10 s before kAt.
FakeReply good(const FakeRequest& request) {
  const bool is_loss = request.form.at("query").starts_with("ok_loss");
  return {.body = matrix(
              fmt::format(R"({{"metric":{{"node":"hk-a","carrier":"cm","region":"beijing"}},)"
                          R"("values":[[{},"{}"]]}})",
                          kStart + 590, is_loss ? "1" : "0.05"))};
}

struct Asked {
  std::string error;
  Remedy remedy = Remedy::report;
  std::map<std::string, std::uint64_t> requests = {};
};

/// The error of one evidence() against a server that always gives this reply, without its name.
Asked ask(const FakeReply& reply, Duration timeout = seconds{30}) {
  const FakeHttp server{[&](const FakeRequest&) { return reply; }};
  auto config = sample_config("ok", {server.url()});
  config.prometheus.timeout = timeout;
  config.prometheus.max_body = 1 << 20;
  PrometheusSource source{config};
  const auto evidence = source.evidence(kAt);
  REQUIRE_FALSE(evidence);
  const auto name = fmt::format("127.0.0.1:{} ", server.port());
  REQUIRE(evidence.error().text.starts_with(name));
  auto requests = source.stats().at(0).requests;
  std::erase_if(requests, [](const auto& entry) { return entry.second == 0; });
  return {evidence.error().text.substr(name.size()), evidence.error().remedy, requests};
}

using Counts = std::map<std::string, std::uint64_t>;

}  // namespace

TEST_CASE("a server that answers what nobody can read is an error that says what it answered") {
  auto asked =
      ask({.status = 502, .content_type = "text/html", .body = "<html>Bad Gateway</html>"});
  CHECK(asked.error == "answered 502 (text/html)");
  CHECK(asked.remedy == Remedy::look_at_peer);
  CHECK(asked.requests == Counts{{"http_error", 1}});

  asked = ask({.status = 503, .content_type = "text/plain; charset=utf-8", .body = "Unavailable"});
  CHECK(asked.error == "answered 503 (text/plain)");

  asked = ask({.status = 200, .content_type = "text/html", .body = matrix("")});
  CHECK(asked.error == "answered 200 (text/html), expected JSON");
  CHECK(asked.requests == Counts{{"bad_answer", 1}});

  asked = ask({.body = matrix("").substr(0, 40)});
  CHECK(asked.error == "answered 200 (application/json): no JSON at byte 41");

  asked = ask({.body = R"({"status":"success","data":{"resultType":"vector","result":[]}})"});
  CHECK(asked.error == "answered 200 (application/json): result type 'vector', expected 'matrix'");

  asked = ask({.status = 400,
               .body = R"({"status":"error","errorType":"bad_data","error":"parse error"})"});
  CHECK(asked.error == "answered 400, bad_data: parse error");
  CHECK(asked.requests == Counts{{"http_error", 1}});

  asked = ask({.status = 500, .body = matrix("")});
  CHECK(asked.error == "answered 500 (application/json)");

  asked = ask({.body = matrix(std::string(500, ' ')), .manner = Manner::cut});
  CHECK(asked.error.starts_with("broke off: "));
  CHECK(asked.requests == Counts{{"bad_answer", 1}});
}

TEST_CASE("a redirect is not followed") {
  const FakeHttp other{good};
  const auto asked =
      ask({.status = 307, .headers = {"Location: " + other.url() + "/api/v1/query"}});
  CHECK(asked.error == "answered 307 (application/json), redirects are not followed");
  CHECK(other.requests().empty());
}

TEST_CASE("an answer larger than max_body is cut and not read") {
  const auto asked = ask({.body = std::string(50U << 20U, ' ')});
  CHECK(asked.error == "sent more than 1048576 bytes");
  CHECK(asked.remedy == Remedy::look_at_peer);
}

TEST_CASE("a server that hangs or drips costs its deadline and no more") {
  const auto manner = GENERATE(Manner::silent, Manner::drip);
  const auto begin = std::chrono::steady_clock::now();
  const auto asked =
      ask({.body = matrix(std::string(1000, ' ')), .manner = manner}, milliseconds{300});
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(asked.error == "did not answer within 300ms");
  CHECK(asked.remedy == Remedy::wait);
  CHECK(asked.requests == Counts{{"timeout", 1}});
  CHECK(took >= milliseconds{290});
}

TEST_CASE("nobody is waited for while something is pressing, and asked again as before after it") {
  std::atomic<bool> hangs = true;
  std::atomic<bool> pressing = false;
  const FakeHttp server{[&](const FakeRequest& request) {
    auto reply = good(request);
    if (hangs) reply.manner = Manner::silent;
    pressing = hangs.load();
    return reply;
  }};
  auto config = sample_config("ok", {server.url()});
  config.prometheus.timeout = minutes{5};
  PrometheusSource source{config, [&] { return pressing.load(); }};
  const auto given_up = source.evidence(kAt);
  REQUIRE_FALSE(given_up);
  CHECK(given_up.error().text == fmt::format("127.0.0.1:{} was not waited for: this node has news "
                                             "of its own",
                                             server.port()));
  CHECK(given_up.error().remedy == Remedy::wait);
  hangs = pressing = false;
  CHECK(source.evidence(kAt + seconds{15}));
}

TEST_CASE("the two queries share one deadline") {
  const FakeHttp server{[](const FakeRequest& request) {
    auto reply = good(request);
    if (request.form.at("query").starts_with("ok_loss")) std::this_thread::sleep_for(seconds{2});
    if (request.form.at("query").starts_with("ok_rtt")) reply.manner = Manner::silent;
    return reply;
  }};
  auto config = sample_config("ok", {server.url()});
  config.prometheus.timeout = seconds{3};
  PrometheusSource source{config};
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(source.evidence(kAt));
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(server.requests().size() == 2);
  // Two deadlines would make it five seconds.
  CHECK(took >= milliseconds{2900});
  CHECK(took < milliseconds{4500});
}

TEST_CASE("the first server that answers wins, and a failure names every server") {
  const FakeHttp sick{
      [](const FakeRequest&) { return FakeReply{.status = 502, .content_type = "text/html"}; }};
  const FakeHttp well{good};
  const auto refused = free_port();
  const auto refused_url = fmt::format("http://user:secret@127.0.0.1:{}", refused);
  SECTION("one answers") {
    PrometheusSource source{sample_config("ok", {refused_url, sick.url(), well.url() + "/prom/"})};
    const auto evidence = source.evidence(kAt);
    REQUIRE(evidence);
    CHECK(evidence->server == well.url() + "/prom");
    CHECK(evidence->series.size() == 1);
    CHECK_FALSE(evidence->partial);
    CHECK(well.requests().at(0).path == "/prom/api/v1/query");
    CHECK(well.requests().at(0).method == "POST");
    CHECK(source.stats().at(0).requests.at("refused") == 1);
    CHECK(source.stats().at(1).requests.at("http_error") == 1);
    CHECK(source.stats().at(2).requests.at("ok") == 2);
    CHECK(source.stats().at(2).server == fmt::format("127.0.0.1:{}", well.port()));
    CHECK(well.connections() == 1);
  }
  SECTION("none answers") {
    PrometheusSource source{sample_config("ok", {refused_url, sick.url(), "ftp://prom:secret@x"})};
    const auto evidence = source.evidence(kAt);
    REQUIRE_FALSE(evidence);
    CHECK(evidence.error().text ==
          fmt::format("127.0.0.1:{} refused the connection; 127.0.0.1:{} answered 502 (text/html); "
                      "prometheus.urls[2] is not an http or https URL",
                      refused, sick.port()));
    CHECK(evidence.error().remedy == Remedy::look_at_peer);
  }
  SECTION("none is reached") {
    PrometheusSource source{sample_config("ok", {refused_url})};
    const auto evidence = source.evidence(kAt);
    REQUIRE_FALSE(evidence);
    CHECK(evidence.error().remedy == Remedy::wait);
  }
}

TEST_CASE("a server that hung for the evidence is not waited for again in the same cycle") {
  const FakeHttp hung{[](const FakeRequest&) { return FakeReply{.manner = Manner::silent}; }};
  auto config = sample_config("ok", {hung.url()});
  config.prometheus.timeout = milliseconds{200};
  PrometheusSource source{config};
  CHECK_FALSE(source.evidence(kAt));
  const auto fleet = source.fleet(kAt);
  REQUIRE_FALSE(fleet);
  CHECK(fleet.error().text == fmt::format("127.0.0.1:{} did not answer a moment ago", hung.port()));
  CHECK(hung.requests().size() == 1);
  CHECK_FALSE(source.fleet(kAt + seconds{15}));
  CHECK(hung.requests().size() == 2);
}

TEST_CASE("a warning makes the evidence partial, and the next cycle asks for everything again") {
  bool warn = true;
  const FakeHttp server{[&](const FakeRequest& request) {
    auto reply = good(request);
    const std::string mark = warn ? R"(,"warnings":["store a is away"]})" : "}";
    reply.body.replace(reply.body.size() - 1, 1, mark);
    return reply;
  }};
  PrometheusSource source{sample_config("ok", {server.url()})};
  auto evidence = source.evidence(kAt);
  REQUIRE(evidence);
  CHECK(evidence->partial);
  const auto line = fmt::format("127.0.0.1:{} warned: store a is away", server.port());
  CHECK(evidence->faults == std::vector<std::string>{line});
  warn = false;
  evidence = source.evidence(kAt + seconds{15});
  REQUIRE(evidence);
  CHECK_FALSE(evidence->partial);
  CHECK(evidence->faults.empty());
  CHECK(server.requests().at(2).form.at("query") == "ok_loss[600000ms]");
  REQUIRE(source.evidence(kAt + seconds{30}));
  CHECK(server.requests().at(4).form.at("query") == "ok_loss[25000ms]");
  CHECK(server.requests().at(4).form.at("time") == fmt::format("{}.000", kStart + 630));
  CHECK(server.requests().at(4).form.at("partial_response") == "false");
}

TEST_CASE("samples that are ten minutes old are evidence of their own time only") {
  const FakeHttp server{good};
  PrometheusSource source{sample_config("ok", {server.url()})};
  const auto evidence = source.evidence(kAt + minutes{10});
  REQUIRE(evidence);
  CHECK(evidence->series.empty());
}

TEST_CASE("secrets are sent where they are configured, read anew, and never told") {
  const auto file =
      std::filesystem::temp_directory_path() / fmt::format("anycastd-secret-{}", ::getpid());
  const auto write = [&](const std::string& text) { std::ofstream{file} << text; };
  FakeHttp server{
      [](const FakeRequest&) { return FakeReply{.status = 401, .content_type = "text/plain"}; }};
  const auto sent = [&] {
    const auto headers = server.requests().back().headers;
    const auto found = headers.find("authorization");
    return found == headers.end() ? std::string{} : found->second;
  };
  auto config = sample_config("ok", {server.url()});
  SECTION("none") {
    PrometheusSource source{config};
    CHECK_FALSE(source.evidence(kAt));
    CHECK(sent().empty());
  }
  SECTION("bearer") {
    config.prometheus.bearer_token_file = file;
    PrometheusSource source{config};
    write("token-1\n");
    CHECK_FALSE(source.evidence(kAt));
    CHECK(sent() == "Bearer token-1");
    write("token-2");
    const auto evidence = source.evidence(kAt);
    REQUIRE_FALSE(evidence);
    CHECK(sent() == "Bearer token-2");
    CHECK(evidence.error().text.find("token-2") == std::string::npos);
    write("token\r\nX-Other: 1");
    const auto refused = source.evidence(kAt);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().remedy == Remedy::look_at_host);
    CHECK(refused.error().text ==
          fmt::format("'{}' holds a control character, expected one line", file.string()));
    std::filesystem::remove(file);
    CHECK(source.evidence(kAt).error().remedy == Remedy::look_at_host);
    CHECK(server.requests().size() == 2);
  }
  SECTION("basic") {
    config.prometheus.username = "anycastd";
    config.prometheus.password_file = file;
    write("pass:word\n");
    PrometheusSource source{config};
    CHECK_FALSE(source.evidence(kAt));
    CHECK(sent() == "Basic YW55Y2FzdGQ6cGFzczp3b3Jk");
  }
  std::filesystem::remove(file);
}
