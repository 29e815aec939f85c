#include "controller/core/plan_hash.hpp"

#include <string>

#include "controller/base/text.hpp"

namespace anycast::core {
namespace {

void add(std::string& text, const std::optional<SessionKey>& place) {
  text += ' ';
  if (place) text.append(place->node) += '/';
  if (place) text += place->upstream;
}

}  // namespace

std::string plan_hash(const State& state, const Plan& plan) {
  std::string text;
  for (std::size_t i = 0; i < plan.paths.size(); ++i) {
    const auto& path = plan.paths[i];
    // Most paths are well on most cycles, and silence says it.
    if (path.state.verdict == Verdict::ok && path.blame.empty()) continue;
    text.append(std::to_string(i)) += ' ';
    text.append(to_string(path.state.verdict)) += ' ';
    text.append(path.blame) += '\n';
  }
  for (const auto& [carrier, choice] : state.choices) {
    text += carrier;
    add(text, choice.primary);
    add(text, choice.secondary);
    text += ' ';
    text.append(std::to_string(choice.since.time_since_epoch().count())) += '\n';
    for (const auto& [place, since] : choice.worse) text.append(place) += '\n';
  }
  return hash64_hex(text).substr(0, 7);
}

}  // namespace anycast::core
