#pragma once

#include <string>
#include <vector>

#include "controller/core/context.hpp"
#include "controller/core/guard_words.hpp"

namespace anycast::core {

/// What all who were asked make of a prefix: the worst word of those whose data may still be used;
/// unknown where there is none.
OriginReport origin_of(const Config& config, const Seen& seen, const AnycastPrefix& prefix);

/// Guard "origin": a session that announces nothing yet begins only with what ROAs authorise, or
/// what no ROA covers where `rpki.allow_not_found` says so. An order that is forced goes beyond
/// what is not found or unknown, never beyond what is invalid. What is announced already is none of
/// its business.
Word origin(const Context& context, const Step& step);

/// The same of a fragment as a whole, which can begin an announcement without a step that was
/// taken: a prefix that is new in the configuration, a daemon that was started anew. A sentence for
/// each prefix that may not begin.
std::vector<std::string> may_not_begin(const Context& context, const std::vector<Step>& steps,
                                       const Fragment& fragment);

/// Fills in the plan's origins, notices and events, and remembers what has changed. Nothing is
/// withdrawn because of it.
void note_origins(const Config& config, const Seen& seen, State& state, Plan& plan);

}  // namespace anycast::core
