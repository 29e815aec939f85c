#pragma once

#include <string>
#include <vector>

#include "controller/base/time.hpp"
#include "controller/model/ecmp.hpp"
#include "controller/model/vrrp.hpp"

namespace anycast {

/// What anycastd keeps in the kernel of this host for as long as it may announce.
struct Local {
  std::string link = {};  ///< where the addresses of the prefixes are; empty: not our business
  Duration drain = minutes{5};  ///< what has to go serves those who still come for so long
  std::vector<Ecmp> routes = {};
  Keepalived keepalived = {};
};

}  // namespace anycast
