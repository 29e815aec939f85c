#include "controller/core/sorted.hpp"

#include <algorithm>

namespace anycast::core {
namespace {

/// How many are less. Where few are left, looking at each costs less than a search that has to wait
/// for every answer: the compiler compares several at a time.
std::ptrdiff_t place_of(const std::vector<Sorted::Key>& keys, Sorted::Key wanted) {
  constexpr std::size_t kFew = 32;
  const auto* from = keys.data();
  auto left = keys.size();
  while (left > kFew) {
    const auto half = left / 2;
    from += half * static_cast<std::size_t>(from[half - 1] < wanted);
    left -= half;
  }
  std::int32_t less = 0;
  for (std::size_t i = 0; i < left; ++i) less += from[i] < wanted ? 1 : 0;
  return from - keys.data() + less;
}

}  // namespace

void Sorted::add(Key key) { keys_.insert(keys_.begin() + place_of(keys_, key), key); }

void Sorted::remove(Key key) { keys_.erase(keys_.begin() + place_of(keys_, key)); }

void Sorted::replace(Key gone, Key come) {
  // Only what lies between the two moves.
  const auto from = keys_.begin() + place_of(keys_, gone);
  const auto to = keys_.begin() + place_of(keys_, come);
  if (come > gone) {
    *std::move(std::next(from), to, from) = come;
  } else {
    std::move_backward(to, from, std::next(from));
    *to = come;
  }
}

}  // namespace anycast::core
