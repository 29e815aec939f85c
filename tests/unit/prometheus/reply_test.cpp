#include "adapters/prometheus/reply.hpp"

#include <cmath>
#include <fstream>
#include <iterator>

#include "tests/support/catch.hpp"

using namespace anycast;
using anycast::prometheus::parse_reply;
using anycast::prometheus::parse_value;

namespace {

std::string recorded(const std::string& name) {
  std::ifstream file{std::string{ANYCASTD_SOURCE_DIR} + "/tests/support/prom_data/" + name};
  REQUIRE(file);
  return {std::istreambuf_iterator<char>{file}, {}};
}

const std::vector<std::string> kLabels{"node", "carrier", "region"};

std::string matrix(const std::string& result, const std::string& more = "") {
  return R"({"status":"success","data":{"resultType":"matrix","result":[)" + result + "]}" + more +
         "}";
}

std::string why(const std::string& body) {
  const auto reply = parse_reply(body, kLabels);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().remedy == Remedy::look_at_peer);
  return reply.error().text;
}

}  // namespace

TEST_CASE("a recorded raw matrix of Prometheus 2.42 is read with its own sample times") {
  const auto reply = parse_reply(recorded("prometheus-matrix.json"), kLabels);
  REQUIRE(reply);
  REQUIRE(reply->series.size() == 4);
  CHECK(reply->points == 40);
  CHECK(reply->warnings.empty());
  const auto& series = reply->series[1];
  CHECK(series.wanted == std::vector<std::string>{"hk-1", "ct", "beijing"});
  CHECK(series.others ==
        R"(instance="10.31.0.11:9115",job="icmp",kind="unicast",target="203.0.113.1")");
  CHECK(series.points.front().at_ms == 1795424263450);
  CHECK(series.points.front().value == 1);
}

TEST_CASE("VictoriaMetrics does not sort labels, and its series reads the same") {
  const auto reply = parse_reply(recorded("victoriametrics-matrix.json"), kLabels);
  REQUIRE(reply);
  REQUIRE_FALSE(reply->series.empty());
  CHECK(reply->series[0].wanted == std::vector<std::string>{"hk-3", "ct", "beijing"});
  CHECK(
      reply->series[0].others ==
      R"(cluster="hk",instance="10.31.0.11:9115",job="icmp",kind="unicast",target="203.0.113.3")");
  CHECK(reply->series[0].points.front().at_ms == 1795424455870);
}

TEST_CASE("an empty result is an answer without series") {
  const auto reply = parse_reply(matrix(""), kLabels);
  REQUIRE(reply);
  CHECK(reply->series.empty());
  CHECK(reply->points == 0);
}

TEST_CASE("sample values are numbers in strings, NaN and infinities among them") {
  double value = 0;
  CHECK((parse_value("0.0512", value) && value == 0.0512));
  CHECK((parse_value("1", value) && value == 1));
  CHECK((parse_value("1e-3", value) && value == 0.001));
  CHECK((parse_value("NaN", value) && std::isnan(value)));
  CHECK((parse_value("+Inf", value) && std::isinf(value) && value > 0));
  CHECK((parse_value("-Inf", value) && std::isinf(value) && value < 0));
  CHECK((parse_value("1e999", value) && std::isinf(value)));
  for (const auto* text : {"", "+", "+-1", "1x", " 1", "0x10", "one"}) {
    INFO(text);
    CHECK_FALSE(parse_value(text, value));
  }
}

TEST_CASE("a time stamp keeps its millisecond whatever its decimals") {
  const auto reply = parse_reply(
      matrix(R"({"metric":{},"values":[[1795424273,"1"],[1795424273.25,"1"],[1795424273.001,"1"],)"
             R"([1795424273.999,"1"]]})"),
      kLabels);
  REQUIRE(reply);
  std::vector<std::int64_t> times;
  for (const auto& point : reply->series[0].points) times.push_back(point.at_ms);
  CHECK(times ==
        std::vector<std::int64_t>{1795424273000, 1795424273250, 1795424273001, 1795424273999});
}

TEST_CASE("warnings and the partial mark of VictoriaMetrics are kept, infos are not") {
  const auto reply =
      parse_reply(matrix("", R"(,"warnings":["remote_read: refused\n"],"infos":["PromQL info: x"],)"
                             R"("isPartial":true)"),
                  kLabels);
  REQUIRE(reply);
  CHECK(reply->warnings == std::vector<std::string>{"remote_read: refused?",
                                                    "the server marked its answer as partial"});
  const auto whole = parse_reply(matrix("", R"(,"isPartial":false)"), kLabels);
  REQUIRE(whole);
  CHECK(whole->warnings.empty());
}

TEST_CASE("the order of the keys in an answer does not matter") {
  const auto reply =
      parse_reply(R"({"data":{"result":[{"values":[[1,"0"]],"metric":{"node":"a","x":"y"}}],)"
                  R"("resultType":"matrix"},"status":"success"})",
                  kLabels);
  REQUIRE(reply);
  REQUIRE(reply->series.size() == 1);
  CHECK(reply->series[0].wanted == std::vector<std::string>{"a", "", ""});
  CHECK(reply->series[0].others == R"(x="y")");
}

TEST_CASE("native histograms are counted and not taken for samples") {
  const auto reply =
      parse_reply(matrix(R"({"metric":{"node":"a"},"histograms":[[1,{"count":"2","buckets":)"
                         R"([[0,"1","2","3"]]}],[2,{"count":"2"}]]})"),
                  kLabels);
  REQUIRE(reply);
  CHECK(reply->histograms == 2);
  CHECK(reply->points == 0);
}

TEST_CASE("an error answer tells the server's own words") {
  const auto reply = parse_reply(recorded("prometheus-error.json"), kLabels);
  REQUIRE(reply);
  CHECK(reply->refusal ==
        "bad_data: invalid parameter \"query\": 1:15: parse error: unexpected end of input inside "
        "braces");
}

TEST_CASE("what is no such answer is an error that says what it is instead") {
  CHECK(why("") == "no JSON at byte 1");
  CHECK(why("<html><body>502</body></html>") == "no JSON at byte 1");
  CHECK(why(matrix("").substr(0, 60)).starts_with("no JSON at byte 6"));
  CHECK(why(matrix("") + "x").starts_with("no JSON at byte"));
  CHECK(why("[]") == "a list, expected an object");
  CHECK(why("{}") == "status '', expected 'success'");
  CHECK(why(R"({"status":"success"})") == "result type '', expected 'matrix'");
  CHECK(why(recorded("prometheus-vector.json")) == "result type 'vector', expected 'matrix'");
  CHECK(why(recorded("prometheus-scalar.json")) == "result type 'scalar', expected 'matrix'");
  CHECK(why(R"({"status":"success","data":{"resultType":"matrix"}})") ==
        "a result that is not a list of series");
  CHECK(why(R"({"status":"success","data":{"resultType":"matrix","result":[1,"2"]}})") ==
        "a result that is not a list of series");
  CHECK(why(R"({"status":"success","data":{"resultType":"matrix","result":{}}})") ==
        "an object as 'result'");
  CHECK(why(R"({"status":"success","data":[]})") == "a list as 'data'");
  CHECK(why(std::string(10'000, '[')) == "a list, expected an object");
  std::string deep = R"({"a":)";
  for (int i = 0; i < 10'000; ++i) deep += '[';
  CHECK(why(deep) == "more than 16 levels");
}

TEST_CASE("a sample that is not a time and a number in a string is an error") {
  const auto sample = [](const std::string& text) {
    return why(matrix(R"({"metric":{},"values":[)" + text + "]}"));
  };
  CHECK(sample("[1]") == "a sample without time and value");
  CHECK(sample("[]") == "a sample without time and value");
  CHECK(sample("[1,2]") == R"(a sample that is not [number, "number"])");
  CHECK(sample(R"(["1","2"])") == R"(a sample that is not [number, "number"])");
  CHECK(sample(R"([1,"2","3"])") == R"(a sample that is not [number, "number"])");
  CHECK(sample(R"([1,null])") == R"(a sample that is not [number, "number"])");
  CHECK(sample(R"([1,"up"])") == "a sample value 'up', expected a number");
  CHECK(sample(R"([1e300,"1"])") == "a sample with an impossible time");
  CHECK(sample("1") == "a sample that is not a list");
  CHECK(why(matrix(R"({"metric":{"node":1}})")) == "a label whose value is not a string");
}
