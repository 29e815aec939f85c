#include "controller/sim/dice.hpp"

#include <cmath>

namespace anycast::sim {

std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

double exponential(double x) {
  constexpr double kLn2 = 0.693147180559945309417;
  constexpr double kFarBelow = -700;
  constexpr int kTerms = 18;
  if (x < kFarBelow) return 0;
  const double halvings = std::floor(x / kLn2 + 0.5);
  const double rest = x - halvings * kLn2;
  double sum = 1;
  for (int i = kTerms; i > 0; --i) sum = 1 + sum * rest / i;
  return std::ldexp(sum, static_cast<int>(halvings));
}

double Dice::gauss() {
  constexpr int kSum = 12;
  double sum = -kSum / 2.0;
  for (int i = 0; i < kSum; ++i) sum += uniform();
  return sum;
}

}  // namespace anycast::sim
