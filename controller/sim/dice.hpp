#pragma once

#include <cstdint>

namespace anycast::sim {

/// splitmix64's finisher: every bit of the input reaches every bit of the output.
std::uint64_t mix(std::uint64_t x);

/// e^x by exact scaling and a polynomial, so that every machine gets the same bits; a library's own
/// may differ in the last.
double exponential(double x);

/// A stream of random numbers, the same on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_{mix(seed)} {}

  std::uint64_t next() { return mix(state_++); }
  double uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }  ///< in [0, 1)
  double between(double low, double high) { return low + (high - low) * uniform(); }
  /// Mean 0, deviation 1, never beyond 6: a sum of twelve (Irwin and Hall).
  double gauss();

 private:
  std::uint64_t state_;
};

}  // namespace anycast::sim
