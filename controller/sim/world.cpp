#include "controller/sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "controller/base/text.hpp"
#include "controller/sim/dice.hpp"

namespace anycast::sim {
namespace {

bool matches(const std::string& pattern, const std::string& name) {
  return pattern.empty() || pattern == name;
}

bool matches(const PathKey& pattern, const PathKey& path) {
  return matches(pattern.node, path.node) && matches(pattern.upstream, path.upstream) &&
         matches(pattern.carrier, path.carrier);
}

}  // namespace

World::World(const Config& fleet, std::uint64_t seed) : fleet_{fleet}, seed_{seed} {}

void World::set(const PathKey& path, Quality quality) { base_[path] = quality; }

void World::add(Trouble trouble) { troubles_.push_back(std::move(trouble)); }

void World::prefer(const std::string& carrier,
                   std::vector<std::pair<std::string, std::string>> order) {
  preference_[carrier] = std::move(order);
}

World::Course World::course(const PathKey& path) const {
  Course out;
  if (const auto base = base_.find(path); base != base_.end()) out.base = base->second;
  for (const auto& trouble : troubles_) {
    if (matches(trouble.where, path)) out.troubles.push_back(&trouble);
  }
  return out;
}

Quality World::Course::at(Time time) const {
  Quality out = base;
  for (const auto* trouble : troubles) {
    if (time < trouble->from || time >= trouble->to) continue;
    out.rtt += trouble->rtt;
    out.loss = std::min(kAll, out.loss + trouble->loss);
  }
  return out;
}

Quality World::quality(const PathKey& path, Time at) const { return course(path).at(at); }

std::uint64_t World::dice(const PathKey& path, const std::string& region) const {
  return mix(seed_ ^ (std::uint64_t{hash32(to_string(path) + "/" + region)} << 32U));
}

Sample World::ping(const PathKey& path, const std::string& region, Time at) const {
  return ping(course(path), dice(path, region), at);
}

Sample World::ping(const Course& course, std::uint64_t dice, Time at) {
  const auto time = static_cast<std::uint64_t>(at.time_since_epoch().count());
  const auto uniform = [&](std::uint64_t salt) {
    return static_cast<double>(mix(dice ^ mix(time + salt)) >> 11U) * 0x1.0p-53;
  };
  const auto q = course.at(at);
  if (uniform(1) * static_cast<double>(kAll) < static_cast<double>(q.loss))
    return {.at = at, .received = false};
  const double swing = (uniform(2) * 2 - 1) * static_cast<double>(q.jitter.count());
  return {.at = at, .received = true, .rtt = q.rtt + Duration{static_cast<std::int64_t>(swing)}};
}

Evidence World::evidence(Time at, Time after) const {
  Evidence out{.at = at, .server = "built-in world"};
  const auto scrape = fleet_.evidence.scrape;
  const Time newest{at.time_since_epoch() - at.time_since_epoch() % scrape};
  const Time known{after.time_since_epoch() - after.time_since_epoch() % scrape};
  const Time first = std::max(newest - fleet_.evidence.longest(), known) + scrape;
  for (const auto& [node, entry] : fleet_.nodes) {
    for (const auto& [upstream, session] : entry.sessions) {
      for (const auto& carrier : fleet_.upstreams.at(upstream).carries) {
        const PathKey path{node, upstream, carrier};
        const auto quality = course(path);
        for (const auto& region : fleet_.regions) {
          auto& series =
              out.series.emplace_back(ProbeSeries{.key = {node, upstream, carrier, region}});
          const auto thrown = dice(path, region);
          for (auto t = first; t <= newest; t += scrape)
            series.samples.push_back(ping(quality, thrown, t));
        }
      }
    }
  }
  std::ranges::sort(out.series, {}, &ProbeSeries::key);
  return out;
}

std::optional<PathKey> World::catchment(const std::string& carrier,
                                        const Announced& announced) const {
  const auto preference = preference_.find(carrier);
  const auto rank = [&](const std::pair<std::string, std::string>& pair) {
    if (preference == preference_.end()) return std::ptrdiff_t{0};
    const auto& order = preference->second;
    return std::distance(order.begin(), std::ranges::find(order, pair));
  };
  std::optional<PathKey> best;
  std::pair<int, std::ptrdiff_t> best_rank;
  for (const auto& [pair, stance] : announced) {
    const auto& carries = fleet_.upstreams.at(pair.second).carries;
    if (!stance.announces() || std::ranges::find(carries, carrier) == carries.end()) continue;
    const std::pair ranked{handicap(stance, carrier), rank(pair)};
    if (best && best_rank <= ranked) continue;
    best = PathKey{pair.first, pair.second, carrier};
    best_rank = ranked;
  }
  return best;
}

}  // namespace anycast::sim
