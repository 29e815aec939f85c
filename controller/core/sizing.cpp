#include "controller/core/sizing.hpp"

#include <algorithm>
#include <cmath>

#include "controller/core/estimate.hpp"
#include "controller/core/meter.hpp"

namespace anycast::core {
namespace {

/// Every probe sends one packet a round.
Duration lasting(double rounds, Duration every) {
  return Duration{static_cast<std::int64_t>(std::ceil(rounds)) * every.count()};
}

/// Wald's approximation: the alarm by the mean step of a packet. Only the first loss of a run has
/// its full weight. The CUSUMs go back no further than the slow window.
std::optional<Duration> until_alarm(const Thresholds& thresholds, const EvidenceConfig& evidence,
                                    Ppm loss, int probes, Duration every) {
  const auto weights = CusumWeights::of(thresholds);
  const auto share = to_ratio(loss);
  const auto first = static_cast<double>(weights.loss);
  const auto further = first / static_cast<double>(CusumWeights::kBurst);
  const auto each = static_cast<double>(weights.alarm) / probes;
  double rounds = std::max(1.0, 1 + (each - first) / further);
  if (loss < kAll) {
    const double step = share * (1 - share) * first + share * share * further -
                        (1 - share) * static_cast<double>(weights.reply);
    if (step <= 0) return std::nullopt;
    rounds = each / step;
  }
  const auto span = lasting(rounds, every);
  return span <= evidence.longest() ? std::optional{span} : std::nullopt;
}

/// Until the losses that came since are over `bad` for sure, in a window that was clean before.
std::optional<Duration> until_bound(const Thresholds& thresholds, const EvidenceConfig& evidence,
                                    Ppm loss, int probes, Duration every) {
  const auto rounds = evidence.window / every;
  const auto held = static_cast<int>(rounds) * probes;
  for (int round = 1; round <= rounds; ++round) {
    const auto lost = static_cast<int>(std::llround(to_ratio(loss) * round * probes));
    if (loss_interval(lost, held).low > thresholds.loss.bad)
      return lasting(round, every) + thresholds.for_;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Ppm> sizing_losses(const Thresholds& thresholds) {
  const auto bad = thresholds.loss.bad;
  std::vector<Ppm> out{bad, std::min(2 * bad, kAll), kAll / 10, 3 * kAll / 10, kAll};
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Sizing sizing(const Thresholds& thresholds, const EvidenceConfig& evidence, int probes,
              Duration every) {
  Sizing out{.probes = probes, .every = every};
  const auto held = probes * (evidence.window / every);
  out.smallest = held > 0 ? kAll / held : kAll;
  for (const auto loss : sizing_losses(thresholds)) {
    const auto alarm = until_alarm(thresholds, evidence, loss, probes, every);
    const auto bound = until_bound(thresholds, evidence, loss, probes, every);
    out.seen.push_back(alarm && bound ? std::min(*alarm, *bound) : alarm ? alarm : bound);
  }
  // Wilson's upper bound with nothing lost is z^2 / (n + z^2).
  const auto clear = std::max(to_ratio(thresholds.loss.clear), 1e-6);
  out.clear = lasting((std::floor(kZ * kZ * (1 - clear) / clear) + 1) / probes, every);
  return out;
}

}  // namespace anycast::core
