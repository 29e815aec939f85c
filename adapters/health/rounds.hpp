#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "adapters/health/checker.hpp"
#include "adapters/health/http.hpp"
#include "adapters/health/timers.hpp"
#include "adapters/system/fd.hpp"

namespace anycast::health {

/// What the thread of the checks does. Only `health`, `stats` and `stop` may be called by others.
class Checker::Rounds {
 public:
  explicit Rounds(Settings settings);
  Result<void> open();
  void run();
  void stop();

  Health health() const;
  CheckStats stats() const;

 private:
  /// A real server of a service, and the try that is under way.
  struct Slot {
    const std::string* service;
    ServerKey endpoint;
    const Check* check;
    Duration phase;  ///< of its tries in the interval
    bool counts;     ///< it has a weight
    RealState state = {};
    Steady planned = {};  ///< beginning of this try, or of the next
    bool trying = false;
    Fd socket = {};
    Steady began = {};
  };

  Duration wait();
  void on_events(int count);
  void on_timers();
  void begin(std::size_t index);
  void finish(std::size_t index, const Answer& answer);
  void plan(std::size_t index, Steady after_this);
  void turned(const Slot& slot, Alive before);
  /// Tries that may be open at once, by the limit of this process on descriptors.
  static std::size_t room(std::size_t wanted);

  Settings settings_;
  std::vector<Slot> slots_;
  Timers timers_;
  Fd epoll_ = {};
  Fd wake_ = {};
  std::unique_ptr<HttpTries> http_ = {};
  std::vector<epoll_event> events_;
  Steady began_ = {};
  Steady woke_ = {};       ///< beginning of this round
  Duration held_up_ = {};  ///< how much later this round began than it should have
  std::size_t room_ = 0;
  std::map<std::string, int> up_ = {};  ///< by service, of those that count
  std::optional<Turn> turn_ = {};       ///< to be told
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_ = {};  ///< for `stats_` and each slot's `state`
  CheckStats stats_ = {};
};

}  // namespace anycast::health
