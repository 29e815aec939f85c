#include "controller/core/middle.hpp"

#include <algorithm>

namespace anycast::core {
namespace {

/// How many are less. Looking at each costs less than a search that has to wait for every answer:
/// they are few, and the compiler compares several at a time.
std::ptrdiff_t place_of(const std::vector<Middle::Key>& sorted, Middle::Key wanted) {
  std::int32_t less = 0;
  for (const auto key : sorted) less += key < wanted ? 1 : 0;
  return less;
}

}  // namespace

void Middle::add(Key key) {
  ++count_;
  if (key < least_) {
    ++below_;
  } else if (key <= most_) {
    sorted_.insert(sorted_.begin() + place_of(sorted_, key), key);
  }
}

void Middle::remove(Key key) {
  --count_;
  if (key < least_) {
    --below_;
  } else if (key <= most_) {
    sorted_.erase(sorted_.begin() + place_of(sorted_, key));
  }
}

void Middle::replace(Key gone, Key come) {
  if (!among_sorted(gone) || !among_sorted(come)) {
    remove(gone);
    add(come);
    return;
  }
  // Only what lies between the two moves.
  const auto from = sorted_.begin() + place_of(sorted_, gone);
  const auto to = sorted_.begin() + place_of(sorted_, come);
  if (come > gone) {
    *std::move(std::next(from), to, from) = come;
  } else {
    std::move_backward(to, from, std::next(from));
    *to = come;
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
void Middle::gather(std::vector<Key> all) {
  count_ = all.size();
  ranks_ = median_ranks(count_);
  ranks_for_ = count_;
  constexpr std::size_t kAllOf = 128;
  const auto more = count_ <= kAllOf ? count_ : ranks_.high - ranks_.low + 1;
  const auto at = [&](std::size_t rank) {
    const auto place = all.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(all.begin(), place, all.end());
    return *place;
  };
  least_ = ranks_.low > more ? at(ranks_.low - more) : std::numeric_limits<Key>::min();
  most_ = ranks_.high + more < count_ ? at(ranks_.high + more) : std::numeric_limits<Key>::max();
  sorted_.clear();
  below_ = 0;
  for (const auto key : all) {
    if (key < least_) {
      ++below_;
    } else if (key <= most_) {
      sorted_.push_back(key);
    }
  }
  std::sort(sorted_.begin(), sorted_.end());
  gathered_ = sorted_.size();
}

}  // namespace anycast::core
