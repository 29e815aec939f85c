#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/meters.hpp"
#include "controller/core/step_of_many.hpp"
#include "controller/sim/probes.hpp"
#include "controller/sim/recording.hpp"
#include "controller/sim/routing.hpp"

namespace anycast::sim {

/// What a node's controller gets from its Prometheus.
struct Answer {
  std::optional<Error> error = {};  ///< instead of any answer
  bool partial = false;             ///< with a warning
  bool empty = false;               ///< no series at all
  Duration late = {};               ///< samples come so much after they were taken
  bool fleet_unknown = false;       ///< without the nodes' own metrics
  bool vip_only = false;            ///< nothing but pings of the anycast address
  enum class Scrapes { all, even, odd } scrapes = Scrapes::all;  ///< that the server has
  bool operator==(const Answer&) const = default;
};

/// The controllers of a fleet, the production core in each: what core::step wants is done by a
/// routing daemon that does what it is told, and core::settle hears of it.
class Pilot {
 public:
  explicit Pilot(const core::Setup& setup);

  /// One interval at `now`: every node runs one cycle, in order of names. All act on what the
  /// others published before.
  void cycle(const Probes& probes, Routing& routing, Time now);
  /// Writes down what its node goes through from now on; has to live as long.
  void record(Recording& recording) { recording_ = &recording; }

  struct Node {
    std::string name;
    std::shared_ptr<const core::Setup> setup;
    State state = {};
    RouterView router = {.kind = "bird"};
    Answer answer = {};
    Duration ahead = {};             ///< of its clock
    bool refuses = false;            ///< its routing daemon takes nothing
    std::vector<Order> orders = {};  ///< for the next cycle
    std::map<std::string, Sourced<OriginView>> origins = {};
    std::string plan_hash = {};  ///< of the last cycle
    std::optional<Time> changed = {};
    std::vector<Event> events = {};  ///< of the last cycle
    core::Rendered rendered = {};
  };
  std::vector<Node>& nodes() { return nodes_; }
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  /// Readings shared by the nodes that get the same samples at the same time.
  struct Eye {
    Answer answer;
    Duration ahead;
    core::Meters meters;
    Evidence evidence = {};
    Time seen;
    Seen look = {};                              ///< without the node's own
    std::optional<core::Judgement> survey = {};  ///< of `look`, once somebody has asked
    Time fleet_asked = {};                       ///< the cycle of `look.fleet`
  };
  Eye& eye(const Node& node, const Probes& probes, Time now);
  /// Opens the eye at what its clock says.
  static void look(Eye& eye, const Config& config, const Probes& probes, Time now);
  void act(Node& node, Eye& eye, Routing& routing, Time now);
  /// What is written down of this cycle, as far as it is known before anything is done.
  std::optional<Published> picture(const Node& node, const Eye& eye, const core::Thought& thought);
  void keep(const Node& node, std::optional<Published> picture, const Outcome& outcome);
  FleetView published(Time now) const;

  std::vector<std::string> counters_;  ///< of the prefixes
  std::vector<Node> nodes_;
  std::vector<Eye> eyes_;
  Recording* recording_ = nullptr;
  std::uint64_t recorded_ = 0;  ///< cycles of the node that is recorded
};

}  // namespace anycast::sim
