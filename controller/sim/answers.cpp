#include "controller/sim/answers.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace anycast::sim {
namespace {

constexpr double kMarginMs = 25;
constexpr double kMarginShare = 0.15;
/// A fault that is over sooner needs no answer.
constexpr std::int64_t kShort = minutes{10} / kTick;
/// What was true so long ago is still in the window that a rule looks at.
constexpr std::int64_t kRemembered = minutes{15} / kTick;
constexpr std::int32_t kEmergencyLoss = 100'000;
constexpr auto kNever = std::numeric_limits<std::int64_t>::min() / 2;

bool worse(double one, double than) {
  return one - than >= std::max(kMarginMs, kMarginShare * one);
}

}  // namespace

Watch::Watch(const Fixture& fixture)
    : fixture_{fixture},
      faults_(fixture.users.size()),
      last_worse_(fixture.paths.size(), kNever),
      last_lost_(fixture.users.size(), kNever),
      paths_(fixture.users.size()) {
  for (const auto& path : fixture.paths) said_[{path.node, path.upstream}] = {};
}

void Watch::close(const Fault& fault, std::int64_t tick, Answers& out) const {
  if (fault.answered) return;
  ++(tick - fault.since < kShort ? out.passed : out.missed);
}

void Watch::judge(std::size_t carrier, const std::vector<double>& scores, const Scene& scene) {
  const auto& paths = fixture_.preferred[carrier];
  const auto best = std::ranges::min(paths, {}, [&](PathNo path) { return scores[path]; });
  for (const auto path : paths) {
    if (worse(scores[path], scores[best])) last_worse_[path] = scene.tick;
  }
  auto& fault = faults_[carrier];
  const auto path = scene.routing.path_of(carrier);
  const bool suffers = path && worse(scores[*path], scores[best]);
  if (fault && (!suffers || fault->path != *path)) {
    close(*fault, scene.tick, answers_);
    fault.reset();
  }
  if (suffers && !fault) fault = Fault{.since = scene.tick, .path = *path};
}

bool Watch::urgent(std::size_t carrier, std::int64_t tick) const {
  return tick - last_lost_[carrier] <= kRemembered;
}

void Watch::note_emergencies(const Scene& scene) {
  int back = scene.routing.back_and_forth() - std::exchange(back_, scene.routing.back_and_forth());
  for (std::size_t carrier = 0; carrier < paths_.size(); ++carrier) {
    const auto path = scene.routing.path_of(carrier);
    const bool moved = std::exchange(paths_[carrier], path) != path;
    if (moved && urgent(carrier, scene.tick) && back > 0) {
      ++answers_.urgent_back;
      --back;
    }
    if (!path || scene.load.level(*path, scene.tick).loss_ppm >= kEmergencyLoss)
      last_lost_[carrier] = scene.tick;
  }
}

bool Watch::note_updates(const Scene& scene) {
  bool any = false;
  for (const auto& [link, stance] : scene.routing.said()) {
    auto& before = said_.at(link);
    if (before == stance) continue;
    any = true;
    bool sends = false;
    bool right = false;
    for (std::size_t carrier = 0; carrier < faults_.size(); ++carrier) {
      const auto& name = fixture_.config().carriers[carrier];
      const int change = handicap(stance, name) - handicap(before, name);
      if (change == 0) continue;
      if (auto& fault = faults_[carrier]; fault && !fault->answered) {
        const auto& key = fixture_.paths[fault->path];
        const bool here = key.node == link.first && key.upstream == link.second;
        fault->answered = here ? change > 0 : change < 0;
        if (fault->answered) {
          const auto ticks = static_cast<double>(scene.tick - fault->since + 1);
          answers_.decided_s.push_back(ticks * to_seconds(kTick));
        }
      }
      for (PathNo path = 0; path < fixture_.paths.size(); ++path) {
        const auto& key = fixture_.paths[path];
        const bool is =
            key.node == link.first && key.upstream == link.second && key.carrier == name;
        if (!is || change < 0) continue;
        sends = true;
        right = right || scene.tick - last_worse_[path] <= kRemembered;
      }
    }
    answers_.sent_away += sends ? 1 : 0;
    answers_.false_ones += sends && !right ? 1 : 0;
    before = stance;
  }
  return any;
}

void Watch::look(const Scene& scene) {
  std::vector<double> scores;
  scores.reserve(fixture_.paths.size());
  for (PathNo path = 0; path < fixture_.paths.size(); ++path)
    scores.push_back(score(scene.load.level(path, scene.tick)));
  bool emergency = false;
  note_emergencies(scene);
  for (std::size_t carrier = 0; carrier < faults_.size(); ++carrier) {
    judge(carrier, scores, scene);
    emergency = emergency || urgent(carrier, scene.tick);
  }
  if (note_updates(scene) && !emergency)
    answers_.calm_penalty = std::max(answers_.calm_penalty, scene.routing.penalty());
  tick_ = scene.tick;
}

Answers Watch::answers() const {
  auto out = answers_;
  for (const auto& fault : faults_) {
    if (fault) close(*fault, tick_ + 1, out);
  }
  return out;
}

}  // namespace anycast::sim
