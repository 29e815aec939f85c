#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/app/line.hpp"
#include "controller/sim/recording.hpp"
#include "controller/sim/world.hpp"

namespace anycast::sim {

/// What a node's routing daemon starts with: everything announced, nothing added.
Fragment boot_fragment(const core::Setup& setup);

/// A routing daemon that does what a good one does: runs a fragment, exports by it, goes back
/// unless confirmed. Its sessions are always up unless told otherwise.
class Speaker : public RouteSpeaker {
 public:
  Speaker(const Config& config, Fragment boot);
  Result<RouterView> in_force() override;
  Result<void> check(const Fragment& fragment) override;
  Result<void> apply(const Fragment& fragment, Duration probation) override;
  Result<void> confirm() override;
  Result<void> undo() override;
  Result<void> silence(const Fragment& withdrawn) override;

  std::optional<Error> away = {};     ///< answers nothing but this
  std::optional<Error> refuses = {};  ///< refuses every fragment
  int changes = 0;                    ///< fragments taken

 private:
  const Config& config_;
  Fragment running_;
  std::optional<Fragment> before_;
};

/// One node of a simulated fleet with the production line inside.
class SimNode;

/// A whole fleet on a virtual clock.
class SimFleet {
 public:
  /// `setup` serves all nodes; each gets a copy with its own `self`. Every node starts announced
  /// plainly.
  SimFleet(const core::Setup& setup, World& world, Time start);
  ~SimFleet();

  /// One interval: every node runs one cycle, in order of names.
  void tick();
  Time now() const { return now_; }
  const World::Announced& announced() const { return announced_; }
  const Published& published(const std::string& node) const;
  Speaker& speaker(const std::string& node);
  /// Writes down what its node goes through from now on; has to live as long.
  void record(Recording& recording);
  void order(const std::string& node, Order order);
  const std::vector<OrderReply>& replies(const std::string& node) const;

  std::optional<Error> prometheus_away = {};
  bool fleet_unknown = false;  ///< Prometheus has lost the nodes' own metrics
  /// Journal lines since the last call, oldest first, each with its time.
  std::vector<std::pair<Time, Event>> take_events();

 private:
  friend class SimNode;
  World& world_;
  Time now_;
  World::Announced announced_;
  std::vector<std::pair<Time, Event>> events_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  Evidence evidence_ = {.at = {}};  ///< of this tick, the same for every node
};

}  // namespace anycast::sim
