#pragma once

#include "controller/model/state.hpp"

namespace anycast {

// What stands by a person's word, as in state_fields.hpp.
template <class Io, class S>
void fields(Io& io, S& value, const Pin* /*type*/) {
  auto& [stance, until, reason, actor, force] = value;
  io("stance", stance);
  io("until_us", until);
  io("reason", reason);
  io("actor", actor);
  io("force", force);
}

template <class Io, class S>
void fields(Io& io, S& value, const Standing* /*type*/) {
  auto& [since, until, reason, actor, now, force] = value;
  io("since_us", since);
  io("until_us", until);
  io("reason", reason);
  io("actor", actor);
  io("now", now);
  io("force", force);
}

template <class Io, class S>
void fields(Io& io, S& value, const Blackhole* /*type*/) {
  auto& [host, upstream, since, until, reason, actor] = value;
  io("host", host);
  io("upstream", upstream);
  io("since_us", since);
  io("until_us", until);
  io("reason", reason);
  io("actor", actor);
}

}  // namespace anycast
