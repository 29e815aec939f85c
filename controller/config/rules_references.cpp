#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/config/rules.hpp"
#include "controller/config/scalars.hpp"

namespace anycast::config {
namespace {

template <class Map>
std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> out;
  out.reserve(map.size());
  for (const auto& [key, value] : map) out.push_back(key);
  return out;
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

void require(const Checked& c, const std::string& path, const std::string& word,
             const std::string& table, const std::vector<std::string>& names) {
  if (!c.bound.good(path) || !c.bound.keys_known(table) || has(names, word)) return;
  const auto at = c.bound.at(path);
  c.bound.failed.insert(path);
  c.report.error(at, "reference", fmt::format("'{}' is not in '{}'", word, table),
                 {defined(c, at, word, table, names)});
}

void check_carries(const Checked& c) {
  for (const auto& [name, upstream] : c.config.upstreams) {
    for (std::size_t i = 0; i < upstream.carries.size(); ++i) {
      require(c, fmt::format("upstreams.{}.carries.{}", name, i), upstream.carries[i], "carriers",
              c.config.carriers);
    }
  }
  for (const auto& [carrier, levels] : c.config.thresholds) {
    require(c, "thresholds." + carrier, carrier, "carriers", c.config.carriers);
  }
}

void check_sessions(const Checked& c) {
  const auto upstreams = keys(c.config.upstreams);
  for (const auto& [name, node] : c.config.nodes) {
    const auto path = "nodes." + name + ".sessions.";
    std::map<std::string, std::string> protocols;
    for (const auto& [upstream, session] : node.sessions) {
      const auto at = c.bound.at(path + upstream);
      if (!has(upstreams, upstream) && c.bound.keys_known("upstreams")) {
        c.bound.failed.insert(path + upstream);
        c.report.error(at, "reference", fmt::format("'{}' is not in 'upstreams'", upstream),
                       {defined(c, at, upstream, "upstreams", upstreams)});
        continue;
      }
      if (c.bound.set(path + upstream + ".protocol")) continue;
      if (check_ident(upstream)) {
        c.report.error(at, "names", fmt::format("'{}' cannot be the name of a protocol", upstream),
                       {"say which one it is in the routing daemon: protocol: NAME"});
      }
    }
    for (const auto& [upstream, session] : node.sessions) {
      const auto [first, is_new] = protocols.emplace(session.protocol, upstream);
      const auto place = c.bound.at(path + upstream + ".protocol");
      if (is_new || session.protocol.empty()) continue;
      c.report.error(place, "names",
                     fmt::format("the protocol '{}' is already that of '{}'", session.protocol,
                                 first->second));
    }
  }
}

void check_anchor_names(const Checked& c) {
  const auto& anchors = c.config.guards.anchors;
  const auto nodes = keys(c.config.nodes);
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    require(c, fmt::format("guards.anchors.{}", i), anchors[i], "nodes", nodes);
  }
}

/// Upstreams that carry the carrier, and (node, upstream) paths of it.
void check_carrier_paths(const Checked& c) {
  if (!c.bound.good("carriers") || !c.bound.good("upstreams") || !c.bound.good("nodes")) return;
  for (std::size_t i = 0; i < c.config.carriers.size(); ++i) {
    const auto& carrier = c.config.carriers[i];
    std::vector<std::string> upstreams;
    std::size_t paths = 0;
    for (const auto& [name, upstream] : c.config.upstreams) {
      if (!has(upstream.carries, carrier)) continue;
      upstreams.push_back(name);
      for (const auto& [node_name, node] : c.config.nodes) paths += node.sessions.count(name);
    }
    const auto at = c.bound.at(fmt::format("carriers.{}", i));
    if (upstreams.empty()) {
      c.report.error(at, "carrier-path", fmt::format("no upstream carries '{}'", carrier),
                     {fmt::format("add {} to some 'carries', or take it out here", carrier)});
    } else if (paths == 0) {
      c.report.error(
          at, "carrier-path", fmt::format("no session leads to '{}'", carrier),
          {fmt::format("carried by {}, but no node has a session with it", join(upstreams, ", "))});
    }
  }
}

void check_reserved(const Checked& c) {
  for (std::size_t i = 0; i < c.config.carriers.size(); ++i) {
    if (c.config.carriers[i] != "default") continue;
    c.report.error(c.bound.at(fmt::format("carriers.{}", i)), "names",
                   "'default' cannot be the name of a carrier",
                   {"thresholds.default is what is left out for all carriers"});
  }
  std::map<std::string, std::string> labels;
  const auto& l = c.config.evidence.labels;
  for (const auto& [field, label] :
       {std::pair{"node", l.node}, std::pair{"carrier", l.carrier}, std::pair{"region", l.region},
        std::pair{"upstream", l.upstream}}) {
    if (label.empty()) continue;
    const auto [first, is_new] = labels.emplace(label, field);
    if (is_new) continue;
    c.report.error(c.bound.at(fmt::format("evidence.labels.{}", field)), "names",
                   fmt::format("the label '{}' is already that of the {}", label, first->second));
  }
}

void check_window_names(const Checked& c) {
  std::map<std::string, std::size_t> names;
  const auto& windows = c.config.guards.windows;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const auto path = fmt::format("guards.windows.{}", i);
    if (!c.bound.good(path)) continue;
    if (!names.emplace(windows[i].name, i).second) {
      c.report.error(c.bound.at(path + ".name"), "duplicate",
                     fmt::format("a second window '{}'", windows[i].name));
    }
    if (windows[i].from == windows[i].to) {
      c.report.error(c.bound.at(path + ".to"), "window-empty", "'from' and 'to' are the same",
                     {"a whole day is from \"00:00\" to \"24:00\""});
    }
  }
}

}  // namespace

std::string defined(const Checked& c, Span from, const std::string& word, const std::string& table,
                    const std::vector<std::string>& names) {
  const auto close = nearest(word, names);
  const auto question = close.empty() ? std::string{} : fmt::format("did you mean '{}'? ", close);
  return fmt::format("{}defined at {}: {}", question, c.report.refer(c.bound.at(table), from),
                     join(names, ", "));
}

void check_references(const Checked& c) {
  check_carries(c);
  check_sessions(c);
  check_anchor_names(c);
  check_carrier_paths(c);
  check_reserved(c);
  check_window_names(c);
}

}  // namespace anycast::config
