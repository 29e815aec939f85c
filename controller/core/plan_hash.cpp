#include "controller/core/plan_hash.hpp"

#include <fmt/format.h>

#include "controller/base/text.hpp"

namespace anycast::core {

std::string plan_hash(const State& state, const Plan& plan) {
  std::string text;
  for (const auto& path : plan.paths) {
    text +=
        fmt::format("{} {} {}\n", to_string(path.key), to_string(path.state.verdict), path.blame);
  }
  for (const auto& [carrier, choice] : state.choices) {
    const auto name = [](const auto& place) {
      return place ? to_string(*place) : std::string{"-"};
    };
    text += fmt::format("{} {} {} {}\n", carrier, name(choice.primary), name(choice.secondary),
                        choice.since.time_since_epoch().count());
    for (const auto& [place, since] : choice.worse) text += place + "\n";
  }
  return hash64_hex(text).substr(0, 7);
}

}  // namespace anycast::core
