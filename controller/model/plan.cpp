#include "controller/model/plan.hpp"

#include <algorithm>

namespace anycast {

std::string to_string(Measure measure) {
  switch (measure) {
    case Measure::rtt: return "rtt";
    case Measure::loss: return "loss";
    case Measure::jitter: return "jitter";
  }
  return "?";
}

bool Step::allowed() const {
  return std::ranges::all_of(guards, [](const GuardResult& g) { return g.passed; });
}

std::optional<Time> Step::earliest() const {
  std::optional<Time> latest;
  for (const auto& guard : guards) {
    if (guard.passed || !guard.earliest) continue;
    latest = std::max(latest.value_or(*guard.earliest), *guard.earliest);
  }
  return latest;
}

}  // namespace anycast
