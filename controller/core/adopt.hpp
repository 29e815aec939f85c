#pragma once

#include "controller/core/context.hpp"

namespace anycast::core {

/// Brings `state.sessions` in line with the configuration and, the first time the routing daemon
/// answers, with what it exports: what is in force is taken over, nothing is removed.
void adopt(const Config& config, const Seen& seen, State& state, std::vector<Event>& events);

/// What the running fragment would make a session export once it is up; nothing where it is not the
/// text in the file.
std::optional<std::vector<Export>> exports_once_up(const Config& config, const RouterView& router,
                                                   const std::string& upstream);

/// How to answer the daemon's open question: a change of ours that a kill left on probation.
enum class Leftover { none, confirm, undo };

/// Decides what became of a change that was written down and not settled: a kill in between, or a
/// person's confirm window that has ended. What is still on probation stays pending until it is
/// answered.
Leftover reconcile(const Config& config, const Seen& seen, State& state, std::vector<Event>& events,
                   std::vector<OrderReply>& replies);

}  // namespace anycast::core
