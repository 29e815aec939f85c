#include "controller/sim/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "controller/app/line.hpp"
#include "controller/base/text.hpp"
#include "controller/sim/fleet.hpp"

namespace anycast::sim {
namespace {

/// The line keeps its state itself; nothing here outlives it.
class NoStore final : public Store {
 public:
  Result<std::optional<State>> load() override { return std::nullopt; }
  Result<void> save(const State&, Time, const std::vector<Event>&) override { return {}; }
  Result<std::vector<HistoryEntry>> history(const HistoryQuery&) override {
    return std::vector<HistoryEntry>{};
  }
  Result<void> keep(std::uint64_t, Time, const std::string&) override { return {}; }
  Result<std::optional<std::string>> explanation(std::uint64_t) override { return std::nullopt; }
};

/// What all nodes share: the evidence, the time, and who announces what.
struct Stage {
  TraceSource& trace;
  Time now;
  std::map<std::pair<std::string, std::string>, Stance> announced = {};
  Result<Evidence> evidence = Evidence{.at = {}};

  /// Asked once for all nodes of the same time.
  const Result<Evidence>& ask(Time at) {
    if (evidence && evidence->at == at) return evidence;
    evidence = trace.evidence(at);
    if (evidence) {
      std::erase_if(evidence->series,
                    [](const ProbeSeries& series) { return series.key.target == Target::vip; });
    }
    return evidence;
  }
};

class Player final : EvidenceSource, Journal, Clock {
 public:
  Player(Stage& stage, std::shared_ptr<const core::Setup> setup, Recording* recording)
      : stage_{stage},
        setup_{setup},
        recording_{recording},
        speaker_{setup->config, boot_fragment(*setup)},
        line_{setup, State{}, stage.now} {
    for (const auto& [upstream, session] : config().me().sessions) {
      stage_.announced[{config().self, upstream}] = {};
    }
  }

  const Config& config() const { return setup_->config; }
  Time due() const { return due_; }
  std::vector<Event> take_events() { return std::exchange(events_, {}); }

  std::shared_ptr<const Published> cycle() {
    Store& store = recording_ != nullptr ? static_cast<Store&>(*recording_) : store_;
    const Ports ports{*this, speaker_, store, *this, *this, [](Duration) {}};
    std::vector<OrderReply> replies;
    auto out = line_.cycle(ports, {}, replies);
    for (const auto& [upstream, session] : out->state.sessions) {
      stage_.announced[{config().self, upstream}] = session.stance;
    }
    due_ = line_.next(stage_.now);
    if (recording_ != nullptr) recording_->take(out);
    return out;
  }

 private:
  Result<Evidence> evidence(Time at) override {
    const auto& asked = stage_.ask(at);
    if (recording_ != nullptr && asked) recording_->hear(*asked);
    return asked;
  }
  Result<FleetView> fleet(Time) override {
    FleetView out;
    for (const auto& [session, stance] : stage_.announced) {
      auto& stances = out[session.first].stances;
      if (stance.announces()) stances.emplace(session.second, stance);
    }
    return out;
  }
  void write(const Event& event) override { events_.push_back(event); }
  Time now() const override { return stage_.now; }

  Stage& stage_;
  std::shared_ptr<const core::Setup> setup_;
  Recording* recording_;  ///< null: nobody looks at this node afterwards
  Speaker speaker_;
  NoStore store_;
  Line line_;
  std::vector<Event> events_;
  Time due_ = {};
};

/// Everything that was decided, as text.
std::string text_of(const Plan& plan) {
  std::string out =
      fmt::format("{} {} {} {} {}/{}\n", format_utc(plan.now), plan.hash, to_string(plan.condition),
                  plan.condition_why, plan.series_usable, plan.series_expected);
  for (const auto& step : plan.steps) {
    out +=
        fmt::format("step {} {} -> {} rung {} {}: {} #{}\n", step.upstream, to_string(step.from),
                    to_string(step.to), step.rung, to_string(step.cause), step.why, step.decision);
    for (const auto& word : step.guards)
      out += fmt::format("  {} {} {}\n", word.guard, word.passed ? "passes" : "refuses", word.text);
  }
  for (const auto& session : plan.sessions) {
    out += fmt::format("session {} {}: {}; {}; {}\n", session.upstream, to_string(session.wanted),
                       session.why, session.next, session.effect);
  }
  for (const auto& notice : plan.notices)
    out += fmt::format("notice {}: {}\n", notice.code, notice.text);
  for (const auto& event : plan.events)
    out += fmt::format("event {}: {}\n", event.kind, event.text);
  if (plan.change) out += plan.change->text + "\n" + plan.change->diff;
  return out;
}

void tell(Time now, const std::string& node, const std::vector<Event>& events, Replayed& out) {
  for (const auto& event : events) {
    if (event.kind.starts_with("step-")) ++out.steps;
    if (worth_a_line(event)) out.transcript += transcript_line(now, node, event) + "\n";
  }
}

}  // namespace

bool worth_a_line(const Event& event) {
  return event.priority <= 5 && event.kind != "adopted" && event.kind != "applied";
}

std::string transcript_line(Time at, const std::string& node, const Event& event) {
  return fmt::format("{}Z {}: {}", format_utc(at).substr(0, 19), node, event.text);
}

Result<Replayed> replay(const core::Setup& setup, TraceSource& trace, Recording* recording) {
  const auto interval = setup.config.prometheus.interval;
  trace.serve(setup.config.evidence.longest(), interval);
  Stage stage{.trace = trace, .now = aligned(trace.head().from, interval) + interval};
  std::vector<std::unique_ptr<Player>> players;
  for (const auto& [name, node] : setup.config.nodes) {
    auto own = std::make_shared<core::Setup>(setup);
    own->config.self = name;
    own->config.mode = Mode::automatic;
    // A trace does not know what ROAs, real servers and kernels said then.
    own->config.rpki = {};
    own->config.nodes.at(name).services.clear();
    own->config.nodes.at(name).local = {};
    auto* const shown = recording != nullptr && recording->node() == name ? recording : nullptr;
    players.push_back(std::make_unique<Player>(stage, std::move(own), shown));
  }
  Replayed out;
  while (stage.now <= trace.head().to + setup.config.prometheus.lag) {
    for (const auto& player : players) {
      if (player->due() > stage.now) continue;
      const auto published = player->cycle();
      if (!stage.evidence) return tl::unexpected(stage.evidence.error());
      ++out.plans;
      out.digest = hash64_hex(out.digest + text_of(published->plan));
      tell(stage.now, player->config().self, player->take_events(), out);
    }
    stage.now = (*std::ranges::min_element(players, {}, &Player::due))->due();
  }
  return out;
}

}  // namespace anycast::sim
