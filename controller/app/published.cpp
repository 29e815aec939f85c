#include "controller/app/published.hpp"

#include <algorithm>
#include <numeric>

#include "controller/core/felt.hpp"

namespace anycast {
namespace {

Histogram with_bounds(std::vector<Duration> bounds) {
  Histogram out;
  out.counts.assign(bounds.size() + 1, 0);
  out.bounds = std::move(bounds);
  return out;
}

}  // namespace

Histogram Histogram::of_cycles() {
  return with_bounds({milliseconds{5}, milliseconds{10}, milliseconds{20}, milliseconds{50},
                      milliseconds{100}, milliseconds{200}, milliseconds{500}, seconds{1},
                      seconds{2}, seconds{5}, seconds{10}});
}

Histogram Histogram::of_applies() {
  return with_bounds({milliseconds{10}, milliseconds{20}, milliseconds{50}, milliseconds{100},
                      milliseconds{200}, milliseconds{500}, seconds{1}, seconds{2}, seconds{5},
                      seconds{10}, seconds{30}, seconds{60}});
}

void Histogram::observe(Duration d) {
  const auto bucket = std::ranges::lower_bound(bounds, d) - bounds.begin();
  ++counts.at(static_cast<std::size_t>(bucket));
  sum += d;
}

std::uint64_t Histogram::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

EvidenceSummary summarise(const Config& config, const Seen& seen) {
  const auto& readings = *seen.evidence.value;
  EvidenceSummary out{.at = readings.at,
                      .server = readings.server,
                      .series = static_cast<int>(readings.probes.size()),
                      .faults = readings.faults,
                      .partial = readings.partial};
  for (const auto& probe : readings.probes) {
    const auto newest = readings.at - probe.slow.newest_age;
    out.newest = std::max(out.newest.value_or(newest), newest);
  }
  for (const auto& carrier : config.carriers) {
    if (const auto felt = core::felt(config, seen, carrier).main) out.users.emplace(carrier, *felt);
  }
  return out;
}

}  // namespace anycast
