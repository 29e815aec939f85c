// What one cycle of thinking costs a node, by the size of the fleet: core::step when nothing
// happens, and the meters' share.
//
// usage: bench_scale

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "controller/core/meters.hpp"
#include "controller/core/step.hpp"
#include "controller/render/fragment.hpp"
#include "controller/sim/article.hpp"

using namespace anycast;

namespace {

using Stopwatch = std::chrono::steady_clock;
const Time kStart = *parse_utc("2026-06-01T00:00:00.000Z");
constexpr Duration kCycle = seconds{15};

double us_since(Stopwatch::time_point began) {
  return std::chrono::duration<double, std::micro>(Stopwatch::now() - began).count();
}

/// Nodes with four sessions, each of which leads to all three carriers in three regions: targets
/// are per node, so that nine probes watch each.
Config fleet(int nodes) {
  auto out = sim::article()->config;
  auto session = out.nodes.begin()->second.sessions.begin()->second;
  session.protocol.clear();
  for (auto& [name, upstream] : out.upstreams) upstream.carries = out.carriers;
  out.nodes.clear();
  for (int i = 0; i < nodes; ++i) {
    auto& node = out.nodes[fmt::format("node-{:04}", i)];
    node.probe_target = *Address::parse("198.51.100.1");
    for (const auto& [name, upstream] : out.upstreams) node.sessions[name] = session;
  }
  out.self = out.nodes.begin()->first;
  out.guards.anchors.clear();
  return out;
}

/// The same with policy prefer.
Config preferring(Config config) {
  config.policy.kind = Policy::Kind::prefer;
  return config;
}

/// The samples of one cycle; the first fills the slow window.
Evidence packets(const Config& config, Time at, Duration span) {
  Evidence out{.at = at, .server = "bench"};
  int i = 0;
  for (const auto& [node, entry] : config.nodes) {
    for (const auto& carrier : config.carriers) {
      for (const auto& region : config.regions) {
        ProbeSeries series{.key = {node, "", carrier, region}};
        for (auto t = at - span + config.evidence.scrape; t <= at; t += config.evidence.scrape) {
          const auto x = (++i * 2654435761U) >> 16U;
          const bool lost = x % 500 == 0;
          const auto rtt = lost ? Duration{} : milliseconds{40} + Duration{x % 5000};
          series.samples.push_back({.at = t, .received = !lost, .rtt = rtt});
        }
        out.series.push_back(std::move(series));
      }
    }
  }
  std::ranges::sort(out.series, {}, &ProbeSeries::key);
  return out;
}

/// Everything but the evidence as it is on a quiet day.
Seen quiet(const Config& config, const Fragment& running) {
  Seen out{.now = kStart};
  RouterView router{.kind = "bird",
                    .revision = running.revision,
                    .file_revision = running.revision,
                    .fragment = running.text};
  for (const auto& [upstream, session] : config.me().sessions) {
    router.sessions[upstream] = {
        .up = true, .state = "Established", .exports = running.exports.at(upstream)};
  }
  out.router = Sourced<RouterView>::ok(std::move(router), kStart);
  FleetView others;
  for (const auto& [node, entry] : config.nodes) {
    for (const auto& [upstream, session] : entry.sessions) others[node].stances[upstream] = {};
  }
  out.fleet = Sourced<FleetView>::ok(std::move(others), kStart);
  return out;
}

struct Cost {
  double step = 0;   ///< us a cycle
  double meter = 0;  ///< us a cycle
  int paths = 0;
  int changes = 0;
};

Cost measure(const Config& config, int cycles) {
  auto setup = *sim::article();
  setup.config = config;
  std::map<std::string, Stance> plain;
  for (const auto& [upstream, session] : config.me().sessions) plain[upstream] = {};
  const auto running = render::fragment(setup.fragment, config, plain);
  if (!running) {
    std::cerr << to_string(running.error()) << "\n";
    std::exit(1);
  }
  auto seen = quiet(config, *running);
  core::Meters meters{config};
  meters.feed(packets(config, kStart, config.evidence.longest()));
  State state;
  core::Rendered rendered;
  Cost out;
  for (int cycle = -2; cycle < cycles; ++cycle) {
    seen.now += kCycle;
    const auto news = packets(config, seen.now, kCycle);
    const auto fed = Stopwatch::now();
    meters.feed(news);
    seen.evidence = Sourced<Readings>::ok(meters.read(), seen.now);
    const auto began = Stopwatch::now();
    auto thought = core::step(setup, state, seen, rendered);
    const auto took = us_since(began);
    const auto metered = std::chrono::duration<double, std::micro>(began - fed).count();
    out.paths = static_cast<int>(thought.plan.paths.size());
    if (thought.plan.change && cycle >= 0) ++out.changes;
    state = core::settle(config, std::move(thought), {}).state;
    if (cycle < 0) continue;
    out.step += took / cycles;
    out.meter += metered / cycles;
  }
  return out;
}

void row(const std::string& name, const Config& config, int cycles) {
  const auto cost = measure(config, cycles);
  std::cout << fmt::format("  {:24}  {:>6}  {:>10.1f}  {:>10.2f}  {:>10.1f}  {:>6}\n", name,
                           cost.paths, cost.step, cost.step / cost.paths, cost.meter,
                           cost.changes == 0 ? "none" : "SOME");
}

}  // namespace

int main() {
  std::cout << fmt::format(
      "one cycle of one node when nothing happens\n  {:24}  {:>6}  {:>10}  {:>10}  {:>10}  {:>6}\n",
      "fleet", "paths", "step us", "us a path", "meters us", "change");
  row("4 nodes of the article", sim::article()->config, 20000);
  for (const int nodes : {4, 40, 400, 1000}) {
    row(fmt::format("{} nodes x 4 sessions", nodes), fleet(nodes), 4000 / nodes + 3);
  }
  for (const int nodes : {4, 40, 400, 1000}) {
    row(fmt::format("{} nodes, policy prefer", nodes), preferring(fleet(nodes)), 4000 / nodes + 3);
  }
  return 0;
}
