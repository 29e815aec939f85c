#include "controller/core/blame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "controller/core/readings.hpp"

namespace anycast::core {
namespace {

/// What a probe (carrier, region) says about all paths of its carrier.
struct Tally {
  int measured = 0;
  int bad = 0;
  int nodes = 0;
  std::string_view last_node = {};

  void add(const PathReport& path, const RegionReport& region) {
    if (!region.unusable.empty()) return;
    ++measured;
    if (region.level == Verdict::bad) ++bad;
    if (last_node != path.key.node) ++nodes;
    last_node = path.key.node;
  }
  bool bad_everywhere() const { return nodes >= 2 && bad == measured; }
  bool good_somewhere() const { return bad < measured; }
};

/// By carrier and region, both in the order of the configuration.
class Tallies {
 public:
  Tallies(const Config& config, const std::vector<PathReport>& paths)
      : carriers_{config.carriers.size()}, regions_{config.regions.size()} {
    all_.resize(carriers_ * regions_);
    for (const auto& path : paths) {
      const auto carrier = static_cast<std::size_t>(
          std::ranges::find(config.carriers, path.key.carrier) - config.carriers.begin());
      if (carrier == carriers_) continue;
      for (std::size_t i = 0; i < regions_; ++i) {
        all_[carrier * regions_ + i].add(path, path.regions[i]);
      }
    }
  }

  const Tally& at(std::size_t carrier, std::size_t region) const {
    return all_[carrier * regions_ + region];
  }
  bool other_region_good(std::size_t carrier, std::size_t region) const {
    for (std::size_t i = 0; i < regions_; ++i) {
      if (i != region && at(carrier, i).good_somewhere()) return true;
    }
    return false;
  }
  /// All carriers' probes of the region, of two or more, are bad to everything, which is not so
  /// elsewhere.
  bool region_bad(std::size_t region) const {
    int measured = 0;
    bool elsewhere = false;
    for (std::size_t c = 0; c < carriers_; ++c) {
      if (at(c, region).measured == 0) continue;
      ++measured;
      if (!at(c, region).bad_everywhere()) return false;
      elsewhere = elsewhere || other_region_good(c, region);
    }
    return measured >= 2 && elsewhere;
  }

 private:
  std::size_t carriers_;
  std::size_t regions_;
  std::vector<Tally> all_;
};

/// The probe's newest word about its anchors, if it has any.
const Estimate* to_anchors(const Config& config, const Seen& seen, const std::string& carrier,
                           const std::string& region) {
  const auto* probe = find_anchor(*seen.evidence.value, carrier, region);
  if (probe == nullptr || probe->main.sent < config.evidence.min_samples) return nullptr;
  const auto age = probe->main.newest_age + (seen.now - seen.evidence.value->at);
  return age > config.prometheus.max_age ? nullptr : &probe->main;
}

/// 2.1 and 2.2 for one probe; an empty text where neither fits.
Discarded look_at(const Config& config, const Seen& seen, const Tallies& tallies,
                  std::size_t carrier, std::size_t region) {
  Discarded out{.carrier = config.carriers[carrier], .region = config.regions[region]};
  const auto& tally = tallies.at(carrier, region);
  if (tally.measured == 0) return out;
  const auto* anchors = to_anchors(config, seen, out.carrier, out.region);
  const auto thresholds = config.thresholds.find(out.carrier);
  if (anchors != nullptr && thresholds != config.thresholds.end() &&
      anchors->loss.low > thresholds->second.loss.clear) {
    out.blame = "probe";
    out.text =
        fmt::format("sick probe: loses {} to its anchors", format_share(anchors->loss.value));
  } else if (anchors == nullptr && tallies.region_bad(region)) {
    out.blame = "probe";
    out.text = "sick probe: bad to all nodes over every carrier, other regions are not";
  } else if (tally.bad_everywhere() && tallies.other_region_good(carrier, region)) {
    out.blame = "access";
    out.text =
        fmt::format("regional access: bad to all {} nodes, other regions are not", tally.nodes);
  }
  return out;
}

bool known(const PathReport& path) { return path.state.verdict != Verdict::unknown; }
bool bad(const PathReport& path) { return path.state.verdict == Verdict::bad; }

/// Carriers and sessions of a span of paths, without those that are bad at the border.
struct Share {
  int carriers = 0;
  int sessions = 0;
  bool all_bad = true;
};
template <class Member>
Share share_of(const std::vector<PathReport>& paths, const PathReport& of, Member belongs) {
  Share out;
  std::vector<std::string_view> carriers;
  std::vector<std::string_view> sessions;
  const auto note = [](std::vector<std::string_view>& in, std::string_view name) {
    if (std::ranges::find(in, name) == in.end()) in.push_back(name);
  };
  // Paths are sorted by node: its neighbours are all there is.
  const auto node_of = [](const PathReport& path) { return std::string_view{path.key.node}; };
  const std::string_view node{of.key.node};
  const auto end = std::ranges::upper_bound(paths, node, {}, node_of);
  for (auto at = std::ranges::lower_bound(paths, node, {}, node_of); at != end; ++at) {
    const auto& path = *at;
    if (!known(path) || path.blame == "border" || !belongs(path)) continue;
    if (!bad(path)) out.all_bad = false;
    note(carriers, path.key.carrier);
    note(sessions, path.key.upstream);
  }
  out.carriers = static_cast<int>(carriers.size());
  out.sessions = static_cast<int>(sessions.size());
  return out;
}

// 2.3
void blame_border(std::vector<PathReport>& paths, const std::vector<PathReport*>& bad_paths) {
  std::vector<std::string_view> good;
  for (const auto& path : paths) {
    if (!known(path) || bad(path)) continue;
    if (std::ranges::find(good, path.key.carrier) == good.end()) good.push_back(path.key.carrier);
  }
  for (auto* path : bad_paths) {
    if (std::ranges::find(good, path->key.carrier) == good.end()) path->blame = "border";
  }
}

// 2.4 to 2.6
std::string nearer(const std::vector<PathReport>& paths, const PathReport& path) {
  const auto node = share_of(paths, path, [](const PathReport&) { return true; });
  if (node.all_bad && node.carriers >= 2 && node.sessions >= 2) return "node";
  const auto session = share_of(paths, path, [&](const PathReport& other) {
    return other.key.upstream == path.key.upstream;
  });
  return session.all_bad && session.carriers >= 2 ? "session" : "path";
}

}  // namespace

std::vector<Discarded> discard(const Config& config, const Seen& seen,
                               std::vector<PathReport>& paths) {
  std::vector<Discarded> out;
  if (!seen.evidence.value) return out;
  const Tallies tallies{config, paths};
  for (std::size_t c = 0; c < config.carriers.size(); ++c) {
    for (std::size_t r = 0; r < config.regions.size(); ++r) {
      auto found = look_at(config, seen, tallies, c, r);
      if (found.blame.empty()) continue;
      for (auto& path : paths) {
        auto& unusable = path.regions[r].unusable;
        if (path.key.carrier != found.carrier || !unusable.empty()) continue;
        unusable = found.text;
        path.regions[r].losing = false;
      }
      out.push_back(std::move(found));
    }
  }
  return out;
}

void blame(std::vector<PathReport>& paths) {
  std::vector<PathReport*> bad_paths;
  for (auto& path : paths) {
    if (bad(path)) bad_paths.push_back(&path);
  }
  if (bad_paths.empty()) return;
  blame_border(paths, bad_paths);
  for (auto* path : bad_paths) {
    if (path->blame.empty()) path->blame = nearer(paths, *path);
  }
}

}  // namespace anycast::core
