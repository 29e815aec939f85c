#include "controller/core/adopt.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/core/choose.hpp"
#include "controller/core/damping.hpp"
#include "controller/core/said.hpp"
#include "controller/render/fragment.hpp"
#include "controller/render/fragment_text.hpp"

namespace anycast::core {
namespace {

/// What a session says, so that nothing that is announced is taken away by taking over: where only
/// some of its prefixes are, as with one that was just added to the file, it counts as announcing.
/// Hosts that it drops are no announcement.
Stance as_found(const Config& config, const std::string& upstream, std::vector<Export> exports) {
  std::erase_if(exports, [&](const Export& route) { return is_blackhole(config, route.prefix); });
  auto out = said(config, upstream, exports);
  if (out.announces() || exports.empty()) return out;
  out = {};
  for (const auto& route : exports) out = std::max(out, said(config.upstreams.at(upstream), route));
  return out;
}

SessionState adopted(const Config& config, const Seen& seen, const std::string& upstream) {
  const auto& router = *seen.router.value;
  const auto view = router.sessions.find(upstream);
  SessionState out{
      .stance = {.kind = Stance::Kind::withdraw}, .since = seen.now, .cause = Cause::startup};
  out.why = "session was down when it was adopted";
  if (view != router.sessions.end() && view->second.up) {
    out.stance = as_found(config, upstream, view->second.exports);
    out.why = "adopted as found";
  } else if (const auto exports = exports_once_up(config, router, upstream)) {
    out.stance = as_found(config, upstream, *exports);
    out.why = "session is down, adopted as the fragment says";
  }
  out.rung = rung_of(config.policy, out.stance);
  return out;
}

/// Whether every session that is up says what the change was for.
bool says(const Config& config, const RouterView& router, const Pending& pending) {
  if (router.file_revision != pending.to_revision) return false;
  return std::ranges::all_of(pending.sessions, [&](const auto& entry) {
    const auto view = router.sessions.find(entry.first);
    return view == router.sessions.end() || !view->second.up ||
           said(config, entry.first, view->second.exports) == entry.second.stance;
  });
}

}  // namespace

std::optional<std::vector<Export>> exports_once_up(const Config& config, const RouterView& router,
                                                   const std::string& upstream) {
  if (!router.revision || router.revision != router.file_revision) return std::nullopt;
  const auto text = render::parse_fragment(config.router.kind, router.fragment);
  if (!text) return std::nullopt;
  const auto filter =
      text->filters.find(render::filter_name(config.me().sessions.at(upstream).protocol));
  if (filter == text->filters.end()) return std::nullopt;
  return filter->second;
}

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
        known->second.stance = said(config, upstream, view->second.exports);
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
    state.egress = pending.egress;
    state.changes.push_back(seen.now);
    events.push_back(
        {.kind = "applied",
         .priority = 6,
         .text =
             "found the change that was under way in force and kept it; next: goes on from there"});
    return Leftover::none;
  }
  charge(config, seen.now, pending.charges, state);
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
