#include "adapters/health/timers.hpp"

#include <algorithm>

namespace anycast::health {

void Timers::set(std::size_t slot, Steady at) {
  heap_.push_back({at, static_cast<std::uint32_t>(slot), ++valid_.at(slot)});
  std::ranges::push_heap(heap_, later);
}

void Timers::drop() {
  std::ranges::pop_heap(heap_, later);
  heap_.pop_back();
}

std::optional<Steady> Timers::next() {
  while (!heap_.empty() && heap_.front().number != valid_.at(heap_.front().slot)) drop();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

std::optional<std::size_t> Timers::pop(Steady now) {
  const auto first = next();
  if (!first || *first > now) return std::nullopt;
  const std::size_t slot = heap_.front().slot;
  cancel(slot);
  drop();
  return slot;
}

}  // namespace anycast::health
