#include "controller/sim/routing.hpp"

#include <algorithm>
#include <utility>

namespace anycast::sim {
namespace {

constexpr int kUnreachable = 100;
constexpr Duration kSoon = minutes{30};

/// RIS beacons: announcements arrive within 40 s, one in ten withdrawals after two minutes only.
Duration delay(Dice& dice, bool withdrawal, bool slow) {
  constexpr double kTail = 0.1;
  constexpr double kLongest = 150;
  if (!withdrawal) return seconds{static_cast<std::int64_t>(dice.between(10, 40))};
  const bool tail = dice.uniform() < kTail;
  const double s = tail ? dice.between(60, kLongest) : dice.between(10, 60);
  return seconds{static_cast<std::int64_t>(slow ? kLongest : s)};
}

}  // namespace

Routing::Routing(const Fixture& fixture, std::uint64_t seed)
    : fixture_{fixture},
      dice_{seed},
      handicaps_(fixture.paths.size()),
      lately_(fixture.users.size()) {
  for (const auto& path : fixture.paths) {
    said_[{path.node, path.upstream}] = {};
    at_session_[{path.node, path.upstream}] = {};
  }
  counted_.steers = true;
  counted_.least_nodes = nodes_announcing();
  choose(fixture.begin);
}

void Routing::say(const Link& link, const Stance& stance, Time now) {
  auto& said = said_.at(link);
  if (said == stance) return;
  // What leaves a node's sessions together is one change of its route by the time it is far away.
  if (std::exchange(far_heard_, {link.first, now}) != std::pair{link.first, now})
    far_.update(said, stance);
  at_session_.at(link).update(said, stance);
  counted_.most_updates = std::max(counted_.most_updates, ++updates_[link]);
  auto& kind = !stance.announces() ? counted_.withdrawals
               : said.announces()  ? counted_.attribute_changes
                                   : counted_.announcements;
  ++kind;
  const bool heard = !odd.deaf || stance.announces() != said.announces();
  said = stance;
  counted_.least_nodes = std::min(counted_.least_nodes, nodes_announcing());
  for (PathNo path = 0; path < fixture_.paths.size(); ++path) {
    const auto& key = fixture_.paths[path];
    if (key.node != link.first || key.upstream != link.second) continue;
    const auto at = now + delay(dice_, !stance.announces(), odd.slow_withdrawals) + odd.later;
    if (heard) coming_.push_back({at, path, felt_handicap(stance, key.carrier)});
  }
  std::ranges::stable_sort(coming_, {}, &Coming::at);
}

int Routing::felt_handicap(const Stance& stance, const std::string& carrier) const {
  if (!stance.announces()) return handicap(stance, carrier);
  if (odd.deaf || (odd.no_graceful && stance.kind == Stance::Kind::drain)) return 0;
  const int out = handicap(stance, carrier);
  return odd.backwards ? -out : out;
}

void Routing::advance(Time now) {
  for (auto& [link, dampers] : at_session_) dampers.tick();
  far_.tick();
  if (nodes_announcing() == 0) counted_.unannounced_s += to_seconds(kTick);
  if (coming_.empty() || coming_.front().at > now) return;
  auto next = coming_.begin();
  for (; next != coming_.end() && next->at <= now; ++next) handicaps_[next->path] = next->handicap;
  coming_.erase(coming_.begin(), next);
  choose(now);
}

void Routing::choose(Time now) {
  spread_.assign(fixture_.users.size(), {});
  for (std::size_t carrier = 0; carrier < spread_.size(); ++carrier) {
    const auto& order = fixture_.preferred[carrier];
    const auto best =
        std::ranges::min_element(order, {}, [&](PathNo path) { return handicaps_[path]; });
    if (best == order.end() || handicaps_[*best] >= kUnreachable) continue;
    spread_[carrier] = {{*best, 1}};
    auto& lately = lately_[carrier];
    if (!lately.empty() && lately.back().second == *best) continue;
    while (lately.size() > 1 && now - lately[1].first > kSoon) lately.pop_front();
    if (!lately.empty()) {
      ++counted_.moves;
      counted_.moved_users += fixture_.users[carrier];
    }
    const auto again = [&](const auto& move) { return move.second == *best; };
    if (std::ranges::any_of(lately, again)) ++counted_.back_and_forth;
    lately.emplace_back(now, *best);
  }
}

std::optional<PathNo> Routing::path_of(std::size_t carrier) const {
  const auto& shares = spread_[carrier];
  return shares.empty() ? std::nullopt : std::optional{shares.front().path};
}

int Routing::nodes_announcing() const {
  int nodes = 0;
  const std::string* last = nullptr;
  for (const auto& [link, stance] : said_) {
    if (!stance.announces() || (last != nullptr && *last == link.first)) continue;
    last = &link.first;
    ++nodes;
  }
  return nodes;
}

double Routing::penalty() const {
  double out = 0;
  const auto note = [&](const Dampers& dampers) {
    for (const auto& one : dampers.all()) out = std::max(out, one.penalty());
  };
  note(far_);
  for (const auto& [link, dampers] : at_session_) note(dampers);
  return out;
}

void Routing::count(Figures& out) const {
  out.announcements = counted_.announcements;
  out.withdrawals = counted_.withdrawals;
  out.attribute_changes = counted_.attribute_changes;
  out.unannounced_s = counted_.unannounced_s;
  out.least_nodes = counted_.least_nodes;
  out.most_updates = counted_.most_updates;
  out.moved_users = counted_.moved_users;
  out.moves = counted_.moves;
  out.back_and_forth = counted_.back_and_forth;
  out.steers = true;
  const auto note = [&](const Dampers& dampers) {
    for (std::size_t i = 0; i < kProfiles.size(); ++i) {
      auto& of = out.damping.at(i);
      of.highest = std::max(of.highest, dampers.all()[i].highest());
      of.damped_s = std::max(of.damped_s, dampers.all()[i].damped_ticks() * to_seconds(kTick));
    }
  };
  note(far_);
  for (const auto& [link, dampers] : at_session_) note(dampers);
}

}  // namespace anycast::sim
