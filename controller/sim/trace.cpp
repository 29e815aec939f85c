#include "controller/sim/trace.hpp"

#include <algorithm>
#include <map>
#include <memory>

namespace anycast::sim {
namespace {

void begin(Trace& trace, const Fixture& fixture) {
  const auto& config = fixture.config();
  trace = {.begin = fixture.begin, .carriers = config.carriers};
  for (const auto& [name, node] : config.nodes) trace.node_names.push_back(name);
  trace.bad_rtt_ms = 1e9;
  trace.bad_loss = 1;
  for (const auto& [carrier, thresholds] : config.thresholds) {
    trace.bad_rtt_ms = std::min(trace.bad_rtt_ms, to_seconds(thresholds.rtt.bad) * 1e3);
    trace.bad_loss = std::min(trace.bad_loss, to_ratio(thresholds.loss.bad));
  }
}

void add(Trace::Bin& bin, const Scene& scene) {
  const auto& fixture = scene.fixture;
  bin.nodes.resize(fixture.users.size());
  for (std::size_t carrier = 0; carrier < fixture.users.size(); ++carrier) {
    const double weight =
        fixture.traffic[static_cast<std::size_t>(scene.tick)] * fixture.users[carrier];
    const auto path = scene.routing.path_of(carrier);
    bin.ours.add(weight, path ? std::optional{scene.load.level(*path, scene.tick)} : std::nullopt);
    bin.nodes[carrier] = path ? fixture.paths[*path].node : std::string{};
    // As if alone: what the load of the others would do to it is not known here.
    const auto plain = fixture.preferred[carrier].front();
    bin.plain.add(weight, fixture.levels[plain][static_cast<std::size_t>(scene.tick)]);
  }
}

}  // namespace

Steering traced(Steering rule, Trace& trace) {
  auto said = std::make_shared<std::map<Link, Stance>>();
  return [rule = std::move(rule), said, &trace](Scene& scene) {
    if (scene.tick == 0) {
      begin(trace, scene.fixture);
      *said = scene.routing.said();
    }
    if (scene.tick % Trace::kBin == 0) trace.bins.emplace_back();
    add(trace.bins.back(), scene);
    rule(scene);
    for (const auto& [link, stance] : scene.routing.said()) {
      auto& before = (*said)[link];
      if (before == stance) continue;
      before = stance;
      trace.changes.push_back({scene.now, link, to_string(stance)});
    }
  };
}

}  // namespace anycast::sim
