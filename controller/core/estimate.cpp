#include "controller/core/estimate.hpp"

#include <algorithm>
#include <cmath>

namespace anycast::core {
namespace {

Duration round_us(double us) { return Duration{std::llround(us)}; }

/// Median with its rank interval: order statistics at n/2 -+ z*sqrt(n)/2, free of any distribution.
Bounded<Duration> median(std::vector<Duration> values) {
  std::ranges::sort(values);
  const auto n = static_cast<double>(values.size());
  const double reach = kZ * std::sqrt(n) / 2;
  const auto rank = [&](double r) {
    const auto last = static_cast<std::int64_t>(values.size()) - 1;
    return values.at(static_cast<std::size_t>(std::clamp<std::int64_t>(std::llround(r), 0, last)));
  };
  return {.value = values.at((values.size() - 1) / 2),
          .low = rank(std::floor(n / 2 - reach) - 1),
          .high = rank(std::ceil(n / 2 + reach))};
}

Bounded<Duration> mean(const std::vector<Duration>& values) {
  double sum = 0;
  for (const auto v : values) sum += static_cast<double>(v.count());
  const auto n = static_cast<double>(values.size());
  const double average = sum / n;
  double squares = 0;
  for (const auto v : values) squares += std::pow(static_cast<double>(v.count()) - average, 2);
  const double error = values.size() > 1 ? kZ * std::sqrt(squares / (n - 1) / n) : average;
  return {.value = round_us(average),
          .low = round_us(std::max(0.0, average - error)),
          .high = round_us(average + error)};
}

template <class T, class Get>
T middle(const std::vector<Estimate>& regions, Get get) {
  std::vector<T> values;
  values.reserve(regions.size());
  for (const auto& region : regions) values.push_back(get(region));
  std::ranges::sort(values);
  return values.at((values.size() - 1) / 2);
}

Bounded<Duration> middle_of(const std::vector<Estimate>& regions,
                            Bounded<Duration> Estimate::*field) {
  return {.value = middle<Duration>(regions, [&](const Estimate& e) { return (e.*field).value; }),
          .low = middle<Duration>(regions, [&](const Estimate& e) { return (e.*field).low; }),
          .high = middle<Duration>(regions, [&](const Estimate& e) { return (e.*field).high; })};
}

}  // namespace

Bounded<Ppm> loss_interval(int lost, int sent) {
  const double n = sent;
  const double p = lost / n;
  const double z2 = kZ * kZ;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  const auto ppm = [](double share) { return std::clamp<Ppm>(std::llround(share * 1e6), 0, kAll); };
  // At the ends the closed form leaves a rounding error of some 1e-17 where the bound is exactly 0
  // or 1.
  return {.value = ppm(p),
          .low = lost == 0 ? 0 : ppm(centre - half),
          .high = lost == sent ? kAll : ppm(centre + half)};
}

Estimate estimate(std::span<const Sample> samples, Time now) {
  Estimate out;
  if (samples.empty()) return out;
  std::vector<Duration> replies;
  std::vector<Duration> steps;
  const Sample* before = nullptr;
  for (const auto& sample : samples) {
    ++out.sent;
    if (sample.received) {
      replies.push_back(sample.rtt);
      if (before != nullptr && before->received) {
        steps.push_back(std::chrono::abs(sample.rtt - before->rtt));
      }
    } else {
      ++out.lost;
    }
    before = &sample;
  }
  out.newest_age = now - samples.back().at;
  out.loss = loss_interval(out.lost, out.sent);
  out.has_rtt = !replies.empty();
  out.has_jitter = !steps.empty();
  if (out.has_rtt) out.rtt = median(std::move(replies));
  if (out.has_jitter) out.jitter = mean(steps);
  return out;
}

Estimate pool(const std::vector<Estimate>& regions) {
  Estimate out;
  if (regions.empty()) return out;
  std::vector<Estimate> with_rtt;
  std::vector<Estimate> with_jitter;
  out.newest_age = regions.front().newest_age;
  for (const auto& region : regions) {
    out.sent += region.sent;
    out.lost += region.lost;
    out.newest_age = std::min(out.newest_age, region.newest_age);
    if (region.has_rtt) with_rtt.push_back(region);
    if (region.has_jitter) with_jitter.push_back(region);
  }
  if (out.sent > 0) out.loss = loss_interval(out.lost, out.sent);
  out.has_rtt = !with_rtt.empty();
  out.has_jitter = !with_jitter.empty();
  if (out.has_rtt) out.rtt = middle_of(with_rtt, &Estimate::rtt);
  if (out.has_jitter) out.jitter = middle_of(with_jitter, &Estimate::jitter);
  return out;
}

}  // namespace anycast::core
