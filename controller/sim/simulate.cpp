#include "controller/sim/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "controller/base/text.hpp"
#include "controller/sim/pilot.hpp"

namespace anycast::sim {
namespace {

/// What the file may change: how evidence is read, judged, answered and guarded. The world stays.
Result<void> try_config(const Config& from, core::Setup& setup) {
  auto& to = setup.config;
  for (const auto& carrier : to.carriers) {
    const auto found = from.thresholds.find(carrier);
    if (found == from.thresholds.end()) {
      return fail(
          Remedy::fix_value,
          fmt::format("the configuration has no carrier '{}', which the fixture has", carrier));
    }
    to.thresholds[carrier] = found->second;
  }
  to.evidence.window = from.evidence.window;
  to.evidence.fast_window = from.evidence.fast_window;
  to.evidence.slow_window = from.evidence.slow_window;
  to.evidence.min_samples = from.evidence.min_samples;
  to.policy = from.policy;
  const auto anchors = std::move(to.guards.anchors);
  to.guards = from.guards;
  to.guards.anchors = anchors;
  return {};
}

void add(std::vector<Figures>& rows, const std::string& name, Figures figures) {
  figures.controller = name;
  rows.push_back(std::move(figures));
}

void add_naive(std::vector<Figures>& rows, const Fixture& fixture, std::uint64_t seed) {
  using Pings = Naive::Pings;
  using Floor = Naive::Floor;
  const auto run = [&](const std::string& name, Naive kind) {
    add(rows, name, steered(fixture, seed, naive(fixture, seed, kind)));
  };
  run("article's loop", {.pings = Pings::vip});
  run("naive per node", {.pings = Pings::node});
  run("naive with floor", {.pings = Pings::node, .floor = Floor::last_announcer});
  add(rows, "greedy", steered(fixture, seed, greedy(fixture, seed)));
}

void note(const Pilot& pilot, Inside& inside) {
  for (const auto& node : pilot.nodes()) {
    ++inside.conditions[to_string(node.state.condition)];
    for (const auto& [upstream, refusal] : node.state.refused) {
      for (const auto& guard : split(refusal.substr(refusal.rfind(' ') + 1), ','))
        ++inside.refused[guard];
    }
    for (const auto& event : node.events) {
      if (event.kind == "effect") ++inside.effects[event.to];
    }
  }
}

}  // namespace

std::optional<double> Inside::accuracy() const {
  const auto count = [&](const char* effect) {
    const auto found = effects.find(effect);
    return found == effects.end() ? 0 : found->second;
  };
  const int right = count("sufficient");
  const int all = right + count("none") + count("harmful");
  return all > 0 ? std::optional{static_cast<double>(right) / all} : std::nullopt;
}

Steering ours(const Fixture& fixture, const core::Setup& setup, std::uint64_t seed, Inside* inside,
              Recording* recording) {
  struct Fleet {
    Probes probes;
    Pilot pilot;
  };
  auto fleet = std::make_shared<Fleet>(Fleet{Probes{fixture, seed}, Pilot{setup}});
  if (recording != nullptr) fleet->pilot.record(*recording);
  const auto interval = setup.config.prometheus.interval;
  return [fleet, interval, inside](Scene& scene) {
    fleet->probes.ping(scene.load, scene.routing.spread(), scene.tick);
    if (scene.now.time_since_epoch() % interval != Duration{0}) return;
    fleet->pilot.cycle(fleet->probes, scene.routing, scene.now);
    if (inside != nullptr) note(fleet->pilot, *inside);
  };
}

Result<Simulation> simulate(const SimulateOptions& options) {
  const auto world = fixture(options.fixture, {.seed = options.seed, .days = options.days});
  if (!world) return tl::unexpected(world.error());
  auto setup = world->setup;
  if (options.config) {
    if (auto done = try_config(*options.config, setup); !done) return tl::unexpected(done.error());
  }
  Simulation out{
      .fixture = world->name, .about = world->about, .seed = options.seed, .days = options.days};
  const auto seed = options.seed;
  if (options.compare) {
    add(out.rows, "DNS round robin", spread(*world, round_robin(*world)));
    add(out.rows, "single node", spread(*world, single_node(*world)));
  }
  add(out.rows, "plain anycast", steered(*world, seed, {}));
  add(out.rows, "static map", spread(*world, static_map(*world)));
  if (options.compare) add_naive(out.rows, *world, seed);
  const auto rule = ours(*world, setup, seed, &out.inside, options.recording);
  add(out.rows, "ours", steered(*world, seed, traced(rule, out.trace)));
  add(out.rows, "oracle", spread(*world, oracle(*world)));
  return out;
}

const Figures& Simulation::row(const std::string& controller) const {
  return *std::ranges::find(rows, controller, &Figures::controller);
}

double Simulation::regret_ms(const Figures& figures) const {
  return figures.all.score() - row("oracle").all.score();
}

double Simulation::regret_to_map_ms(const Figures& figures) const {
  return figures.all.score() - row("static map").all.score();
}

}  // namespace anycast::sim
