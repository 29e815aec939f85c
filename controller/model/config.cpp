#include "controller/model/config.hpp"

#include <algorithm>

namespace anycast {

std::string to_string(Mode mode) {
  switch (mode) {
    case Mode::observe: return "observe";
    case Mode::advise: return "advise";
    case Mode::automatic: return "auto";
  }
  return "?";
}

Duration Config::fast_interval() const {
  return std::min(std::max(prometheus.fast_interval, evidence.scrape), prometheus.interval);
}

bool Config::is_anchor(const std::string& node) const {
  return std::ranges::find(guards.anchors, node) != guards.anchors.end();
}

std::vector<std::string> Config::sessions_for(const std::string& node,
                                              const std::string& carrier) const {
  std::vector<std::string> out;
  for (const auto& [upstream, session] : nodes.at(node).sessions) {
    const auto& carries = upstreams.at(upstream).carries;
    if (std::ranges::find(carries, carrier) != carries.end()) out.push_back(upstream);
  }
  return out;
}

}  // namespace anycast
