#include "tests/support/fake_fleet.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "adapters/http/unix_client.hpp"
#include "controller/base/text.hpp"

namespace anycast::test {
namespace {

using nlohmann::json;

/// What the fleet is asked of; no label has a comma in it.
std::optional<json> as_series(const std::string& line, double at) {
  const auto open = line.find('{');
  const auto close = line.rfind("} ");
  if (open == line.npos || close == line.npos) return {};
  const auto name = line.substr(0, open);
  if (name != "anycast_announces" && name != "anycast_last_change_timestamp_seconds") return {};
  json metric{{"__name__", name}};
  for (const auto& label : split(line.substr(open + 1, close - open - 1), ',')) {
    const auto equals = label.find("=\"");
    if (equals == label.npos) return {};
    metric[std::string{label.substr(0, equals)}] =
        std::string{label.substr(equals + 2, label.size() - equals - 3)};
  }
  return json{{"metric", metric}, {"values", {{at, line.substr(close + 2)}}}};
}

}  // namespace

FakeReply FakeFleet::operator()(const FakeRequest& request) const {
  const auto& query = request.form.at("query");
  const double at = std::stod(request.form.at("time"));
  const json data{{"resultType", "matrix"},
                  {"result", query.find("anycast_") != query.npos
                                 ? fleet(at)
                                 : probes(query.substr(0, query.find_first_of("{[")), at)}};
  return {.body = json{{"status", "success"}, {"data", data}}.dump()};
}

nlohmann::json FakeFleet::fleet(double at) const {
  json out = json::array();
  for (const auto& [node, socket] : sockets_) {
    const auto said = UnixHttpClient{socket}.request("GET", "/metrics", "", seconds{1});
    if (!said || said->status != 200) continue;
    for (const auto& line : split(said->body, '\n')) {
      if (auto series = as_series(std::string{line}, at)) out.push_back(*std::move(series));
    }
  }
  return out;
}

nlohmann::json FakeFleet::probes(const std::string& name, double at) const {
  json values = json::array();
  for (int i = 20; i > 0; --i)
    values.push_back({at - 0.5 * i, name == "probe_success" ? "1" : "0.05"});
  json out = json::array();
  for (const auto& [node, socket] : sockets_) {
    const json metric{{"__name__", name},
                      {"node", node},
                      {"upstream", "isp"},
                      {"carrier", "telecom"},
                      {"region", "beijing"}};
    out.push_back({{"metric", metric}, {"values", values}});
  }
  return out;
}

}  // namespace anycast::test
