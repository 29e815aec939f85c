#include "controller/core/estimate.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "controller/core/rounded.hpp"

namespace anycast::core {
namespace {

Duration round_us(double us) { return Duration{rounded(us)}; }

struct Weighted {
  Duration value;
  Ppm weight;
};

/// The least value up to which half of the weight lies.
Duration weighted_median(std::span<Weighted> values) {
  std::ranges::sort(values, {}, &Weighted::value);
  Ppm all = 0;
  for (const auto& v : values) all += v.weight;
  Ppm below = 0;
  for (const auto& v : values) {
    below += v.weight;
    if (2 * below >= all) return v.value;
  }
  return values.back().value;
}

/// The same where all weigh the same.
Duration median_of(std::span<Weighted> values) {
  const auto at = [&](std::size_t i) { return values[i].value; };
  if (values.size() == 1) return at(0);
  // The usual number of regions.
  if (values.size() == 3) return std::clamp(at(2), std::min(at(0), at(1)), std::max(at(0), at(1)));
  return weighted_median(values);
}

/// The middle region's value and bounds, each for itself.
Bounded<Duration> middle(std::span<const Estimate* const> regions, std::span<const Ppm> weights,
                         bool Estimate::*has, Bounded<Duration> Estimate::*field) {
  constexpr std::size_t kFew = 8;
  std::array<Weighted, kFew> few;
  std::vector<Weighted> many(regions.size() > kFew ? regions.size() : 0);
  const std::span<Weighted> all{many.empty() ? std::span<Weighted>{few} : std::span{many}};
  const auto of = [&](Duration Bounded<Duration>::*part) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < regions.size(); ++i) {
      if (regions[i]->*has)
        all[count++] = {regions[i]->*field.*part, weights.empty() ? 1 : weights[i]};
    }
    const auto values = all.first(count);
    return weights.empty() ? median_of(values) : weighted_median(values);
  };
  return {.value = of(&Bounded<Duration>::value),
          .low = of(&Bounded<Duration>::low),
          .high = of(&Bounded<Duration>::high)};
}

}  // namespace

Bounded<Ppm> loss_interval(int lost, int sent, Ppm phi) {
  // Of so many packets as prove something.
  const double n = sent / to_ratio(phi);
  const double p = static_cast<double>(lost) / sent;
  const double z2 = kZ * kZ;
  const double share = 1 / (n + z2);
  const double centre = (n * p + z2 / 2) * share;
  const double half = kZ * share * std::sqrt(n * p * (1 - p) + z2 / 4);
  const auto ppm = [](double x) { return std::clamp<Ppm>(rounded(x * 1e6), 0, kAll); };
  // At the ends the closed form leaves a rounding error of some 1e-17 where the bound is exactly 0
  // or 1.
  return {.value = ppm(p),
          .low = lost == 0 ? 0 : ppm(centre - half),
          .high = lost == sent ? kAll : ppm(centre + half)};
}

MedianRanks median_ranks(std::size_t count) {
  const auto n = static_cast<double>(count);
  const double reach = kZ * std::sqrt(n) / 2;
  const auto rank = [&](double r) {
    const auto last = static_cast<std::int64_t>(count) - 1;
    return static_cast<std::size_t>(
        std::clamp<std::int64_t>(static_cast<std::int64_t>(r), 0, last));
  };
  return {.low = rank(std::floor(n / 2 - reach) - 1),
          .value = (count - 1) / 2,
          .high = rank(std::ceil(n / 2 + reach))};
}

Bounded<Duration> mean(int count, std::uint64_t sum_us, std::uint64_t sum_us2) {
  const double n = count;
  const double average = static_cast<double>(sum_us) / n;
  const double squares = std::max(0.0, static_cast<double>(sum_us2) - n * average * average);
  const double error = count > 1 ? kZ * std::sqrt(squares / (n - 1) / n) : average;
  return {.value = round_us(average),
          .low = round_us(std::max(0.0, average - error)),
          .high = round_us(average + error)};
}

Estimate pool(std::span<const Estimate* const> regions, std::span<const Ppm> weights) {
  Estimate out;
  if (regions.empty()) return out;
  out.newest_age = regions.front()->newest_age;
  Ppm dispersion = 0;
  for (const auto* region : regions) {
    out.sent += region->sent;
    out.lost += region->lost;
    out.runs += region->runs;
    out.longest_run = std::max(out.longest_run, region->longest_run);
    out.newest_age = std::min(out.newest_age, region->newest_age);
    out.has_rtt = out.has_rtt || region->has_rtt;
    out.has_jitter = out.has_jitter || region->has_jitter;
    // With nothing lost each counts as one that lost a packet: its phi then tells of other windows.
    dispersion += region->phi;
  }
  out.phi = dispersion / static_cast<Ppm>(regions.size());
  if (out.lost > 0) {
    dispersion = 0;
    for (const auto* region : regions) dispersion += region->phi * region->lost;
    out.phi = dispersion / out.lost;
  }
  if (out.sent > 0) out.loss = loss_interval(out.lost, out.sent, out.phi);
  if (out.has_rtt) out.rtt = middle(regions, weights, &Estimate::has_rtt, &Estimate::rtt);
  if (out.has_jitter)
    out.jitter = middle(regions, weights, &Estimate::has_jitter, &Estimate::jitter);
  return out;
}

}  // namespace anycast::core
