#pragma once

#include <map>
#include <optional>
#include <vector>

#include "controller/sim/baselines.hpp"

namespace anycast::sim {

/// Compares what a rule does with what really happens on the paths, which no rule knows.
class Watch {
 public:
  explicit Watch(const Fixture& fixture);
  /// After the rule has had its say for the tick.
  void look(const Scene& scene);
  /// Faults that are under way still count as they stand.
  Answers answers() const;

 private:
  struct Fault {
    std::int64_t since;
    PathNo path;
    bool answered = false;
  };
  void judge(std::size_t carrier, const std::vector<double>& scores, const Scene& scene);
  /// Whether an update left.
  bool note_updates(const Scene& scene);
  void note_emergencies(const Scene& scene);
  bool urgent(std::size_t carrier, std::int64_t tick) const;
  void close(const Fault& fault, std::int64_t tick, Answers& out) const;

  const Fixture& fixture_;
  std::vector<std::optional<Fault>> faults_;  ///< [carrier], under way
  std::vector<std::int64_t> last_worse_;      ///< [path]: tick when a better one was there
  std::vector<std::int64_t> last_lost_;       ///< [carrier]: when its users lost over a tenth
  std::vector<std::optional<PathNo>> paths_;  ///< [carrier]
  int back_ = 0;                              ///< Routing::back_and_forth
  std::map<Link, Stance> said_;
  std::int64_t tick_ = 0;
  Answers answers_;
};

}  // namespace anycast::sim
