#pragma once

#include <memory>
#include <vector>

#include "controller/app/observe.hpp"
#include "controller/app/published.hpp"
#include "controller/app/shadow.hpp"
#include "controller/core/meters.hpp"
#include "controller/core/step.hpp"

namespace anycast {

/// Why a cycle begins.
enum class Wake {
  due,    ///< its time has come, or a person has asked for something
  local,  ///< something of this node's has changed: there is no time to ask for evidence anew
};

/// seen -> thought -> done -> proof -> state, once per call.
class Line {
 public:
  Line(std::shared_ptr<const core::Setup> setup, State state, Time started);

  void take(std::shared_ptr<const core::Setup> setup, Time now);
  /// One cycle; replies to orders are appended to `replies`. A local wake thinks with the evidence
  /// of the last cycle, and asks this host's own sources only.
  std::shared_ptr<Published> cycle(const Ports& ports, std::vector<Order> orders,
                                   std::vector<OrderReply>& replies, Wake wake = Wake::due);
  /// When the next cycle is due: on a multiple of the interval, or of the fast one while a change
  /// is pending (`core::pending`).
  Time next(Time now) const;
  const State& state() const { return state_; }
  const Config& config() const { return setup_->config; }
  /// Whether what was heard last could stand in for an answer that nobody waits for.
  bool remembers() const { return heard_ && heard_->fleet.value; }

 private:
  Seen observe_again(const Ports& ports, std::vector<Order> orders) const;
  Seen observe_all(const Ports& ports, std::vector<Order> orders);
  struct Done {
    Outcome outcome;
    std::vector<Event> events = {};
    std::optional<OrderReply> reply = {};
  };
  /// `hand_over` with what the kernel has to do before and after it.
  Done carry_out(const Ports& ports, core::Thought& thought, Seen& seen);
  /// Into Keepalived's track file.
  void track(const Ports& ports, const Plan& plan, std::vector<Event>& events);
  Outcome hand_over(const Ports& ports, const core::Thought& thought, Sourced<RouterView>& router);
  void record(const Ports& ports, const State& state, Time at, const std::vector<Event>& events);
  /// Keeps what led to the steps that were taken, for `explain --decision`.
  void keep(const Ports& ports, const Published& published, const Outcome& outcome);
  void count(const core::Thought& thought, const std::vector<Event>& events,
             const Outcome& outcome);

  std::shared_ptr<const core::Setup> setup_;
  core::Meters meters_;
  std::optional<Shadow> shadow_ = {};
  core::Rendered rendered_ = {};
  State state_;
  Time started_;
  Time loaded_;
  Time last_ = {};
  std::optional<Seen> heard_ = {};  ///< evidence and fleet, as the last due cycle had them
  bool hurried_ = false;            ///< as the last cycle has left it
  Counters counters_;
  std::optional<ApplyOutcome> last_apply_;
  std::vector<std::string> inside_faults_ = {};  ///< of the last cycle
  std::string track_fault_ = {};                 ///< of the last cycle
  std::optional<Error> store_error_ = {};        ///< of the last time that something was saved
};

}  // namespace anycast
