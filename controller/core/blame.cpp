#include "controller/core/blame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

#include "controller/core/readings.hpp"

namespace anycast::core {
namespace {

/// Whether some region has no fault to find with the path.
bool good_to_some(const PathReport& path) {
  return std::ranges::any_of(path.regions, [](const RegionReport& region) {
    return region.unusable.empty() && region.level != Verdict::bad;
  });
}

/// What a probe (carrier, region) says about all paths of its carrier.
struct Tally {
  int measured = 0;
  int bad = 0;
  int nodes = 0;
  int alone = 0;  ///< nodes to which it is bad and another region is not
  std::string_view last_node = {};
  std::string_view last_alone = {};

  void add(const PathReport& path, const RegionReport& region) {
    if (!region.unusable.empty()) return;
    ++measured;
    if (last_node != path.key.node) ++nodes;
    last_node = path.key.node;
    if (region.level != Verdict::bad) return;
    ++bad;
    if (last_alone == path.key.node || !good_to_some(path)) return;
    ++alone;
    last_alone = path.key.node;
  }
  /// A path that is bad to every region says nothing about one of them.
  bool bad_everywhere() const { return alone >= 2 && bad == measured; }
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
const Estimate* to_anchors(const Config& config, const Seen& seen,
                           std::span<const ProbeReading> of_no_node, std::size_t carrier,
                           std::size_t region) {
  const auto* probe = find_anchor(of_no_node, config.carriers[carrier], config.regions[region]);
  if (probe == nullptr || probe->main.sent < config.evidence.min_samples) return nullptr;
  const auto age = probe->main.newest_age + (seen.now - seen.evidence.value->at);
  return age > config.prometheus.max_age ? nullptr : &probe->main;
}

/// Whose fault it is, and in which words.
struct Fault {
  const char* blame;
  std::string text;
};

/// 2.1 and 2.2 for one probe; nothing where neither fits.
std::optional<Fault> look_at(const Config& config, const Tallies& tallies, const Estimate* anchors,
                             std::size_t carrier, std::size_t region) {
  const auto& tally = tallies.at(carrier, region);
  if (tally.measured == 0) return std::nullopt;
  if (anchors != nullptr) {
    const auto thresholds = config.thresholds.find(config.carriers[carrier]);
    if (thresholds != config.thresholds.end() &&
        anchors->loss.low > thresholds->second.loss.clear) {
      return Fault{"probe", fmt::format("sick probe: loses {} to its anchors",
                                        format_share(anchors->loss.value))};
    }
  } else if (tallies.region_bad(region)) {
    return Fault{"probe", "sick probe: bad to all nodes over every carrier, other regions are not"};
  }
  if (tally.bad_everywhere() && tallies.other_region_good(carrier, region)) {
    return Fault{
        "access",
        fmt::format("regional access: bad to all {} nodes, other regions are not", tally.nodes)};
  }
  return std::nullopt;
}

bool known(const PathReport& path) { return path.state.verdict != Verdict::unknown; }
bool bad(const PathReport& path) { return path.state.verdict == Verdict::bad; }

/// Carriers and sessions of a span of paths, without those that are bad at the border.
struct Share {
  std::size_t carriers = 0;
  int sessions = 0;
  bool all_bad = true;
};
Share share_of(std::span<const PathReport> paths) {
  Share out;
  std::vector<std::string_view> carriers;
  std::string_view session;
  for (const auto& path : paths) {
    if (!known(path) || path.blame == "border") continue;
    if (!bad(path)) out.all_bad = false;
    if (std::ranges::find(carriers, path.key.carrier) == carriers.end())
      carriers.emplace_back(path.key.carrier);
    // Sorted by session: a new name is a new one.
    if (session != path.key.upstream) ++out.sessions;
    session = path.key.upstream;
  }
  out.carriers = carriers.size();
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

/// The first paths of a span, as far as they are the same in `names`.
template <class Names>
std::span<PathReport> first_of(std::span<PathReport> paths, Names names) {
  std::size_t count = 1;
  while (count < paths.size() && names(paths[count].key) == names(paths.front().key)) ++count;
  return paths.first(count);
}

bool to_be_blamed(const PathReport& path) { return bad(path) && path.blame.empty(); }

// 2.4 to 2.6
void blame_nearer(std::span<PathReport> of_node) {
  if (std::ranges::none_of(of_node, to_be_blamed)) return;
  const auto node = share_of(of_node);
  const bool all = node.all_bad && node.carriers >= 2 && node.sessions >= 2;
  for (auto left = of_node; !left.empty();) {
    const auto session =
        first_of(left, [](const PathKey& key) -> std::string_view { return key.upstream; });
    left = left.subspan(session.size());
    const auto share = share_of(session);
    const auto* fault = share.all_bad && share.carriers >= 2 ? "session" : "path";
    for (auto& path : session) {
      if (to_be_blamed(path)) path.blame = all ? "node" : fault;
    }
  }
}

}  // namespace

std::vector<Discarded> discard(const Config& config, const Seen& seen,
                               std::vector<PathReport>& paths) {
  std::vector<Discarded> out;
  if (!seen.evidence.value) return out;
  const Tallies tallies{config, paths};
  const auto of_no_node = probes_of(*seen.evidence.value, {});
  for (std::size_t c = 0; c < config.carriers.size(); ++c) {
    for (std::size_t r = 0; r < config.regions.size(); ++r) {
      const auto* anchors = to_anchors(config, seen, of_no_node, c, r);
      auto found = look_at(config, tallies, anchors, c, r);
      if (!found) continue;
      for (auto& path : paths) {
        auto& unusable = path.regions[r].unusable;
        if (path.key.carrier != config.carriers[c] || !unusable.empty()) continue;
        unusable = found->text;
        path.regions[r].losing = false;
      }
      out.push_back({.carrier = config.carriers[c],
                     .region = config.regions[r],
                     .blame = found->blame,
                     .text = std::move(found->text)});
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
  for (std::span left{paths}; !left.empty();) {
    const auto node =
        first_of(left, [](const PathKey& key) -> std::string_view { return key.node; });
    left = left.subspan(node.size());
    blame_nearer(node);
  }
}

}  // namespace anycast::core
