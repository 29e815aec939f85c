#pragma once

#include <array>
#include <string>
#include <vector>

#include "controller/model/stance.hpp"

namespace anycast::sim {

/// What a vendor's or an operator's flap damping counts (RFC 7196 table 1 and section 6).
struct DampingProfile {
  const char* name;
  double withdrawal;
  double back;  ///< an announcement after a withdrawal
  double attribute;
  double suppress;
  double most;
};
constexpr std::array<DampingProfile, 4> kProfiles = {
    {{"cisco", 1'000, 0, 500, 2'000, 12'000},
     {"juniper", 1'000, 1'000, 500, 3'000, 12'000},
     {"6000", 1'000, 1'000, 500, 6'000, 50'000},
     {"12000", 1'000, 1'000, 500, 12'000, 50'000}}};

/// One router that damps (RFC 2439): half-life 15 min, reuse at 750.
class Damper {
 public:
  explicit Damper(const DampingProfile& profile) : profile_{profile} {}

  void update(const Stance& from, const Stance& to);
  /// One tick of `kTick` passes.
  void tick();

  double penalty() const { return penalty_; }
  double highest() const { return highest_; }
  int damped_ticks() const { return damped_ticks_; }

 private:
  DampingProfile profile_;
  double penalty_ = 0;
  double highest_ = 0;
  bool damped_ = false;
  int damped_ticks_ = 0;
};

/// One of each profile at the other end of a session, or far away where all sessions' updates come
/// by.
class Dampers {
 public:
  Dampers() : all_(kProfiles.begin(), kProfiles.end()) {}
  void update(const Stance& from, const Stance& to) {
    for (auto& one : all_) one.update(from, to);
  }
  void tick() {
    for (auto& one : all_) one.tick();
  }
  const std::vector<Damper>& all() const { return all_; }

 private:
  std::vector<Damper> all_;
};

}  // namespace anycast::sim
