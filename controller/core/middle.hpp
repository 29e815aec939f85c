#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "controller/core/estimate.hpp"

namespace anycast::core {

/// The replies of a window, as far as their median needs them. Only those about the middle are
/// sorted; of the others it is counted on which side they lie. What comes and what leaves between
/// two looks then costs two comparisons each, for most of it lies outside.
class Middle {
 public:
  using Key = std::int32_t;  ///< of a reply: us

  void add(Key key);
  /// One that was added.
  void remove(Key key);
  /// The same as `remove(gone)` and `add(come)`, for less.
  void replace(Key gone, Key come);

  std::size_t count() const { return count_; }
  /// False once so much has come and left that the ranks of the median are not among the sorted
  /// ones any more, or that too many are: `gather` is due.
  bool holds();
  /// Begins anew from all replies of the window, in any order.
  void gather(std::vector<Key> all);
  /// Where the median is and what lies there; not empty, and `holds`.
  const MedianRanks& ranks() const { return ranks_; }
  Key at(std::size_t rank) const { return sorted_[rank - below_]; }

 private:
  bool among_sorted(Key key) const { return least_ <= key && key <= most_; }

  std::vector<Key> sorted_;  ///< all from `least_` to `most_`
  Key least_ = std::numeric_limits<Key>::min();
  Key most_ = std::numeric_limits<Key>::max();
  std::size_t count_ = 0;
  std::size_t below_ = 0;      ///< under `least_`
  std::size_t gathered_ = 0;   ///< size of `sorted_` then
  std::size_t ranks_for_ = 0;  ///< the count that `ranks_` belongs to
  MedianRanks ranks_ = {};
};

}  // namespace anycast::core
