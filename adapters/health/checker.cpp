#include "adapters/health/checker.hpp"

#include <pthread.h>

#include "adapters/health/rounds.hpp"

namespace anycast::health {

Result<std::unique_ptr<Checker>> Checker::start(Settings settings) {
  auto rounds = std::make_unique<Rounds>(std::move(settings));
  if (auto opened = rounds->open(); !opened) return tl::unexpected(std::move(opened.error()));
  return std::unique_ptr<Checker>{new Checker{std::move(rounds)}};
}

Checker::Checker(std::unique_ptr<Rounds> rounds)
    : rounds_{std::move(rounds)}, thread_{[all = rounds_.get()] {
        ::pthread_setname_np(::pthread_self(), "health");
        all->run();
      }} {}

Checker::~Checker() {
  rounds_->stop();
  thread_.join();
}

Result<Health> Checker::health() { return rounds_->health(); }

CheckStats Checker::stats() const { return rounds_->stats(); }

}  // namespace anycast::health
