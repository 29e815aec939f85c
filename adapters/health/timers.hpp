#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "controller/base/time.hpp"

namespace anycast::health {

/// The clock that nobody sets.
using Steady = std::chrono::time_point<std::chrono::steady_clock, Duration>;
inline Steady steady_now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

/// One timer a slot: to set it anew takes the old one back.
class Timers {
 public:
  explicit Timers(std::size_t slots) : valid_(slots, 0) {}
  void set(std::size_t slot, Steady at);
  void cancel(std::size_t slot) { ++valid_.at(slot); }
  /// When the first is due.
  std::optional<Steady> next();
  /// Takes one that is due.
  std::optional<std::size_t> pop(Steady now);

 private:
  struct Entry {
    Steady at;
    std::uint32_t slot;
    std::uint32_t number;
  };
  static bool later(const Entry& a, const Entry& b) { return a.at > b.at; }
  void drop();

  std::vector<Entry> heap_ = {};
  std::vector<std::uint32_t> valid_;  ///< number of the slot's timer that counts
};

}  // namespace anycast::health
