#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "adapters/bird/client.hpp"
#include "adapters/bird/readout.hpp"
#include "tests/support/gobgp.hpp"
#include "tests/support/upstreams.hpp"

// Included by the benches of the adapters only: the support library does not link BIRD's protocol.
namespace anycast::test {

inline bird::Reply ask_bird(const std::string& socket, const std::string& command) {
  auto client = bird::Client::connect(socket, seconds{2}, seconds{10});
  return client ? client->ask(command).value_or(bird::Reply{}) : bird::Reply{};
}

/// What the upstreams at the socket have in the table.
inline std::vector<Export> heard_at(const std::string& socket, const std::string& table) {
  if (Upstreams::is_gobgp(socket)) return heard_by_gobgp(socket, table);
  const auto only = " protocol from" + table.substr(1) + " all";
  return bird::read_routes(ask_bird(socket, "show route table " + table + only))
      .value_or(std::vector<Export>{});
}

/// As our filter made them: without the AS that eBGP adds.
inline std::vector<Export> without_ebgp(std::vector<Export> routes) {
  for (auto& route : routes) {
    if (!route.as_path.empty()) route.as_path.erase(route.as_path.begin());
  }
  return routes;
}

/// A text that changes with what is news to the table: BIRD's count of the updates that it took,
/// without those that it knew already; GoBGP counts no such thing, so its routes.
inline std::string news_at(const std::string& socket, const std::string& table) {
  if (Upstreams::is_gobgp(socket)) {
    std::string out;
    for (const auto& route : heard_by_gobgp(socket, table))
      out += fmt::format("{} {} {}\n", to_string(route.prefix), fmt::join(route.as_path, " "),
                         fmt::join(route.communities, " "));
    return out;
  }
  const auto protocol = "\"from" + table.substr(1) + "\"";
  for (const auto& line : ask_bird(socket, "show protocols all " + protocol).lines) {
    if (line.text.find("Import updates:") != std::string::npos)
      return line.text.substr(line.text.rfind(' ') + 1);
  }
  return {};
}

}  // namespace anycast::test
