#pragma once

#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/inside_change.hpp"

namespace anycast {

/// Addresses and IPVS of this host's kernel.
class Kernel {
 public:
  virtual ~Kernel() = default;
  /// Asks for everything, ours or not. Without IPVS, or without the right to read it, the addresses
  /// are still told.
  virtual Result<InsideView> inside() = 0;
  /// Carries them out in order and says how each went; a refusal does not keep the rest from being
  /// tried. Only what takes something away (a removal, a weight of 0) is left out where an earlier
  /// change of the same service has failed.
  virtual std::vector<Result<void>> carry_out(const std::vector<InsideChange>& changes) = 0;
};

}  // namespace anycast
