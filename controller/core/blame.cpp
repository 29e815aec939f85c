#include "controller/core/blame.hpp"

#include <map>
#include <string>

namespace anycast::core {

void blame(std::vector<PathReport>& paths) {
  std::map<std::string, int> good;
  for (const auto& path : paths) {
    const auto verdict = path.state.verdict;
    if (verdict == Verdict::ok || verdict == Verdict::warn) ++good[path.key.carrier];
  }
  for (auto& path : paths) {
    if (path.state.verdict != Verdict::bad) continue;
    path.blame = good[path.key.carrier] == 0 ? "border" : "path";
  }
}

}  // namespace anycast::core
