#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace anycast::core {

/// The replies of a window in ascending order, for their median.
class Sorted {
 public:
  using Key = std::int32_t;  ///< of a reply: us

  void add(Key key);
  /// One that was added.
  void remove(Key key);
  /// The same as `remove(gone)` and `add(come)`, for less.
  void replace(Key gone, Key come);

  std::size_t count() const { return keys_.size(); }
  Key at(std::size_t rank) const { return keys_[rank]; }

 private:
  std::vector<Key> keys_;
};

}  // namespace anycast::core
