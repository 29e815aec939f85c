#include "controller/sim/probes.hpp"

#include <algorithm>

#include "controller/sim/fleets.hpp"

namespace anycast::sim {

Probes::Probes(const Fixture& fixture, std::uint64_t seed) : fixture_{fixture} {
  const auto& config = fixture.config();
  std::uint64_t number = 0;
  const auto add = [&](ProbeKey key, std::size_t carrier, PathNo path) {
    One one{.key = std::move(key),
            .carrier = carrier,
            .path = path,
            .dice = Dice{mix(seed) + number++ * 7'919}};
    for (const auto& outage : fixture.outages) {
      if (outage.carrier == one.key.carrier && outage.region == one.key.region)
        one.outages.push_back(outage);
    }
    std::ranges::sort(one.outages, {}, &Outage::from);
    all_.push_back(std::move(one));
  };
  for (const auto& region : config.regions) {
    for (std::size_t c = 0; c < config.carriers.size(); ++c)
      add({{}, {}, config.carriers[c], region, Target::vip}, c, 0);
    for (PathNo path = 0; path < fixture.paths.size(); ++path) {
      const auto& key = fixture.paths[path];
      add({key.node, key.upstream, key.carrier, region}, carrier_number(fixture, path), path);
    }
  }
  std::ranges::sort(all_, {}, &One::key);
}

Sample Probes::sample(One& one, const std::optional<Level>& level, Time at) const {
  constexpr double kSwingUs = 4'000;
  const double p = level ? level->loss_ppm / 1e6 : 1;
  // Rows of `loss_run` losses on average, and `p` of all pings lost.
  const double run = fixture_.loss_run;
  const double stays = 1 - 1 / run;
  const double begins = p >= 1 ? 1 : std::min(1.0, p / (run * (1 - p)));
  one.losing = one.dice.uniform() < (one.losing && p < 1 ? std::max(stays, begins) : begins);
  if (one.losing || !level) return {.at = at, .received = false};
  const auto swing = static_cast<std::int64_t>((one.dice.uniform() * 2 - 1) * kSwingUs);
  return {.at = at, .received = true, .rtt = Duration{level->rtt_us + swing}};
}

void Probes::ping(const Load& load, const Spread& spread, std::int64_t tick) {
  const auto scrape = fixture_.config().evidence.scrape;
  const auto from = fixture_.at(tick);
  const auto per_tick = kTick / scrape;
  std::vector<Level> levels;
  levels.reserve(fixture_.paths.size());
  for (PathNo path = 0; path < fixture_.paths.size(); ++path)
    levels.push_back(load.level(path, tick));
  constexpr std::size_t kMost = kKept / seconds{5};
  for (auto& one : all_) {
    while (!one.outages.empty() && one.outages.front().to <= from)
      one.outages.erase(one.outages.begin());
    const bool out = !one.outages.empty() && one.outages.front().from <= from;
    const auto own_loss = out ? one.outages.front().loss_ppm : 0;
    if (out && own_loss == 0) continue;
    std::optional<Level> level;
    if (one.key.target == Target::node) {
      level = levels[one.path];
    } else if (!spread[one.carrier].empty()) {
      level = levels[spread[one.carrier].front().path];
    }
    if (level) level->loss_ppm = std::min(1'000'000, level->loss_ppm + own_loss);
    if (one.samples.size() > 2 * kMost)
      one.samples.erase(one.samples.begin(), one.samples.end() - kMost);
    for (std::int64_t i = 1; i <= per_tick; ++i)
      one.samples.push_back(sample(one, level, from + i * scrape));
  }
}

void Probes::evidence(Time from, Time to, Evidence& out) const {
  out.at = to;
  out.server = "simulated";
  if (out.series.size() != all_.size()) {
    out.series.clear();
    for (const auto& one : all_) out.series.push_back({.key = one.key});
  }
  auto series = out.series.begin();
  for (const auto& one : all_) {
    auto end = one.samples.end();
    while (end != one.samples.begin() && std::prev(end)->at > to) --end;
    auto begin = end;
    while (begin != one.samples.begin() && std::prev(begin)->at > from) --begin;
    (series++)->samples.assign(begin, end);
  }
}

}  // namespace anycast::sim
