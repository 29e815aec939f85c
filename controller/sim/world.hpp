#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/model/config.hpp"
#include "controller/model/evidence.hpp"
#include "controller/model/stance.hpp"
#include "controller/model/state.hpp"

namespace anycast::sim {

/// What a ping over a path meets.
struct Quality {
  Duration rtt = milliseconds{40};
  Ppm loss = 2'000;
  Duration jitter = milliseconds{3};
};

/// Something that makes paths worse for a while; an empty name in the key stands for every one.
struct Trouble {
  PathKey where;
  Time from;
  Time to;
  Duration rtt = {};  ///< added
  Ppm loss = 0;       ///< added
};

/// A small deterministic world: the paths between carriers and nodes, and which of them the users
/// of a carrier take. Randomness is a hash of seed, path and time, so that looking does not change
/// what is seen.
class World {
 public:
  World(const Config& fleet, std::uint64_t seed);

  void set(const PathKey& path, Quality quality);
  void add(Trouble trouble);

  Quality quality(const PathKey& path, Time at) const;
  /// One ping at `at`, from one region.
  Sample ping(const PathKey& path, const std::string& region, Time at) const;
  /// What Prometheus would hold: every probe's samples in (at - longest window, at], or only those
  /// after `after`, for who knows the others already.
  Evidence evidence(Time at, Time after = {}) const;

  /// What the sessions say, all nodes; absent means withdrawn.
  using Announced = std::map<std::pair<std::string, std::string>, Stance>;
  /// The path that the carrier's users take: the most attractive announcement, then the fleet's own
  /// order of preference (`prefer`), then the name.
  std::optional<PathKey> catchment(const std::string& carrier, const Announced& announced) const;
  void prefer(const std::string& carrier, std::vector<std::pair<std::string, std::string>> order);

 private:
  /// What a path is worth over time, its names looked up.
  struct Course {
    Quality base = {};
    std::vector<const Trouble*> troubles = {};

    Quality at(Time time) const;
  };
  Course course(const PathKey& path) const;
  /// What the dice of one probe on one path are thrown with.
  std::uint64_t dice(const PathKey& path, const std::string& region) const;
  static Sample ping(const Course& course, std::uint64_t dice, Time at);

  const Config& fleet_;
  std::uint64_t seed_;
  std::map<PathKey, Quality> base_;
  std::vector<Trouble> troubles_;
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> preference_;
};

}  // namespace anycast::sim
