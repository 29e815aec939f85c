#include "controller/core/damping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "controller/base/number.hpp"
#include "controller/base/text.hpp"
#include "controller/core/estimate.hpp"
#include "controller/core/felt.hpp"
#include "controller/core/guard_words.hpp"

namespace anycast::core {
namespace {

/// 2^-(1/2), 2^-(1/4), ... 2^-(1/65536) in units of 2^-32, rounded up.
constexpr std::array<std::uint64_t, 16> kRoots = {
    3037000500, 3611622603, 3938502376, 4112874774, 4202935004, 4248701965, 4271771997, 4283353946,
    4289156691, 4292061010, 4293513907, 4294240540, 4294603903, 4294785596, 4294876445, 4294921871};
constexpr std::int64_t kMilli = 1'000;
constexpr Ppm kEmergencyLoss = 100'000;

/// Nobody keeps more than this (RFC 7196 recommends a maximum of 50,000).
constexpr std::int64_t kMost = 50'000 * kMilli;

std::vector<Export> of(const std::vector<Export>& exports, const Prefix& prefix) {
  std::vector<Export> out;
  std::ranges::copy_if(exports, std::back_inserter(out),
                       [&](const Export& e) { return e.prefix == prefix; });
  return out;
}

int difference(const std::vector<Export>& before, const std::vector<Export>& after) {
  if (before == after) return 0;
  if (after.empty()) return kWithdrawal;
  return before.empty() ? kReturn : kAttribute;
}

Penalty penalty_of(const State& state, const std::string& counter) {
  const auto found = state.penalties.find(counter);
  return found == state.penalties.end() ? Penalty{} : found->second;
}

/// Milliseconds into the day, of "11:41:58.238" or "2026-11-27T11:41:58.000Z".
std::optional<std::int64_t> time_of_day(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon < 2) return std::nullopt;
  text.remove_prefix(colon - 2);
  if (text.size() < 8) return std::nullopt;
  const auto hour = parse_number<int>(text.substr(0, 2));
  const auto minute = parse_number<int>(text.substr(3, 2));
  const auto second = parse_number<int>(text.substr(6, 2));
  const auto millis = text.size() < 12 ? 0 : parse_number<int>(text.substr(9, 3)).value_or(0);
  if (!hour || !minute || !second) return std::nullopt;
  return ((*hour * 60LL + *minute) * 60 + *second) * 1000 + millis;
}

/// How one counter stands and what the step would make of it.
struct Account {
  std::string counter;
  int now = 0;        ///< points, of the whole fleet where that counts
  int elsewhere = 0;  ///< of them, other nodes' by their own word
  int unknown = 0;    ///< nodes that did not say
  int added = 0;
  Penalty penalty = {};  ///< as of now

  int peak() const { return now + added; }
};

/// Adds what the other nodes say of their own updates to the prefix; to a session they add nothing.
void add_others(const Context& context, Account& account) {
  const auto& fleet = context.seen.fleet.value;
  for (const auto& [node, entry] : context.config.nodes) {
    if (node == context.config.self) continue;
    const auto view = fleet ? fleet->find(node) : FleetView::const_iterator{};
    const bool there =
        fleet && view != fleet->end() && view->second.penalty.contains(account.counter);
    if (there) account.elsewhere += view->second.penalty.at(account.counter);
    if (!there) ++account.unknown;
  }
}

Account account(const Context& context, const Step& step, const std::string& counter) {
  const auto now = context.seen.now;
  const auto half_life = context.config.guards.damping.half_life;
  const auto own = decayed(penalty_of(context.state, counter), now, half_life);
  Account out{.counter = counter};
  if (counter != step.upstream) add_others(context, out);
  out.penalty = {.milli = own + out.elsewhere * kMilli, .at = now};
  out.now = points(out.penalty, now, half_life);
  const auto spent = context.spent.find(counter);
  out.added = std::max(cost(step.from, step.to), spent == context.spent.end() ? 0 : spent->second);
  return out;
}

/// "203.0.113.0/24: penalty 620 (500 of other nodes) + 500 -> 1120 of 1000".
std::string figures(const Account& account, int limit) {
  auto out = fmt::format("{}: penalty {}", account.counter, account.now);
  if (account.elsewhere > 0) out += fmt::format(" ({} of other nodes)", account.elsewhere);
  out += fmt::format(" + {} -> {} of {}", account.added, account.peak(), limit);
  if (account.unknown > 0) out += fmt::format(", that of {} nodes unknown", account.unknown);
  return out;
}

/// Whether a path's loss reaches the carrier's users, by their own pings: surely, and still. Where
/// there are none it is taken to.
bool reaches_users(const Context& context, const std::string& carrier) {
  const auto now = felt(context.config, context.seen, carrier);
  if (!now.fast) return true;
  const auto fast = loss_interval(now.fast->lost, now.fast->sent);
  const bool lately =
      now.main && loss_interval(now.main->lost, now.main->sent).low > kEmergencyLoss;
  return fast.value > kEmergencyLoss && (lately || fast.low > kEmergencyLoss);
}

bool forced(const Context& context, const Step& step) {
  if (automatic(step)) return context.forced && context.person_applies;
  const auto& pin = context.state.sessions.at(step.upstream).pin;
  return context.forced || (context.state.drain && context.state.drain->force) ||
         (pin && pin->force);
}

}  // namespace

bool same_session(const std::string& before, const std::string& now) {
  // A daemon that shows old times by their date changes the text of one that stays up.
  if (before == now || before.size() != now.size()) return true;
  // Both daemons add how long it is up to a clock of another kind: the sum moves, BIRD's by its
  // last digit and bgpd's by a second. Nothing comes back within one.
  const auto was = time_of_day(before);
  const auto is = time_of_day(now);
  if (!was || !is) return false;
  constexpr std::int64_t kDay = 86'400'000;
  constexpr std::int64_t kMoves = 1000;
  const auto apart = std::abs(*was - *is);
  return std::min(apart, kDay - apart) <= kMoves;
}

int cost(const Stance& from, const Stance& to) {
  if (from == to) return 0;
  if (!to.announces()) return kWithdrawal;
  return from.announces() ? kAttribute : kReturn;
}

std::int64_t decayed(const Penalty& penalty, Time now, Duration half_life) {
  if (now <= penalty.at || penalty.milli <= 0) return penalty.milli;
  const auto span = now - penalty.at;
  const auto halvings = span / half_life;
  if (halvings >= 40) return 0;
  auto value = static_cast<std::uint64_t>(penalty.milli);
  value = (value + (std::uint64_t{1} << halvings) - 1) >> halvings;
  const auto rest = static_cast<std::uint64_t>((span % half_life).count());
  const auto fraction = rest * 65'536 / static_cast<std::uint64_t>(half_life.count());
  for (std::size_t i = 0; i < kRoots.size(); ++i) {
    if ((fraction >> (15 - i) & 1U) == 0) continue;
    value = (value * kRoots.at(i) + 0xFFFF'FFFFU) >> 32U;
  }
  return static_cast<std::int64_t>(value);
}

int points(const Penalty& penalty, Time now, Duration half_life) {
  const auto milli = decayed(penalty, now, half_life);
  return milli < kMilli ? 0 : static_cast<int>((milli + kMilli - 1) / kMilli);
}

Time falls_to(const Penalty& penalty, int allowed, Duration half_life) {
  std::int64_t low = 0;
  std::int64_t high = 40 * half_life / seconds{1} + 1;
  while (low < high) {
    const auto middle = (low + high) / 2;
    if (points(penalty, penalty.at + seconds{middle}, half_life) <= allowed) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return penalty.at + seconds{low};
}

std::vector<std::string> counters(const Config& config, const std::string& upstream) {
  std::vector<std::string> out{upstream};
  const auto family = config.me().sessions.at(upstream).neighbor.family;
  for (const auto& entry : config.prefixes) {
    if (entry.prefix.address.family == family) out.push_back(to_string(entry.prefix));
  }
  return out;
}

Charges charges(const Config& config, const RouterView& router, const Fragment& fragment) {
  Charges out;
  for (const auto& [upstream, view] : router.sessions) {
    const auto wanted = fragment.exports.find(upstream);
    if (!view.up || wanted == fragment.exports.end()) continue;
    for (const auto& entry : config.prefixes) {
      const int one = difference(of(view.exports, entry.prefix), of(wanted->second, entry.prefix));
      if (one == 0) continue;
      for (const auto& counter : {upstream, to_string(entry.prefix)})
        out[counter] = std::max(out[counter], one);
    }
  }
  return out;
}

void charge(const Config& config, Time now, const Charges& charges, State& state) {
  const auto half_life = config.guards.damping.half_life;
  for (const auto& [counter, added] : charges) {
    const auto left = decayed(penalty_of(state, counter), now, half_life);
    state.penalties[counter] = {.milli = std::min(kMost, left + added * kMilli), .at = now};
  }
  std::erase_if(state.penalties,
                [&](const auto& entry) { return decayed(entry.second, now, half_life) == 0; });
}

void charge_resets(const Config& config, const Seen& seen, State& state,
                   std::vector<Event>& events) {
  if (!seen.router.value) return;
  Charges out;
  std::map<std::string, std::string> up;
  for (const auto& [upstream, view] : seen.router.value->sessions) {
    if (view.up) up[upstream] = view.since;
    const auto was = state.up.find(upstream);
    const auto session = state.sessions.find(upstream);
    const bool announced = session != state.sessions.end() && session->second.stance.announces();
    if (was == state.up.end() || !announced) continue;
    if (view.up && same_session(was->second, view.since)) continue;
    for (const auto& counter : counters(config, upstream)) out[counter] = kWithdrawal;
    events.push_back({.kind = "session-reset",
                      .priority = 4,
                      .text = fmt::format("session {} on {} went down: counts {} against the "
                                          "flap-damping budget; next: see status",
                                          upstream, config.self, kWithdrawal),
                      .upstream = upstream,
                      .node = config.self});
  }
  state.up = std::move(up);
  charge(config, seen.now, out, state);
}

void spend(Context& context, const Step& step) {
  const int price = cost(step.from, step.to);
  for (const auto& counter : counters(context.config, step.upstream))
    context.spent[counter] = std::max(context.spent[counter], price);
}

std::optional<std::string> emergency(const Context& context, const Step& step) {
  if (step.cause == Cause::undo) return "the users are worse off";
  if (own_death(step)) return "the node's own service is dead";
  if (step.cause == Cause::startup) return "this node has just come up";
  const auto& session = context.state.sessions.at(step.upstream);
  const auto longest = context.config.guards.reannounce.most;
  if (!step.from.announces() && context.seen.now - session.since >= longest)
    return "withdrawn since " + format_clock(session.since);
  for (const auto& carrier : step.carriers) {
    if (step.cause != Cause::carrier) break;
    const auto* path = context.path(context.config.self, step.upstream, carrier);
    const bool loses =
        path != nullptr && path->measured_bad && path->pooled.loss.low > kEmergencyLoss;
    if (loses && reaches_users(context, carrier)) {
      return fmt::format("{} loses at least {}", carrier, format_share(path->pooled.loss.low));
    }
  }
  return std::nullopt;
}

std::optional<GuardResult> damping(const Context& context, const Step& step) {
  if (cost(step.from, step.to) == 0) return std::nullopt;
  const auto& limits = context.config.guards.damping;
  Account worst;
  for (const auto& counter : counters(context.config, step.upstream)) {
    const auto one = account(context, step, counter);
    if (worst.counter.empty() || one.peak() >= worst.peak()) worst = one;
  }
  const auto urgent = automatic(step) ? emergency(context, step) : std::nullopt;
  const int limit = automatic(step) && !urgent ? limits.normal : limits.ceiling;
  auto text = figures(worst, limit);
  if (urgent) text += ", the reserve is open: " + *urgent;
  const std::string key = "guards.damping";
  if (worst.peak() <= limit) return pass("damping", text, key);
  if (forced(context, step)) return pass("damping", text + ", forced", key);
  if (worst.added > limit) return refuse("damping", text + ", which is never enough", key);
  const auto earliest = falls_to(worst.penalty, limit - worst.added, limits.half_life);
  return refuse("damping", fmt::format("{}; earliest {}", text, format_clock(earliest)), key,
                earliest);
}

}  // namespace anycast::core
