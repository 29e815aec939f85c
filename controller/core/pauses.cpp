#include "controller/core/pauses.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/core/damping.hpp"
#include "controller/core/guard_words.hpp"

namespace anycast::core {
namespace {

constexpr Duration kQuiet = hours{6};
constexpr Duration kSoon = hours{2};
constexpr Duration kEmergencyPause = minutes{5};

bool turns(const Step& step, const SessionState& session) {
  return (step.cause == Cause::carrier && session.cause == Cause::restore) ||
         (step.cause == Cause::restore && session.cause == Cause::carrier);
}

std::string nth(std::size_t times, const char* what) {
  return times > 1 ? fmt::format(", {} {} in a row", times, what) : std::string{};
}

/// Whether some carrier is to go the way back that the session's last step took it.
bool turns_back(const Context& context, const Step& step) {
  const auto last = context.state.previous.find(step.upstream);
  const auto before =
      last == context.state.previous.end() ? std::nullopt : parse_stance(last->second);
  if (!before) return false;
  return std::ranges::any_of(context.config.upstreams.at(step.upstream).carries,
                             [&](const std::string& carrier) {
                               const int here = handicap(step.from, carrier);
                               const int came = here - handicap(*before, carrier);
                               const int goes = handicap(step.to, carrier) - here;
                               return (came < 0 && goes > 0) || (came > 0 && goes < 0);
                             });
}

}  // namespace

Duration doubled(const Pause& pause, std::size_t times) {
  auto out = pause.after;
  for (std::size_t i = 1; i < times && out < pause.most; ++i) out *= 2;
  return std::min(out, std::max(pause.most, pause.after));
}

void append(std::vector<Time>& row, Time now, Duration quiet) {
  if (!row.empty() && now - row.back() > quiet) row.clear();
  row.push_back(now);
}

std::optional<GuardResult> reannounce(const Context& context, const Step& step) {
  const bool returns = !step.from.announces() && step.to.announces();
  const bool exempt = step.cause == Cause::startup || step.cause == Cause::undo;
  if (!returns || !automatic(step) || exempt) return std::nullopt;
  const auto& session = context.state.sessions.at(step.upstream);
  const auto times = std::max<std::size_t>(session.withdrawals.size(), 1);
  const auto pause = doubled(context.config.guards.reannounce, times);
  const auto until = session.since + pause;
  return decide(context.seen.now >= until, "reannounce",
                fmt::format("withdrawn at {}{}, returns after {}", format_clock(session.since),
                            nth(times, "withdrawals"), format_age(pause)),
                "guards.reannounce", until);
}

std::optional<GuardResult> reversal(const Context& context, const Step& step) {
  const auto& session = context.state.sessions.at(step.upstream);
  const bool prefers = context.config.policy.kind == Policy::Kind::prefer;
  const bool wanted = step.cause == Cause::carrier || step.cause == Cause::restore;
  if (prefers ? !wanted || !turns_back(context, step) : !turns(step, session)) return std::nullopt;
  // The plan has holds of its own; here only what swings for the third time is slowed down, since a
  // fault that ends turns its users back once and means nothing.
  const auto quiet = prefers ? kSoon : kQuiet;
  std::size_t times = prefers ? 0 : 1;
  auto later = context.seen.now;
  for (auto turn = session.reversals.rbegin(); turn != session.reversals.rend(); ++turn) {
    if (later - *turn > quiet) break;
    later = *turn;
    ++times;
  }
  times = std::max<std::size_t>(times, 1);
  auto pause = doubled(context.config.guards.reversal, times);
  // From when the users have got there.
  if (prefers) pause += kArrival;
  auto text = fmt::format("{} since {}{}, turns after {}", to_string(session.stance),
                          format_clock(session.since), nth(times, "turns"), format_age(pause));
  if (const auto urgent = emergency(context, step); urgent && pause > kEmergencyPause) {
    pause = kEmergencyPause;
    text += fmt::format(", shortened to {}: {}", format_age(pause), *urgent);
  }
  const auto until = session.since + pause;
  return decide(context.seen.now >= until, "reversal", std::move(text), "guards.reversal", until);
}

void note_move(const Step& step, Time now, SessionState& session) {
  if (removes(step) && automatic(step)) append(session.withdrawals, now, hours{24});
  if (turns(step, session)) append(session.reversals, now, kQuiet);
}

}  // namespace anycast::core
