#include "controller/core/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "controller/core/estimate.hpp"

namespace anycast::core {
namespace {

/// The probe that speaks for a path in a region: its own session's, else the node's.
const ProbeReading* probe_for(const Seen& seen, const PathKey& path, const std::string& region) {
  if (!seen.evidence.value) return nullptr;
  const auto& probes = seen.evidence.value->probes;
  for (const auto& upstream : {path.upstream, std::string{}}) {
    const ProbeKey key{path.node, upstream, path.carrier, region};
    const auto found = std::ranges::lower_bound(probes, key, {}, &ProbeReading::key);
    if (found != probes.end() && found->key == key) return &*found;
  }
  return nullptr;
}

// 1.1
std::string unusable(const Config& config, const ProbeReading* probe, const Estimate& estimate) {
  if (probe == nullptr) return "no samples";
  const auto limit = config.prometheus.max_age;
  if (estimate.newest_age > limit) {
    return fmt::format("newest sample {} old, limit {}", format_age(estimate.newest_age),
                       format_age(limit));
  }
  if (estimate.sent < config.evidence.min_samples) {
    return fmt::format("{} samples, needs {}", estimate.sent, config.evidence.min_samples);
  }
  return {};
}

struct Reading {
  Measure measure;
  bool known;
  bool warn;
  bool bad;         ///< the value itself
  bool low_bad;     ///< the lower bound
  bool high_clear;  ///< the upper bound
};

template <class T>
Reading read(Measure measure, bool known, const Bounded<T>& value, const Levels<T>& levels) {
  return {.measure = measure,
          .known = known,
          .warn = known && value.value > levels.warn,
          .bad = known && value.value > levels.bad,
          .low_bad = known && value.low > levels.bad,
          .high_clear = known && value.high < levels.clear};
}

std::array<Reading, 3> readings(const Estimate& e, const Thresholds& t) {
  return {read(Measure::rtt, e.has_rtt, e.rtt, t.rtt),
          read(Measure::loss, e.sent > 0, e.loss, t.loss),
          read(Measure::jitter, e.has_jitter, e.jitter, t.jitter)};
}

// 1.2
RegionReport judge_region(const Config& config, const Seen& seen, const Thresholds& thresholds,
                          const ProbeReading* probe, const std::string& region) {
  RegionReport out{.region = region};
  if (probe != nullptr) {
    out.estimate = probe->main;
    out.estimate.newest_age += seen.now - seen.evidence.value->at;
    out.cusum = probe->cusum;
  }
  out.unusable = unusable(config, probe, out.estimate);
  if (!out.unusable.empty()) return out;
  out.level = Verdict::ok;
  for (const auto& r : readings(out.estimate, thresholds)) {
    if (r.bad) out.over.push_back(r.measure);
    if (r.warn) out.level = std::max(out.level, Verdict::warn);
    if (r.bad) out.level = Verdict::bad;
  }
  return out;
}

/// The usable regions as one, over the three windows.
int pool_regions(const std::vector<const ProbeReading*>& probes, PathReport& path) {
  std::vector<const Estimate*> main;
  std::vector<const Estimate*> fast;
  std::vector<const Estimate*> slow;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    if (!path.regions[i].unusable.empty()) continue;
    main.push_back(&path.regions[i].estimate);
    fast.push_back(&probes[i]->fast);
    slow.push_back(&probes[i]->slow);
  }
  path.pooled = pool(main);
  path.fast = pool(fast);
  path.slow = pool(slow);
  return static_cast<int>(main.size());
}

// 1.3 to 1.5
void judge_path(const Seen& seen, const Thresholds& thresholds, int usable, PathReport& path) {
  if (usable < thresholds.regions) {
    path.unknown_why = fmt::format("{} of {} regions usable, needs {}", usable, path.regions.size(),
                                   thresholds.regions);
    return;
  }
  if (seen.evidence.value && seen.evidence.value->partial) {
    path.unknown_why = "Prometheus warned that its answer may be incomplete";
    return;
  }
  path.measured_clear = true;
  for (const auto& r : readings(path.pooled, thresholds)) {
    const auto over = std::ranges::count_if(path.regions, [&](const RegionReport& region) {
      return std::ranges::find(region.over, r.measure) != region.over.end();
    });
    if (over >= thresholds.regions && r.low_bad) {
      path.measured_bad = true;
      path.over.push_back(r.measure);
      path.regions_bad = std::max(path.regions_bad, static_cast<int>(over));
    }
    if (!r.known || !r.high_clear) path.measured_clear = false;
  }
}

// 1.6
PathState damp(const Thresholds& thresholds, Time now, const PathState& before,
               const PathReport& path) {
  PathState after = before;
  if (!path.unknown_why.empty()) {
    after.bad_since.reset();
    after.clear_since.reset();
    return after;
  }
  after.bad_since =
      path.measured_bad ? std::optional{before.bad_since.value_or(now)} : std::nullopt;
  after.clear_since =
      path.measured_clear ? std::optional{before.clear_since.value_or(now)} : std::nullopt;

  const bool was_bad = before.verdict == Verdict::bad;
  const bool warn = std::ranges::any_of(readings(path.pooled, thresholds), &Reading::warn);
  const auto calm = warn ? Verdict::warn : Verdict::ok;
  if (after.bad_since && now - *after.bad_since >= thresholds.for_) {
    after.verdict = Verdict::bad;
  } else if (!was_bad) {
    after.verdict = path.measured_bad ? Verdict::warn : calm;
  } else if (after.clear_since && now - *after.clear_since >= thresholds.clear_for) {
    after.verdict = calm;
  }
  if (after.verdict != before.verdict) after.since = now;
  return after;
}

}  // namespace

Judgement judge(const Config& config, const State& state, const Seen& seen) {
  Judgement out;
  for (const auto& [node, entry] : config.nodes) {
    for (const auto& [upstream, session] : entry.sessions) {
      for (const auto& carrier : config.upstreams.at(upstream).carries) {
        const auto& thresholds = config.thresholds.at(carrier);
        PathReport path{.key = {node, upstream, carrier}};
        std::vector<const ProbeReading*> probes;
        probes.reserve(config.regions.size());
        for (const auto& region : config.regions) {
          probes.push_back(probe_for(seen, path.key, region));
          path.regions.push_back(judge_region(config, seen, thresholds, probes.back(), region));
          ++out.series_expected;
          if (path.regions.back().unusable.empty()) ++out.series_usable;
        }
        judge_path(seen, thresholds, pool_regions(probes, path), path);
        const auto before = state.paths.find(path.key);
        path.state = damp(thresholds, seen.now,
                          before == state.paths.end() ? PathState{} : before->second, path);
        out.paths.push_back(std::move(path));
      }
    }
  }
  std::ranges::sort(out.paths, {}, &PathReport::key);
  return out;
}

}  // namespace anycast::core
