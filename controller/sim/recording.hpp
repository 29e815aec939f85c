#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/app/plots.hpp"
#include "controller/app/published.hpp"
#include "controller/ports/ports.hpp"

namespace anycast::sim {

/// What one node of a simulated fleet saw, decided and wrote down, for who looks at it afterwards.
/// Its line writes here what a daemon's writes into its history. However long the run is, at most
/// `kMost` moments stay: all of them at first, then every second, every fourth and so on, and each
/// at which something was done.
class Recording final : public Store {
 public:
  explicit Recording(std::string node) : node_{std::move(node)} {}
  static constexpr std::size_t kMost = 4'000;

  const std::string& node() const { return node_; }

  Result<std::optional<State>> load() override { return std::nullopt; }
  Result<void> save(const State& state, Time at, const std::vector<Event>& events) override;
  /// Nothing: the line does not ask.
  Result<std::vector<HistoryEntry>> history(const HistoryQuery& query) override;
  Result<void> keep(std::uint64_t decision, Time at, const std::string& explanation) override;
  Result<std::optional<std::string>> explanation(std::uint64_t decision) override;

  /// What the node's cycle was told.
  void hear(const Evidence& evidence);
  /// Whether a cycle is kept in which nothing is done.
  bool due(Time now) const;
  /// The picture after a cycle, after what it has written.
  void take(std::shared_ptr<const Published> picture);

  using Moments = std::map<Time, std::shared_ptr<const Published>>;
  const Moments& moments() const { return moments_; }
  const std::vector<std::pair<Time, Event>>& events() const { return events_; }
  const std::map<std::uint64_t, std::string>& explanations() const { return explanations_; }
  const std::vector<PlotRecord>& points() const { return points_; }

 private:
  void thin();

  std::string node_;
  Moments moments_;
  std::set<Time> marked_;  ///< moments at which something was done
  Duration every_ = {};    ///< between moments in which nothing is done; 0: all
  bool acted_ = false;     ///< since the last picture
  std::vector<std::pair<Time, Event>> events_;
  std::map<std::uint64_t, std::string> explanations_;
  Plots plots_;
  std::vector<PlotRecord> points_;
};

}  // namespace anycast::sim
