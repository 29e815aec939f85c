#pragma once

#include "controller/base/time.hpp"

namespace anycast {

/// The flap-damping budget: what a router that damps by RFC 2439 would hold against our own
/// updates, at the worse of the Cisco and Juniper increments (RFC 7196 table 1). The smallest
/// threshold that is still deployed is 2,000; path exploration may double what a distant router
/// counts.
struct Damping {
  int normal = 1'000;   ///< highest penalty that an automatic step may lead to
  int ceiling = 1'500;  ///< in an emergency, and for orders that are not forced
  Duration half_life = minutes{15};
};

/// A pause that doubles with each repetition.
struct Pause {
  Duration after;
  Duration most;
};

/// Policy prefer: for each carrier the best path is announced plainly and the others are not.
struct Prefer {
  Duration margin = milliseconds{25};    ///< another path must surely be better by this score
  Ppm margin_share = 150'000;            ///< and by this share of it
  Duration confirm = minutes{2};         ///< for so long without a break
  Pause hold = {minutes{30}, hours{4}};  ///< between two moves of a carrier's users
  Duration emergency_hold = minutes{5};  ///< the same where they surely lose more than this
  Ppm emergency_loss = 100'000;
};

/// The closed loop: what an automatic step did for the users, by pings of the anycast address.
struct EffectGuard {
  /// First look, at the fast window, and last look, at the whole one; never before the window has
  /// passed.
  Duration early = minutes{2};
  Duration late = minutes{12};
  Duration harm = milliseconds{10};           ///< users are worse off by more than this score
  Ppm harm_share = 100'000;                   ///< and by more than this share of it
  Ppm enough = 500'000;                       ///< of what was predicted suffices
  Pause back_off = {minutes{30}, hours{24}};  ///< after a step that did harm
  Duration ineffective = hours{24 * 7};       ///< a step without effect is not tried again
  Duration far_off = milliseconds{50};        ///< short of the prediction; twice in 2 h: freeze
  Duration clean = hours{1};                  ///< so long, unless a person ends it
};

}  // namespace anycast
