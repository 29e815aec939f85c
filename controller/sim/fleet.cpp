#include "controller/sim/fleet.hpp"

#include <algorithm>
#include <utility>

#include "controller/core/said.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::sim {
namespace {

class MemoryStore : public Store {
 public:
  Result<std::optional<State>> load() override { return state_; }
  Result<void> save(const State& state, Time, const std::vector<Event>&) override {
    state_ = state;
    return {};
  }
  Result<std::vector<HistoryEntry>> history(const HistoryQuery&) override {
    return std::vector<HistoryEntry>{};
  }
  Result<void> keep(std::uint64_t, Time, const std::string&) override { return {}; }
  Result<std::optional<std::string>> explanation(std::uint64_t) override { return std::nullopt; }

 private:
  std::optional<State> state_;
};

}  // namespace

Fragment boot_fragment(const core::Setup& setup) {
  std::map<std::string, Stance> stances;
  for (const auto& [upstream, session] : setup.config.me().sessions) stances[upstream] = {};
  return render::fragment(setup.fragment, setup.config, stances).value_or(Fragment{});
}

Speaker::Speaker(const Config& config, Fragment boot)
    : config_{config}, running_{std::move(boot)} {}

Result<RouterView> Speaker::in_force() {
  if (away) return tl::unexpected(*away);
  RouterView out{.kind = "bird", .version = "simulated"};
  for (const auto& [upstream, session] : config_.me().sessions) {
    auto& view = out.sessions[upstream];
    view.up = true;
    view.state = "Established";
  }
  core::run(out, running_);
  out.unconfirmed = before_.has_value();
  return out;
}

Result<void> Speaker::check(const Fragment&) {
  if (refuses) return tl::unexpected(*refuses);
  return {};
}

Result<void> Speaker::apply(const Fragment& fragment, Duration) {
  if (auto checked = check(fragment); !checked) return checked;
  before_ = std::exchange(running_, fragment);
  ++changes;
  return {};
}

Result<void> Speaker::confirm() {
  if (!before_) return fail(Remedy::look_at_peer, "nothing is on probation");
  before_.reset();
  return {};
}

Result<void> Speaker::undo() {
  if (!before_) return fail(Remedy::look_at_peer, "nothing is on probation");
  running_ = *std::exchange(before_, std::nullopt);
  return {};
}

Result<void> Speaker::silence(const Fragment& withdrawn) {
  running_ = withdrawn;
  before_.reset();
  ++changes;
  return {};
}

class SimNode : EvidenceSource, Journal, Clock {
 public:
  SimNode(SimFleet& fleet, std::shared_ptr<const core::Setup> setup, Time start)
      : name{setup->config.self},
        speaker{setup->config, boot_fragment(*setup)},
        fleet_{fleet},
        setup_{setup},
        line_{setup, State{}, start} {}

  void cycle() {
    Store& store = recording != nullptr ? static_cast<Store&>(*recording) : store_;
    const Ports ports{*this, speaker, store, *this, *this, [](Duration) {}};
    published = line_.cycle(ports, std::exchange(orders, {}), replies);
    if (recording != nullptr) recording->take(published);
    for (const auto& [upstream, session] : published->state.sessions) {
      fleet_.announced_[{name, upstream}] = session.stance;
    }
  }

  std::string name;
  Speaker speaker;
  std::vector<Order> orders;
  std::vector<OrderReply> replies;
  std::shared_ptr<const Published> published;
  Recording* recording = nullptr;

 private:
  Result<Evidence> evidence(Time at) override {
    if (fleet_.prometheus_away) return tl::unexpected(*fleet_.prometheus_away);
    if (fleet_.evidence_.at != at) fleet_.evidence_ = fleet_.world_.evidence(at);
    if (recording != nullptr) recording->hear(fleet_.evidence_);
    return fleet_.evidence_;
  }
  Result<FleetView> fleet(Time) override {
    if (fleet_.prometheus_away) return tl::unexpected(*fleet_.prometheus_away);
    FleetView out;
    if (fleet_.fleet_unknown) return out;
    for (const auto& [pair, stance] : fleet_.announced_) {
      auto& stances = out[pair.first].stances;
      if (stance.announces()) stances.emplace(pair.second, stance);
    }
    for (const auto& node : fleet_.nodes_) {
      if (node->published && !node->published->state.changes.empty())
        out[node->name].last_change = node->published->state.changes.back();
    }
    return out;
  }
  void write(const Event& event) override { fleet_.events_.emplace_back(fleet_.now_, event); }
  Time now() const override { return fleet_.now_; }

  SimFleet& fleet_;
  std::shared_ptr<const core::Setup> setup_;
  MemoryStore store_;
  Line line_;
};

SimFleet::SimFleet(const core::Setup& setup, World& world, Time start)
    : world_{world}, now_{start} {
  for (const auto& [name, entry] : setup.config.nodes) {
    auto own = std::make_shared<core::Setup>(setup);
    own->config.self = name;
    nodes_.push_back(std::make_unique<SimNode>(*this, own, start));
    for (const auto& [upstream, session] : entry.sessions) announced_[{name, upstream}] = {};
  }
}

SimFleet::~SimFleet() = default;

void SimFleet::tick() {
  now_ += nodes_.front()->published ? nodes_.front()->published->config->prometheus.interval
                                    : Duration{0};
  for (const auto& node : nodes_) node->cycle();
}

namespace {
SimNode& find(const std::vector<std::unique_ptr<SimNode>>& nodes, const std::string& name) {
  return **std::ranges::find(nodes, name, [](const auto& node) { return node->name; });
}
}  // namespace

const Published& SimFleet::published(const std::string& node) const {
  return *find(nodes_, node).published;
}
Speaker& SimFleet::speaker(const std::string& node) { return find(nodes_, node).speaker; }
const std::vector<OrderReply>& SimFleet::replies(const std::string& node) const {
  return find(nodes_, node).replies;
}

void SimFleet::record(Recording& recording) {
  find(nodes_, recording.node()).recording = &recording;
}

void SimFleet::order(const std::string& node, Order order) {
  auto& target = find(nodes_, node);
  order.id = target.replies.size() + target.orders.size() + 1;
  target.orders.push_back(std::move(order));
}

std::vector<std::pair<Time, Event>> SimFleet::take_events() { return std::exchange(events_, {}); }

}  // namespace anycast::sim
