#include <algorithm>
#include <memory>

#include "controller/sim/baselines.hpp"
#include "controller/sim/dice.hpp"
#include "controller/sim/fleets.hpp"

namespace anycast::sim {
namespace {

/// The last pings of one blackbox_exporter target, one per 15 s.
class Window {
 public:
  explicit Window(std::size_t span) : span_{span} {}

  void ping(Dice& dice, const std::optional<Level>& level) {
    const double p = level ? level->loss_ppm / 1e6 : 1;
    const bool lost = dice.uniform() < p;
    const double swing = dice.between(-4, 4);
    if (pings_.size() == span_) pings_.erase(pings_.begin());
    pings_.push_back(lost ? -1 : level->rtt_us / 1e3 + swing);
  }
  double loss() const {
    const auto lost = std::ranges::count_if(pings_, [](double ms) { return ms < 0; });
    return static_cast<double>(lost) / static_cast<double>(pings_.size());
  }
  double rtt_ms() const {
    double sum = 0;
    int replies = 0;
    for (const double ms : pings_) {
      if (ms < 0) continue;
      sum += ms;
      ++replies;
    }
    return replies > 0 ? sum / replies : 0;
  }
  double score() const { return rtt_ms() + 2'000 * loss(); }
  bool over() const {
    constexpr double kRttMs = 200;
    constexpr double kLoss = 0.03;
    return rtt_ms() > kRttMs || loss() > kLoss;
  }

 private:
  std::size_t span_;
  std::vector<double> pings_;  ///< RTT in ms, -1 for a lost one
};

std::optional<Level> vip_level(const Scene& scene, std::size_t carrier) {
  const auto path = scene.routing.path_of(carrier);
  return path ? std::optional{scene.load.level(*path, scene.tick)} : std::nullopt;
}

struct Loop {
  Naive kind;
  std::size_t mobile;
  Dice dice;
  Window vip;
  std::map<Link, Window> nodes;

  void tick(Scene& scene) {
    vip.ping(dice, vip_level(scene, mobile));
    for (PathNo path = 0; path < scene.fixture.paths.size(); ++path) {
      const auto& key = scene.fixture.paths[path];
      if (carrier_number(scene.fixture, path) != mobile) continue;
      auto& own = nodes.at({key.node, key.upstream});
      own.ping(dice, scene.load.level(path, scene.tick));
      const auto& looked_at = kind.pings == Naive::Pings::vip ? vip : own;
      decide(scene, {key.node, key.upstream}, looked_at.over());
    }
  }

  void decide(Scene& scene, const Link& link, bool over) const {
    const bool last =
        scene.routing.nodes_announcing() == 1 && scene.routing.said().at(link).announces();
    if (over && last && kind.floor == Naive::Floor::last_announcer) return;
    scene.routing.say(link, {.kind = over ? Stance::Kind::withdraw : Stance::Kind::announce},
                      scene.now);
  }
};

struct Greedy {
  Dice dice;
  std::vector<Window> paths;

  void tick(Scene& scene) {
    const auto& fixture = scene.fixture;
    std::vector<std::optional<PathNo>> best(fixture.users.size());
    for (PathNo path = 0; path < paths.size(); ++path) {
      paths[path].ping(dice, scene.load.level(path, scene.tick));
      auto& of = best[carrier_number(fixture, path)];
      if (!of || paths[path].score() < paths[*of].score()) of = path;
    }
    std::map<Link, Stance> wanted;
    for (PathNo path = 0; path < paths.size(); ++path) {
      const auto& key = fixture.paths[path];
      auto& stance = wanted[{key.node, key.upstream}];
      if (best[carrier_number(fixture, path)] != path)
        stance.asks[key.carrier] = {.verb = Verb::prepend_to, .count = 2};
    }
    for (const auto& [link, stance] : wanted) scene.routing.say(link, stance, scene.now);
  }
};

}  // namespace

Steering naive(const Fixture& fixture, std::uint64_t seed, Naive kind) {
  constexpr std::size_t kFiveMinutes = 20;
  const auto& carriers = fixture.config().carriers;
  const auto mobile =
      static_cast<std::size_t>(std::ranges::find(carriers, "mobile") - carriers.begin());
  auto loop = std::make_shared<Loop>(Loop{.kind = kind,
                                          .mobile = mobile,
                                          .dice = Dice{seed},
                                          .vip = Window{kFiveMinutes},
                                          .nodes = {}});
  for (const auto& key : fixture.paths)
    loop->nodes.emplace(Link{key.node, key.upstream}, Window{kFiveMinutes});
  return [loop](Scene& scene) { loop->tick(scene); };
}

Steering greedy(const Fixture& fixture, std::uint64_t seed) {
  constexpr std::size_t kTwoMinutes = 8;
  auto rule = std::make_shared<Greedy>(
      Greedy{.dice = Dice{seed}, .paths = {fixture.paths.size(), Window{kTwoMinutes}}});
  return [rule](Scene& scene) { rule->tick(scene); };
}

}  // namespace anycast::sim
