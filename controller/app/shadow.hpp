#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/app/published.hpp"
#include "controller/core/meters.hpp"
#include "controller/core/step.hpp"

namespace anycast {

/// A second configuration on the evidence of the one in force. In each cycle it is judged by the
/// same pure core, in mode auto, with a state of its own and a routing daemon that runs what it
/// would have been handed. Nothing leaves it but a view and lines for the history, and whatever
/// goes wrong in it ends only itself.
///
/// It begins with the state of the configuration in force, and goes on over a reload. What people
/// order (drain, freeze, pins) and what steps in force have taught holds for it too. It cannot know
/// what its own steps would have done for the users: pings of the anycast address went where BGP
/// then led them, so it does not look at them.
class Shadow {
 public:
  /// The shadow that a configuration names, whether it could be loaded or not. It goes on where
  /// `before` is.
  static std::optional<Shadow> of(const core::Setup& live, std::optional<Shadow> before);

  /// What a source has answered to the line.
  void hear(const Evidence& evidence);
  /// A cycle with what the line has seen in it, and the state it came to; what the shadow would
  /// have done is appended to `events`.
  void think(const Seen& seen, const State& live, std::vector<Event>& events);
  const ShadowView& view() const { return view_; }

 private:
  Shadow(std::shared_ptr<const core::Setup> setup, std::string file, std::string fault);
  const Config& config() const { return setup_->config; }
  void begin(const Seen& seen, const State& live, std::vector<Event>& events);
  void follow(const State& live);
  Seen see(const Seen& seen) const;
  void cycle(const Seen& seen, const State& live, std::vector<Event>& events);
  void show(const Plan& plan, const State& live);

  std::shared_ptr<const core::Setup> setup_;  ///< null where it could not be loaded
  std::optional<core::Meters> meters_ = {};
  core::Rendered rendered_ = {};
  State state_ = {};
  std::optional<Fragment> runs_ = {};  ///< what the daemon would run
  ShadowView view_ = {};
  bool told_ = false;  ///< that it is judged, or why not
};

}  // namespace anycast
