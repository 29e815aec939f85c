#include "controller/sim/damper.hpp"

#include <algorithm>

namespace anycast::sim {

void Damper::update(const Stance& from, const Stance& to) {
  if (from == to) return;
  const double points = !to.announces()    ? profile_.withdrawal
                        : from.announces() ? profile_.attribute
                                           : profile_.back;
  penalty_ = std::min(profile_.most, penalty_ + points);
  highest_ = std::max(highest_, penalty_);
  if (penalty_ >= profile_.suppress) damped_ = true;
}

void Damper::tick() {
  constexpr double kFifteenSeconds = 0.98851402035289613;  // 2^(-15 s / 15 min)
  constexpr double kReuse = 750;
  if (damped_) ++damped_ticks_;
  penalty_ *= kFifteenSeconds;
  if (penalty_ < kReuse) damped_ = false;
}

}  // namespace anycast::sim
