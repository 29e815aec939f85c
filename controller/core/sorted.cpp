#include "controller/core/sorted.hpp"

#include <algorithm>
#include <array>

namespace anycast::core {
namespace {

/// How many are less than each that is wanted. Where few are left, looking at each costs less than
/// a search that has to wait for every answer: the compiler compares several at a time.
template <std::size_t N>
std::array<std::ptrdiff_t, N> places_of(const std::vector<Sorted::Key>& keys,
                                        const std::array<Sorted::Key, N>& wanted) {
  constexpr std::size_t kFew = 48;
  std::array<const Sorted::Key*, N> from;
  from.fill(keys.data());
  auto left = keys.size();
  while (left > kFew) {
    const auto half = left / 2;
    for (std::size_t i = 0; i < N; ++i)
      from[i] += half * static_cast<std::size_t>(from[i][half - 1] < wanted[i]);
    left -= half;
  }
  std::array<std::int32_t, N> less{};
  for (std::size_t k = 0; k < left; ++k) {
    for (std::size_t i = 0; i < N; ++i) less[i] += from[i][k] < wanted[i] ? 1 : 0;
  }
  std::array<std::ptrdiff_t, N> out;
  for (std::size_t i = 0; i < N; ++i) out[i] = from[i] - keys.data() + less[i];
  return out;
}

}  // namespace

void Sorted::add(Key key) {
  const auto [place] = places_of(keys_, std::array{key});
  keys_.insert(keys_.begin() + place, key);
}

void Sorted::remove(Key key) {
  const auto [place] = places_of(keys_, std::array{key});
  keys_.erase(keys_.begin() + place);
}

void Sorted::replace(Key gone, Key come) {
  // Only what lies between the two moves.
  const auto [old, fresh] = places_of(keys_, std::array{gone, come});
  const auto from = keys_.begin() + old;
  const auto to = keys_.begin() + fresh;
  if (come > gone) {
    *std::move(std::next(from), to, from) = come;
  } else {
    std::move_backward(to, from, std::next(from));
    *to = come;
  }
}

}  // namespace anycast::core
