#include <csignal>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "adapters/keepalived/listener.hpp"
#include "adapters/sqlite/sqlite_store.hpp"
#include "adapters/system/clock.hpp"
#include "controller/app/line.hpp"
#include "controller/app/report.hpp"
#include "controller/app/text.hpp"
#include "controller/cmd/anycastd_daemon.hpp"
#include "controller/cmd/common.hpp"

namespace anycast::cmd {
namespace {

/// Sleeps until the deadline or until a signal asks to end; true: go on.
bool sleep_until(const sigset_t& ends, Duration span) {
  const auto us = std::max<std::int64_t>(span.count(), 0);
  const timespec wait{.tv_sec = us / 1'000'000, .tv_nsec = (us % 1'000'000) * 1000};
  return ::sigtimedwait(&ends, nullptr, &wait) < 0;
}

}  // namespace

int dry_run(const std::shared_ptr<const core::Setup>& setup, bool once) {
  const auto& config = setup->config;
  auto store = SqliteStore::open({.file = config.history.file, .access = Database::Access::read});
  if (!store) {
    std::cerr << "anycastd: " << to_string(store.error()) << "\n";
    return kFailed;
  }
  const auto loaded = (*store)->load();
  if (!loaded) {
    std::cerr << "anycastd: " << to_string(loaded.error()) << "\n";
    return kFailed;
  }
  sigset_t ends{};
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  const auto sources = connect(config);
  const SystemClock clock;
  NoJournal journal;
  const auto checker = check_services_once(config);
  if (!checker) {
    std::cerr << "anycastd: " << to_string(checker.error()) << "\n";
    return kFailed;
  }
  auto state = loaded->value_or(State{});
  const auto kernel = open_kernel(config, state);
  const auto& fifo = config.me().local.keepalived.fifo;
  const auto keepalived = fifo.empty() ? nullptr : keepalived::glance(config.me().local.keepalived);
  const Ports ports{
      *sources.evidence,       *sources.router, **store,      journal,         clock, {},
      sources.validator.get(), checker->get(),  kernel.get(), keepalived.get()};
  core::Meters meters{config};
  for (;;) {
    const auto now = aligned(clock.now(), config.prometheus.interval);
    const auto seen = look(*setup, state, observe(config, ports, state, {meters}, now));
    state = seen.thought.base();
    const auto shown = publish(std::shared_ptr<const Config>{setup, &config}, seen, state);
    std::cout << text::print(report::plan(shown), {.width = 160, .utc = true});
    for (const auto& event : seen.thought.plan.events)
      std::cout << "would say: " << event.text << "\n";
    std::cout << std::flush;
    if (once) return kOk;
    if (!sleep_until(ends, now + config.prometheus.interval - clock.now())) return kOk;
  }
}

}  // namespace anycast::cmd
