#include "controller/core/middle.hpp"

#include <algorithm>

namespace anycast::core {
namespace {

std::int64_t key_of(const Rtt& rtt) { return (std::int64_t{rtt.us} << 32U) + rtt.half_us; }

Rtt rtt_of(std::int64_t key) {
  constexpr std::int64_t kHalf = 0xFFFF'FFFF;
  return {.us = static_cast<std::int32_t>(key >> 32U),
          .half_us = static_cast<std::int32_t>(key & kHalf)};
}

/// Where the key is or would be among the sorted ones. Nobody can predict the way there, hence a
/// search that adds instead of branching.
std::vector<std::int64_t>::iterator place_of(std::vector<std::int64_t>& sorted,
                                             std::int64_t wanted) {
  auto at = sorted.begin();
  auto left = std::ssize(sorted);
  while (left > 1) {
    const auto half = left / 2;
    at += at[half - 1] < wanted ? half : 0;
    left -= half;
  }
  return left == 1 && *at < wanted ? std::next(at) : at;
}

}  // namespace

void Middle::add(const Rtt& rtt) {
  const auto key = key_of(rtt);
  ++count_;
  if (key < least_) {
    ++below_;
  } else if (key <= most_) {
    sorted_.insert(place_of(sorted_, key), key);
  }
}

void Middle::remove(const Rtt& rtt) {
  const auto key = key_of(rtt);
  --count_;
  if (key < least_) {
    --below_;
  } else if (key <= most_) {
    sorted_.erase(place_of(sorted_, key));
  }
}

bool Middle::holds() {
  constexpr std::size_t kSlack = 16;
  if (count_ == 0) return true;
  if (count_ != ranks_for_) {
    ranks_ = median_ranks(count_);
    ranks_for_ = count_;
  }
  const bool inside = below_ <= ranks_.low && ranks_.high < below_ + sorted_.size();
  return inside && sorted_.size() <= 2 * gathered_ + kSlack;
}

/// On both sides as many more as the median's interval is wide: it takes some time to drift so far.
/// Of few replies all are sorted, and nothing drifts.
void Middle::gather(std::vector<Rtt> all) {
  std::vector<Key> keys;
  keys.reserve(all.size());
  for (const auto& rtt : all) keys.push_back(key_of(rtt));
  count_ = keys.size();
  ranks_ = median_ranks(count_);
  ranks_for_ = count_;
  constexpr std::size_t kAllOf = 128;
  const auto more = count_ <= kAllOf ? count_ : ranks_.high - ranks_.low + 1;
  const auto at = [&](std::size_t rank) {
    const auto place = keys.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(keys.begin(), place, keys.end());
    return *place;
  };
  least_ = ranks_.low > more ? at(ranks_.low - more) : std::numeric_limits<Key>::min();
  most_ = ranks_.high + more < count_ ? at(ranks_.high + more) : std::numeric_limits<Key>::max();
  sorted_.clear();
  below_ = 0;
  for (const auto key : keys) {
    if (key < least_) {
      ++below_;
    } else if (key <= most_) {
      sorted_.push_back(key);
    }
  }
  std::sort(sorted_.begin(), sorted_.end());
  gathered_ = sorted_.size();
}

Bounded<Duration> Middle::median() const {
  return core::median(ranks_, [&](std::size_t rank) { return rtt_of(sorted_[rank - below_]); });
}

}  // namespace anycast::core
