#include "controller/core/plan_hash.hpp"

#include <string>

#include "controller/base/text.hpp"

namespace anycast::core {

std::string plan_hash(const State& state, const Plan& plan) {
  // Most paths are well on most cycles: that so many are known says as much of them.
  auto text = std::to_string(plan.paths.size()) + '\n';
  for (const auto& path : plan.paths) {
    if (path.state.verdict == Verdict::ok && path.blame.empty()) continue;
    const auto& key = path.key;
    for (const auto* name : {&key.node, &key.upstream}) text.append(*name) += '/';
    text.append(key.carrier) += ' ';
    text.append(to_string(path.state.verdict)) += ' ';
    text.append(path.blame) += '\n';
  }
  const auto name = [](const auto& place) { return place ? to_string(*place) : std::string{"-"}; };
  for (const auto& [carrier, choice] : state.choices) {
    for (const auto& word : {carrier, name(choice.primary), name(choice.secondary)})
      text.append(word) += ' ';
    text.append(std::to_string(choice.since.time_since_epoch().count())) += '\n';
    for (const auto& [place, since] : choice.worse) text.append(place) += '\n';
  }
  return hash64_hex(text).substr(0, 7);
}

}  // namespace anycast::core
