#include "controller/core/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <compare>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

#include "controller/core/blame.hpp"
#include "controller/core/estimate.hpp"
#include "controller/core/nature.hpp"
#include "controller/core/readings.hpp"

namespace anycast::core {
namespace {

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
  out.losing = std::max(probe->main.loss.low, probe->fast.loss.low) > thresholds.loss.clear;
  out.level = Verdict::ok;
  for (const auto& r : readings(out.estimate, thresholds)) {
    if (r.bad) out.over.push_back(r.measure);
    if (r.warn) out.level = std::max(out.level, Verdict::warn);
    if (r.bad) out.level = Verdict::bad;
  }
  return out;
}

/// Lists that are made anew for each path; one after the other uses the same room.
struct Room {
  std::vector<Ppm> users = {};
  std::vector<const Estimate*> all = {};
  std::vector<std::size_t> usable = {};
  std::vector<std::int64_t> cusums = {};
};

/// The usable regions as one, over the three windows.
int pool_regions(const Weights& weights, std::span<const ProbeReading* const> probes, Room& room,
                 PathReport& path) {
  auto& users = room.users;
  auto& all = room.all;
  auto& usable = room.usable;
  users.clear();
  all.clear();
  usable.clear();
  for (std::size_t i = 0; i < path.regions.size(); ++i) {
    if (!path.regions[i].unusable.empty()) continue;
    usable.push_back(i);
    if (!weights.regions.empty()) users.push_back(weights.regions.at(path.regions[i].region));
  }
  for (const auto i : usable) all.push_back(&path.regions[i].estimate);
  for (const auto i : usable) all.push_back(&probes[i]->fast);
  for (const auto i : usable) all.push_back(&probes[i]->slow);
  const auto window = [&](std::size_t number) {
    return std::span<const Estimate* const>{all}.subspan(number * usable.size(), usable.size());
  };
  path.pooled = pool(window(0), users);
  path.fast = pool(window(1), users);
  path.slow = pool(window(2), users);
  return static_cast<int>(usable.size());
}

// 1.3
std::string not_known(const Seen& seen, const Thresholds& thresholds, int usable,
                      std::size_t regions) {
  if (usable < thresholds.regions) {
    return fmt::format("{} of {} regions usable, needs {}", usable, regions, thresholds.regions);
  }
  if (seen.evidence.value && seen.evidence.value->partial) {
    return "Prometheus warned that its answer may be incomplete";
  }
  return {};
}

/// 1.4 The usable regions' CUSUMs together, as of streams that may change at different times (Mei
/// 2010), without the worst `regions - 1`: so many sick probes must not be able to do it. The
/// others have to bring their share of `thresholds.cusum`.
void sum_cusum(const Thresholds& thresholds, Room& room, PathReport& path) {
  auto& each = room.cusums;
  each.clear();
  for (const auto& region : path.regions) {
    if (region.unusable.empty()) each.push_back(region.cusum);
  }
  std::ranges::sort(each, std::greater{});
  const auto left_out = std::min(each.size(), static_cast<std::size_t>(thresholds.regions - 1));
  path.cusum = std::accumulate(each.begin() + static_cast<std::ptrdiff_t>(left_out), each.end(),
                               std::int64_t{0});
  path.cusum_limit = each.empty() ? 0
                                  : thresholds.cusum * kAll *
                                        static_cast<std::int64_t>(each.size() - left_out) /
                                        static_cast<std::int64_t>(each.size());
  // A CUSUM outlasts its cause until as much speaks against it; what is over is no longer bad. One
  // lost packet a region does not bring it back: all regions together have to be losing for sure.
  const auto losing = std::ranges::count_if(path.regions, &RegionReport::losing);
  const bool still = std::max(path.pooled.loss.low, path.fast.loss.low) > thresholds.loss.clear;
  path.alarm = path.cusum_limit > 0 && path.cusum >= path.cusum_limit && still &&
               losing >= thresholds.regions;
}

/// Upper bounds of the main window are below `clear`. Of loss the slow window may prove it as well:
/// a burst or two in the main one leave too little to prove anything by.
bool is_clear(const Thresholds& thresholds, const PathReport& path, const Reading& main) {
  if (!main.known) return false;
  if (main.measure != Measure::loss) return main.high_clear;
  const auto clear = thresholds.loss.clear;
  const bool slow = path.slow.sent > 0 && path.slow.loss.high < clear;
  return !path.alarm && path.pooled.loss.value < clear && (main.high_clear || slow);
}

// 1.4 and 1.5
void judge_path(const EvidenceConfig& evidence, const Thresholds& thresholds, Room& room,
                PathReport& path) {
  sum_cusum(thresholds, room, path);
  path.measured_clear = true;
  for (const auto& r : readings(path.pooled, thresholds)) {
    if (r.measure == Measure::jitter && !evidence.has_jitter()) continue;
    auto over = std::ranges::count_if(path.regions, [&](const RegionReport& region) {
      return region.unusable.empty() &&
             std::ranges::find(region.over, r.measure) != region.over.end();
    });
    const bool alarm = r.measure == Measure::loss && path.alarm;
    if (alarm) over = std::ranges::count_if(path.regions, &RegionReport::losing);
    if (alarm || (over >= thresholds.regions && r.low_bad)) {
      path.measured_bad = true;
      path.over.push_back(r.measure);
      path.regions_bad = std::max(path.regions_bad, static_cast<int>(over));
    }
    if (!is_clear(thresholds, path, r)) path.measured_clear = false;
  }
  path.nature = nature(thresholds, path);
}

// 1.6
PathState damped(const Thresholds& thresholds, Time now, const PathState& before,
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
  // A CUSUM alarm has been confirmed by every packet that led to it.
  if (after.bad_since && (path.alarm || now - *after.bad_since >= thresholds.for_)) {
    after.verdict = Verdict::bad;
  } else if (!was_bad) {
    after.verdict = path.measured_bad ? Verdict::warn : calm;
  } else if (after.clear_since && now - *after.clear_since >= thresholds.clear_for) {
    after.verdict = calm;
  }
  if (after.verdict != before.verdict) after.since = now;
  return after;
}

/// All paths with the probes of their regions, path by path, and what each is judged by.
struct Gathered {
  std::vector<PathReport> paths = {};
  std::vector<const ProbeReading*> probes = {};
  std::vector<const Thresholds*> thresholds = {};
};

/// The carriers that an upstream leads to, sorted.
std::vector<std::string> carriers_of(const Config& config, const std::string& upstream) {
  auto out = config.upstreams.at(upstream).carries;
  std::ranges::sort(out);
  return out;
}

/// The probes of the nodes, one after the other in order of names.
class ByNode {
 public:
  explicit ByNode(const Seen& seen) {
    if (seen.evidence.value) left_ = seen.evidence.value->probes;
  }
  std::span<const ProbeReading> next(const std::string& node) {
    const auto size = [&](auto&& belongs) {
      std::size_t count = 0;
      while (count < left_.size() && belongs(left_[count].key.node)) ++count;
      return count;
    };
    left_ = left_.subspan(size([&](const std::string& name) { return name < node; }));
    const auto out = left_.first(size([&](const std::string& name) { return name == node; }));
    left_ = left_.subspan(out.size());
    return out;
  }

 private:
  std::span<const ProbeReading> left_ = {};
};

/// 1.1 and 1.2 for every region of every path.
Gathered measure(const Config& config, const Seen& seen) {
  std::size_t sessions = 0;
  for (const auto& [node, entry] : config.nodes) sessions += entry.sessions.size();
  Gathered out;
  out.paths.reserve(sessions * config.carriers.size());
  out.thresholds.reserve(out.paths.capacity());
  out.probes.reserve(out.paths.capacity() * config.regions.size());
  ByNode by_node{seen};
  for (const auto& [node, entry] : config.nodes) {
    const auto of_node = by_node.next(node);
    for (const auto& [upstream, session] : entry.sessions) {
      for (const auto& carrier : carriers_of(config, upstream)) {
        auto& path = out.paths.emplace_back(PathReport{.key = {node, upstream, carrier}});
        const auto& thresholds = config.thresholds.at(carrier);
        out.thresholds.push_back(&thresholds);
        const auto probes = probes_for(of_node, upstream, carrier);
        path.regions.reserve(config.regions.size());
        for (const auto& region : config.regions) {
          out.probes.push_back(probes.of(region));
          path.regions.push_back(judge_region(config, seen, thresholds, out.probes.back(), region));
        }
      }
    }
  }
  return out;
}

}  // namespace

Judgement survey(const Config& config, const Seen& seen) {
  auto [paths, probes, thresholds] = measure(config, seen);
  Judgement out{.paths = std::move(paths)};
  for (const auto& path : out.paths) {
    out.series_expected += static_cast<int>(path.regions.size());
    for (const auto& region : path.regions) out.series_usable += region.unusable.empty() ? 1 : 0;
  }
  out.discarded = discard(config, seen, out.paths);
  std::span<const ProbeReading* const> left{probes};
  Room room;
  for (std::size_t i = 0; i < out.paths.size(); ++i) {
    auto& path = out.paths[i];
    const int usable = pool_regions(config.weights, left.first(path.regions.size()), room, path);
    left = left.subspan(path.regions.size());
    path.unknown_why = not_known(seen, *thresholds[i], usable, path.regions.size());
    if (path.unknown_why.empty()) judge_path(config.evidence, *thresholds[i], room, path);
  }
  return out;
}

std::vector<VerdictChange> damp(const Config& config, Time now, std::map<PathKey, PathState>& known,
                                std::vector<PathReport>& paths) {
  std::vector<VerdictChange> out;
  // Both are sorted: what is passed over is no path any more.
  auto at = known.begin();
  for (auto& path : paths) {
    auto order = std::strong_ordering::greater;
    while (at != known.end() && (order = at->first <=> path.key) < 0) at = known.erase(at);
    if (at == known.end() || order != 0) at = known.emplace_hint(at, path.key, PathState{});
    const auto& thresholds = config.thresholds.at(path.key.carrier);
    path.state = damped(thresholds, now, at->second, path);
    const auto was = std::exchange(at->second, path.state).verdict;
    if (was != path.state.verdict) out.push_back({&path, was});
    ++at;
  }
  known.erase(at, known.end());
  return out;
}

Judgement judge(const Config& config, const State& state, const Seen& seen) {
  auto out = survey(config, seen);
  auto known = state.paths;
  damp(config, seen.now, known, out.paths);
  return out;
}

}  // namespace anycast::core
