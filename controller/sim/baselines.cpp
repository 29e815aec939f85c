#include "controller/sim/baselines.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#include "controller/sim/answers.hpp"
#include "controller/sim/fleets.hpp"

namespace anycast::sim {
namespace {

/// The paths of each carrier.
std::vector<std::vector<PathNo>> by_carrier(const Fixture& fixture) {
  std::vector<std::vector<PathNo>> out(fixture.users.size());
  for (PathNo path = 0; path < fixture.paths.size(); ++path)
    out[carrier_number(fixture, path)].push_back(path);
  return out;
}

/// Score over the whole span by traffic.
double mean_score(const Fixture& fixture, PathNo path) {
  double sum = 0;
  double users = 0;
  for (std::size_t tick = 0; tick < fixture.traffic.size(); ++tick) {
    sum += fixture.traffic[tick] * score(fixture.levels[path][tick]);
    users += fixture.traffic[tick];
  }
  return sum / users;
}

/// What users would feel together in one tick, as a score.
double together(const Fixture& fixture, Load& load, const Spread& spread, std::int64_t tick) {
  load.spread(spread, tick);
  double sum = 0;
  for (std::size_t carrier = 0; carrier < spread.size(); ++carrier) {
    for (const auto& share : spread[carrier])
      sum += fixture.users[carrier] * share.part * score(load.level(share.path, tick));
  }
  return sum;
}

/// Every way to give each carrier one path; few, for there are few carriers and nodes.
std::vector<Spread> maps(const Fixture& fixture) {
  std::vector<Spread> out{{}};
  for (const auto& paths : by_carrier(fixture)) {
    std::vector<Spread> longer;
    for (const auto& begun : out) {
      for (const auto path : paths) {
        longer.push_back(begun);
        longer.back().push_back({{path, 1}});
      }
    }
    out = std::move(longer);
  }
  return out;
}

Spread best_map(const Fixture& fixture, const std::function<double(PathNo)>& of) {
  Spread out;
  for (const auto& paths : by_carrier(fixture))
    out.push_back({{*std::ranges::min_element(paths, {}, of), 1}});
  return out;
}

}  // namespace

Figures steered(const Fixture& fixture, std::uint64_t seed, const Steering& rule) {
  Scene scene{.fixture = fixture, .routing = {fixture, seed}, .load = Load{fixture}};
  Figures out;
  Watch watch{fixture};
  for (; scene.tick < fixture.ticks; ++scene.tick) {
    scene.now = fixture.at(scene.tick + 1);
    scene.routing.advance(fixture.at(scene.tick));
    scene.load.spread(scene.routing.spread(), scene.tick);
    feel(fixture, scene.routing.spread(), scene.load, scene.tick, out);
    if (rule) rule(scene);
    watch.look(scene);
  }
  scene.routing.count(out);
  out.answers = watch.answers();
  return out;
}

Figures spread(const Fixture& fixture, const Spreading& rule) {
  Figures out;
  Load load{fixture};
  for (std::int64_t tick = 0; tick < fixture.ticks; ++tick) {
    const auto now = rule(tick);
    load.spread(now, tick);
    feel(fixture, now, load, tick, out);
  }
  return out;
}

Spreading round_robin(const Fixture& fixture) {
  Spread all;
  for (const auto& paths : by_carrier(fixture)) {
    auto& shares = all.emplace_back();
    for (const auto path : paths) shares.push_back({path, 1.0 / static_cast<double>(paths.size())});
  }
  return [all](std::int64_t) { return all; };
}

Spreading single_node(const Fixture& fixture) {
  double best = std::numeric_limits<double>::max();
  Spread out;
  for (const auto& map : maps(fixture)) {
    const auto& node = fixture.paths[map.front().front().path].node;
    const bool one = std::ranges::all_of(
        map, [&](const auto& shares) { return fixture.paths[shares.front().path].node == node; });
    if (!one) continue;
    double sum = 0;
    for (std::size_t carrier = 0; carrier < map.size(); ++carrier)
      sum += fixture.users[carrier] * mean_score(fixture, map[carrier].front().path);
    if (sum >= best) continue;
    best = sum;
    out = map;
  }
  return [out](std::int64_t) { return out; };
}

Spreading static_map(const Fixture& fixture) {
  if (fixture.capacity <= 0) {
    const auto best = best_map(fixture, [&](PathNo path) { return mean_score(fixture, path); });
    return [best](std::int64_t) { return best; };
  }
  constexpr std::size_t kEvery = 40;
  const auto all = maps(fixture);
  std::vector<double> sums(all.size());
  Load load{fixture};
  for (std::size_t tick = 0; tick < fixture.traffic.size(); tick += kEvery) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      sums[i] +=
          fixture.traffic[tick] * together(fixture, load, all[i], static_cast<std::int64_t>(tick));
    }
  }
  const auto best = all[static_cast<std::size_t>(std::ranges::min_element(sums) - sums.begin())];
  return [best](std::int64_t) { return best; };
}

Spreading oracle(const Fixture& fixture) {
  if (fixture.capacity <= 0) {
    return [&fixture](std::int64_t tick) {
      return best_map(fixture, [&](PathNo path) {
        return score(fixture.levels[path][static_cast<std::size_t>(tick)]);
      });
    };
  }
  auto load = std::make_shared<Load>(fixture);
  return [&fixture, load, all = maps(fixture)](std::int64_t tick) {
    return *std::ranges::min_element(
        all, {}, [&](const Spread& map) { return together(fixture, *load, map, tick); });
  };
}

}  // namespace anycast::sim
