#include "controller/sim/figures.hpp"

#include <algorithm>

namespace anycast::sim {
namespace {

/// A node with twice the users that it can carry: so much is added.
constexpr double kExcessRttUs = 180'000;
constexpr double kExcessLossPpm = 250'000;

constexpr double kMillion = 1e6;

bool in_peak(std::int64_t tick) {
  constexpr auto kFrom = minutes{19 * 60 + 30};
  constexpr auto kTo = hours{23};
  const auto of_day = (tick * kTick) % hours{24};
  return of_day >= kFrom && of_day < kTo;
}

}  // namespace

double score(const Level& level) {
  return level.rtt_us / 1e3 + 2'000 * (level.loss_ppm / kMillion);
}

void Felt::add(double weight, const std::optional<Level>& level) {
  constexpr double kBadLoss = 0.03;
  constexpr double kBadRttMs = 200;
  constexpr double kOffline = 0.5;
  const double lost = level ? level->loss_ppm / kMillion : 1;
  users += weight;
  loss += weight * lost;
  if (lost >= kOffline) offline += weight;
  if (!level) {
    bad += weight;
    return;
  }
  const double ms = level->rtt_us / 1e3;
  served += weight;
  rtt_ms += weight * ms;
  if (lost > kBadLoss || ms > kBadRttMs) bad += weight;
}

double Answers::decided_within_s(double share) const {
  if (decided_s.empty()) return 0;
  auto sorted = decided_s;
  std::ranges::sort(sorted);
  const auto last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<std::size_t>(last * share)];
}

double Figures::rtt_quantile(double share) const {
  double left = all.served * share;
  for (std::size_t ms = 0; ms < histogram.size(); ++ms) {
    left -= histogram[ms];
    if (left <= 0) return static_cast<double>(ms);
  }
  return static_cast<double>(histogram.size());
}

Load::Load(const Fixture& fixture) : fixture_{fixture} {
  const std::string* node = nullptr;
  for (const auto& path : fixture.paths) {
    if (node == nullptr || *node != path.node) users_.push_back(0);
    node = &path.node;
    node_of_.push_back(users_.size() - 1);
  }
}

void Load::spread(const Spread& spread, std::int64_t tick) {
  if (fixture_.capacity <= 0) return;
  std::ranges::fill(users_, 0);
  const auto now = fixture_.traffic[static_cast<std::size_t>(tick)];
  for (std::size_t carrier = 0; carrier < spread.size(); ++carrier) {
    for (const auto& share : spread[carrier])
      users_[node_of_[share.path]] += now * fixture_.users[carrier] * share.part;
  }
}

double Load::fullest() const {
  return fixture_.capacity <= 0 ? 0 : *std::ranges::max_element(users_) / fixture_.capacity;
}

Level Load::level(PathNo path, std::int64_t tick) const {
  auto out = fixture_.levels[path][static_cast<std::size_t>(tick)];
  if (fixture_.capacity <= 0) return out;
  const double excess = users_[node_of_[path]] / fixture_.capacity - 1;
  if (excess <= 0) return out;
  out.rtt_us += static_cast<std::int32_t>(kExcessRttUs * excess);
  const double loss = out.loss_ppm + kExcessLossPpm * excess;
  out.loss_ppm = static_cast<std::int32_t>(std::min(kMillion, loss));
  return out;
}

namespace {

/// [carrier]: the nearest node's RTT, as the paths are without any load.
std::vector<double> floors(const Fixture& fixture, std::int64_t tick) {
  std::vector<double> out(fixture.users.size(), 0);
  for (std::size_t carrier = 0; carrier < out.size(); ++carrier) {
    for (const auto path : fixture.preferred[carrier]) {
      const double ms = fixture.levels[path][static_cast<std::size_t>(tick)].rtt_us / 1e3;
      out[carrier] = out[carrier] > 0 ? std::min(out[carrier], ms) : ms;
    }
  }
  return out;
}

}  // namespace

void feel(const Fixture& fixture, const Spread& spread, const Load& load, std::int64_t tick,
          Figures& out) {
  if (out.carriers.empty()) out.carriers.resize(spread.size());
  const bool peak = in_peak(tick);
  out.hours += to_seconds(kTick) / 3600;
  out.fullest = std::max(out.fullest, load.fullest());
  const auto nearest = floors(fixture, tick);
  const auto add = [&](std::size_t carrier, double part, const std::optional<Level>& level) {
    const double weight =
        fixture.traffic[static_cast<std::size_t>(tick)] * fixture.users[carrier] * part;
    for (auto* felt : {&out.all, peak ? &out.peak : nullptr, &out.carriers[carrier]}) {
      if (felt == nullptr) continue;
      felt->add(weight, level);
      if (level) felt->floor_ms += weight * nearest[carrier];
    }
    if (!level) return;
    const auto ms = static_cast<std::size_t>(level->rtt_us / 1'000);
    out.histogram[std::min(ms, out.histogram.size() - 1)] += weight;
  };
  for (std::size_t carrier = 0; carrier < spread.size(); ++carrier) {
    if (spread[carrier].empty()) add(carrier, 1, std::nullopt);
    for (const auto& share : spread[carrier])
      add(carrier, share.part, load.level(share.path, tick));
  }
}

}  // namespace anycast::sim
