#pragma once

#include "controller/config/value.hpp"
#include "controller/model/config.hpp"

namespace anycast::config {

// Parts of the field table under `guards` and `policy`.
Table damping(Damping& d);
Table pause(Pause& p);
Table effect(EffectGuard& e);
Table prefer(Prefer& p);

}  // namespace anycast::config
