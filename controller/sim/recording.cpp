#include "controller/sim/recording.hpp"

#include <algorithm>

#include "controller/app/report_series.hpp"

namespace anycast::sim {

Result<void> Recording::save(const State& /*state*/, Time at, const std::vector<Event>& events) {
  const auto& marked = report::marked_kinds();
  for (const auto& event : events) {
    if (std::ranges::find(marked, event.kind) != marked.end()) acted_ = true;
    events_.emplace_back(at, event);
  }
  return {};
}

Result<std::vector<HistoryEntry>> Recording::history(const HistoryQuery& /*query*/) {
  return std::vector<HistoryEntry>{};
}

Result<void> Recording::keep(std::uint64_t decision, Time /*at*/, const std::string& explanation) {
  explanations_.insert_or_assign(decision, explanation);
  return {};
}

Result<std::optional<std::string>> Recording::explanation(std::uint64_t decision) {
  const auto found = explanations_.find(decision);
  if (found == explanations_.end()) return std::nullopt;
  return std::optional{found->second};
}

void Recording::hear(const Evidence& evidence) {
  plots_.feed(evidence);
  const auto closed = plots_.closed();
  points_.insert(points_.end(), closed.begin(), closed.end());
}

bool Recording::due(Time now) const {
  if (moments_.empty() || every_ == Duration{0}) return true;
  return (now - moments_.begin()->first) % every_ == Duration{0};
}

void Recording::take(std::shared_ptr<const Published> picture) {
  const auto now = picture->now;
  const bool acted = std::exchange(acted_, false);
  if (!acted && !due(now)) return;
  if (acted) marked_.insert(now);
  moments_.insert_or_assign(now, std::move(picture));
  while (moments_.size() > kMost) thin();
}

void Recording::thin() {
  const auto interval = moments_.begin()->second->config->prometheus.interval;
  every_ = std::max(2 * every_, 2 * interval);
  const auto before = moments_.size();
  std::erase_if(moments_, [&](const auto& moment) {
    return !due(moment.first) && !marked_.contains(moment.first);
  });
  if (moments_.size() < before) return;
  // Nothing but deeds is left: every second has to do.
  bool odd = false;
  std::erase_if(moments_, [&](const auto&) { return std::exchange(odd, !odd); });
}

}  // namespace anycast::sim
