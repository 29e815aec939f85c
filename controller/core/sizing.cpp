#include "controller/core/sizing.hpp"

#include <algorithm>
#include <cmath>

#include "controller/core/estimate.hpp"
#include "controller/core/meter.hpp"

namespace anycast::core {
namespace {

/// Packets of all probes together, as time.
Duration lasting(double packets, int probes, Duration every) {
  const auto rounds = std::ceil(packets / probes);
  return Duration{static_cast<std::int64_t>(rounds) * every.count()};
}

}  // namespace

std::vector<Ppm> sizing_losses(const Thresholds& thresholds) {
  const auto bad = thresholds.loss.bad;
  std::vector<Ppm> out{bad, std::min(2 * bad, kAll), kAll / 10, 3 * kAll / 10, kAll};
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Sizing sizing(const Thresholds& thresholds, Duration window, int probes, Duration every) {
  Sizing out{.probes = probes, .every = every};
  const auto held = probes * (window / every);
  out.smallest = held > 0 ? kAll / held : kAll;
  const auto weights = CusumWeights::of(thresholds);
  for (const auto loss : sizing_losses(thresholds)) {
    const auto share = to_ratio(loss);
    const double step = share * static_cast<double>(weights.loss) -
                        (1 - share) * static_cast<double>(weights.reply);
    const auto packets = static_cast<double>(weights.alarm) / step;
    out.alarm.push_back(step > 0 ? std::optional{lasting(packets, probes, every)} : std::nullopt);
  }
  // Wilson's upper bound with nothing lost is z^2 / (n + z^2).
  const auto clear = std::max(to_ratio(thresholds.loss.clear), 1e-6);
  out.clear = lasting(std::floor(kZ * kZ * (1 - clear) / clear) + 1, probes, every);
  return out;
}

}  // namespace anycast::core
