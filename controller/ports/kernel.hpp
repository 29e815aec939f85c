#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/inside_change.hpp"
#include "controller/model/inside_view.hpp"

namespace anycast {

/// Addresses, IPVS and some routes of this host's kernel.
class Kernel {
 public:
  virtual ~Kernel() = default;
  /// Asks for all addresses and services, ours or not, and for what carries our protocol number in
  /// these routing tables. Without IPVS, or without the right to read it, the rest is still told.
  virtual Result<InsideView> inside(const std::set<std::uint32_t>& tables) = 0;
  /// Carries them out in order and says how each went; a refusal does not keep the rest from being
  /// tried. Only what takes something away (a removal, a weight of 0) is left out where an earlier
  /// change of the same service has failed.
  virtual std::vector<Result<void>> carry_out(const std::vector<InsideChange>& changes) = 0;
};

}  // namespace anycast
