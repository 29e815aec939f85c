#include "controller/model/buckets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace anycast {

std::string buckets_blur(const std::vector<Duration>& edges, const Levels<Duration>& levels) {
  const auto gap = levels.bad - levels.clear;
  const auto bad = std::ranges::lower_bound(edges, levels.bad);
  const auto above = std::ranges::lower_bound(edges, levels.clear);
  const auto clear = above == edges.begin() ? Duration{0} : *std::prev(above);
  const bool proves_bad = bad != edges.end() && *bad <= levels.bad + gap;
  if (proves_bad && clear >= std::max(levels.clear - gap, Duration{1})) return {};
  return fmt::format(
      "cannot tell 'bad' ({}) from 'clear' ({}): {}, {}", print_duration(levels.bad),
      print_duration(levels.clear),
      bad == edges.end() ? "nothing is proven bad" : "bad is proven above " + print_duration(*bad),
      clear == Duration{0} ? "nothing is proven clear" : "clear below " + print_duration(clear));
}

}  // namespace anycast
