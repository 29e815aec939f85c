#pragma once

#include <cstdint>
#include <string>

#include "controller/app/trace.hpp"
#include "controller/core/step.hpp"
#include "controller/sim/recording.hpp"

namespace anycast::sim {

/// Whether an event belongs into a transcript, and its line there, without a line break.
bool worth_a_line(const Event& event);
std::string transcript_line(Time at, const std::string& node, const Event& event);

/// What a fleet would have done over a recorded span.
struct Replayed {
  /// A line for each thing that a person would have read, in the order of time, then of nodes.
  std::string transcript = {};
  std::uint64_t plans = 0;
  std::string digest = {};  ///< of all plans, word by word, in order
  int steps = 0;
};

/// Plays the trace through the production line of every node of the configuration, in mode auto, on
/// a virtual clock, each with a routing daemon that does what it is told. Every node begins with
/// plain announcements. The same trace and configuration give the same bytes on every machine.
///
/// The samples are taken as they were: probes did not see what would have been announced here. Of
/// pings of the anycast address that would be a lie, since they went where BGP then led them, so
/// those are left out. With a recording, what its node saw and decided is kept there.
Result<Replayed> replay(const core::Setup& setup, TraceSource& trace,
                        Recording* recording = nullptr);

}  // namespace anycast::sim
