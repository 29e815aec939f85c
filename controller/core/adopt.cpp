#include "controller/core/adopt.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/core/choose.hpp"

namespace anycast::core {
namespace {

/// What a session says, read from what it exports. Prefixes that differ count as the least
/// attractive.
Stance stance_in_force(const Config& config, const SessionView& session) {
  Stance out{};
  for (const auto& entry : config.prefixes) {
    const auto found = std::ranges::find(session.exports, entry.prefix, &Export::prefix);
    Stance one{.kind = Stance::Kind::withdraw};
    if (found != session.exports.end()) {
      const auto prepends = static_cast<int>(found->as_path.size());
      const bool drained =
          std::ranges::find(found->communities, "65535:0") != found->communities.end();
      one = drained ? Stance{.kind = Stance::Kind::drain}
            : prepends > 0
                ? Stance{.kind = Stance::Kind::prepend, .prepend = std::min(prepends, 10)}
                : Stance{};
    }
    out = std::max(out, one);
  }
  return out;
}

SessionState adopted(const Config& config, const Seen& seen, const std::string& upstream) {
  const auto& sessions = seen.router.value->sessions;
  const auto found = sessions.find(upstream);
  const bool up = found != sessions.end() && found->second.up;
  SessionState out{.since = seen.now, .cause = Cause::startup};
  out.stance = up ? stance_in_force(config, found->second) : Stance{.kind = Stance::Kind::withdraw};
  out.rung = rung_of(config.policy, out.stance);
  out.why = up ? "adopted as found" : "session was down when it was adopted";
  return out;
}

/// Whether every session that is up says what the change was for.
bool says(const Config& config, const RouterView& router, const Pending& pending) {
  if (router.file_revision != pending.to_revision) return false;
  return std::ranges::all_of(pending.sessions, [&](const auto& entry) {
    const auto view = router.sessions.find(entry.first);
    return view == router.sessions.end() || !view->second.up ||
           stance_in_force(config, view->second) == entry.second.stance;
  });
}

}  // namespace

void adopt(const Config& config, const Seen& seen, State& state, std::vector<Event>& events) {
  const auto& wanted = config.me().sessions;
  std::erase_if(state.sessions, [&](const auto& entry) { return !wanted.contains(entry.first); });
  if (!seen.router.value) return;
  for (const auto& [upstream, session] : wanted) {
    if (const auto known = state.sessions.find(upstream); known != state.sessions.end()) {
      // While nothing is ours to change, what we say is whatever is said.
      const auto view = seen.router.value->sessions.find(upstream);
      const bool up = view != seen.router.value->sessions.end() && view->second.up;
      if (config.mode == Mode::observe && up)
        known->second.stance = stance_in_force(config, view->second);
      continue;
    }
    const auto& taken =
        state.sessions.emplace(upstream, adopted(config, seen, upstream)).first->second;
    events.push_back(
        {.kind = "adopted",
         .priority = 6,
         .text = fmt::format("adopted {} as {} on {}: {}; next: judged like any other", upstream,
                             state_word(taken.stance), config.self, taken.why),
         .upstream = upstream,
         .node = config.self,
         .to = to_string(taken.stance),
         .cause = "startup"});
  }
  state.adopted = true;
}

Leftover reconcile(const Config& config, const Seen& seen, State& state, std::vector<Event>& events,
                   std::vector<OrderReply>& replies) {
  if (!state.pending || !seen.router.value) return Leftover::none;
  const auto& router = *seen.router.value;
  const auto pending = *state.pending;
  const bool runs = router.revision == pending.to_revision;
  const bool waits =
      pending.confirm_by && runs && router.unconfirmed && seen.now < *pending.confirm_by;
  if (waits) return Leftover::none;
  // Killed between activation and confirm. To let the daemon go back and then do it again would
  // cost its peers three updates in place of one.
  const bool cut_short = runs && router.unconfirmed && !pending.confirm_by;
  if (cut_short && config.mode != Mode::observe)
    return says(config, router, pending) ? Leftover::confirm : Leftover::undo;
  state.pending.reset();
  if (runs && !router.unconfirmed) {
    state.sessions = pending.sessions;
    state.changes.push_back(seen.now);
    events.push_back(
        {.kind = "applied",
         .priority = 6,
         .text =
             "found the change that was under way in force and kept it; next: goes on from there"});
    return Leftover::none;
  }
  events.push_back(
      {.kind = "rolled-back",
       .priority = 4,
       .text = "a change that was under way was never confirmed and does not run; next: the plan "
               "is made anew from what is in force"});
  if (pending.order != 0) {
    replies.push_back(
        {pending.order, OrderReply::Outcome::failed, "the confirm window ended: taken back"});
  }
  return Leftover::none;
}

}  // namespace anycast::core
