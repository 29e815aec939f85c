#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/app/line.hpp"
#include "controller/render/fragment.hpp"
#include "controller/sim/article.hpp"
#include "controller/sim/fleet.hpp"
#include "tests/support/core.hpp"
#include "tests/support/fake_health.hpp"
#include "tests/support/fake_kernel.hpp"
#include "tests/support/fleet.hpp"
#include "tests/support/memory_store.hpp"

namespace anycast::test {

/// The line of hk-idc-1 on a virtual clock, with a routing daemon that a test can spoil.
class Rig : EvidenceSource, Journal, Clock {
 public:
  explicit Rig(const std::function<void(Config&)>& edit = {},
               std::shared_ptr<const core::Setup> shadow = nullptr)
      : setup_{make_setup(edit, std::move(shadow))},
        world{setup_->config, 7},
        speaker{setup_->config, plain()},
        line{setup_, {}, kStart} {
    sim::quiet_day(world);
  }

  std::shared_ptr<const Published> cycle() {
    now_ += setup_->config.prometheus.interval;
    auto out = run(Wake::due);
    now_ = aligned(now_, setup_->config.prometheus.interval);
    return out;
  }
  /// A while after the last cycle.
  std::shared_ptr<const Published> woken(Duration later) {
    now_ += later;
    return run(Wake::local);
  }

  /// An order that changes one session at once.
  void prepend(std::uint64_t id) {
    orders.push_back({.kind = Order::Kind::pin,
                      .id = id,
                      .upstream = "cmi",
                      .stance = {.kind = Stance::Kind::prepend, .prepend = 1},
                      .reason = "test",
                      .actor = "lin"});
  }

  std::shared_ptr<const core::Setup> setup_;
  sim::World world;
  sim::Speaker speaker;
  MemoryStore store;
  Line line;
  std::vector<Order> orders;
  std::vector<OrderReply> replies;
  std::vector<Event> journal;
  std::unique_ptr<FakeHealth> health;
  std::unique_ptr<FakeKernel> kernel;
  int asked = 0;          ///< times that Prometheus was asked for samples
  bool pressing = false;  ///< news that Prometheus is not waited for

 private:
  std::shared_ptr<const Published> run(Wake wake) {
    replies.clear();
    const Ports ports{.evidence = *this,
                      .router = speaker,
                      .store = store,
                      .journal = *this,
                      .clock = *this,
                      .wait = [this](Duration d) { now_ += d; },
                      .health = health.get(),
                      .kernel = kernel.get(),
                      .pressing = [this] { return pressing; }};
    return line.cycle(ports, std::exchange(orders, {}), replies, wake);
  }
  static std::shared_ptr<const core::Setup> make_setup(const std::function<void(Config&)>& edit,
                                                       std::shared_ptr<const core::Setup> shadow) {
    auto setup = *sim::article();
    setup.config.self = "hk-idc-1";
    if (edit) edit(setup.config);
    setup.shadow = std::move(shadow);
    return std::make_shared<const core::Setup>(std::move(setup));
  }
  Fragment plain() const {
    std::map<std::string, Stance> stances;
    for (const auto& [upstream, session] : setup_->config.me().sessions) stances[upstream] = {};
    return *render::fragment(setup_->fragment, setup_->config, stances);
  }
  Result<Evidence> evidence(Time at) override {
    ++asked;
    if (pressing) return fail(Remedy::wait, "was not waited for");
    return world.evidence(at);
  }
  Result<FleetView> fleet(Time) override {
    if (pressing) return fail(Remedy::wait, "was not waited for");
    return FleetView{{"hk-ali-1", announcing({"cmi", "ntt"})},
                     {"hk-aws-1", announcing({"cmi", "ntt"})},
                     {"hk-tx-1", announcing({"hkbn", "pccw"})}};
  }
  void write(const Event& event) override { journal.push_back(event); }
  Time now() const override { return now_; }

  Time now_ = kStart;
};

}  // namespace anycast::test
