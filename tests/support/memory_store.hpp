#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/ports/ports.hpp"

namespace anycast {

/// A Store that lasts as long as the object; passes tests/contract/sqlite.
class MemoryStore final : public Store {
 public:
  Result<std::optional<State>> load() override { return state_; }

  Result<void> save(const State& state, Time at, const std::vector<Event>& events) override {
    if (broken_) return tl::unexpected(*broken_);
    state_ = state;
    for (const auto& event : events) entries_.push_back({.row = ++rows_, .at = at, .event = event});
    std::erase_if(entries_, [&](const auto& entry) { return entry.at < at - keep_; });
    std::erase_if(explanations_, [&](const auto& one) { return one.second.first < at - keep_; });
    return {};
  }

  Result<std::vector<HistoryEntry>> history(const HistoryQuery& query) override {
    std::vector<HistoryEntry> found;
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (static_cast<int>(found.size()) >= query.limit) break;
      if (matches(*entry, query)) found.push_back(*entry);
    }
    return found;
  }

  Result<void> keep(std::uint64_t decision, Time at, const std::string& explanation) override {
    if (broken_) return tl::unexpected(*broken_);
    explanations_[decision] = {at, explanation};
    return {};
  }

  Result<std::optional<std::string>> explanation(std::uint64_t decision) override {
    const auto found = explanations_.find(decision);
    if (found == explanations_.end()) return std::nullopt;
    return found->second.second;
  }

  /// Every save fails with this from now on; none: they work again.
  void break_with(std::optional<Error> error) { broken_ = std::move(error); }

 private:
  static bool matches(const HistoryEntry& entry, const HistoryQuery& query) {
    const auto wanted = [](const std::string& asked, const std::string& found) {
      return asked.empty() || asked == found;
    };
    return entry.row > query.after_row && (!query.since || entry.at >= *query.since) &&
           (!query.until || entry.at < *query.until) &&
           wanted(query.upstream, entry.event.upstream) &&
           wanted(query.carrier, entry.event.carrier) && wanted(query.kind, entry.event.kind) &&
           (query.decision == 0 || query.decision == entry.event.decision);
  }

  Duration keep_ = hours{24 * 400};
  std::optional<State> state_;
  std::vector<HistoryEntry> entries_;
  std::map<std::uint64_t, std::pair<Time, std::string>> explanations_;
  std::int64_t rows_ = 0;
  std::optional<Error> broken_;
};

}  // namespace anycast
