#pragma once

#include "controller/model/choice.hpp"
#include "controller/model/effect.hpp"

namespace anycast {

// The same as in state_fields.hpp, for what a node has learned and chosen.
template <class Io, class S>
void fields(Io& io, S& value, const Users* /*type*/) {
  auto& [sent, lost, rtt, rtt_low, rtt_high, jitter] = value;
  io("sent", sent);
  io("lost", lost);
  io("rtt_us", rtt);
  io("rtt_low_us", rtt_low);
  io("rtt_high_us", rtt_high);
  io("jitter_us", jitter);
}

template <class Io, class S>
void fields(Io& io, S& value, const Aim* /*type*/) {
  auto& [meant, expected, before] = value;
  io("meant", meant);
  io("expected_us", expected);
  io("before", before);
}

template <class Io, class S>
void fields(Io& io, S& value, const Prediction* /*type*/) {
  auto& [decision, from, to, rung, at, aims, controls, looked] = value;
  io("decision", decision);
  io("from", from);
  io("to", to);
  io("rung", rung);
  io("at_us", at);
  io("aims", aims);
  io("controls_us", controls);
  io("looked", looked);
}

template <class Io, class S>
void fields(Io& io, S& value, const Finding* /*type*/) {
  auto& [effect, at, decision, back, rung, text] = value;
  io("effect", effect);
  io("at_us", at);
  io("decision", decision);
  io("back", back);
  io("rung", rung);
  io("text", text);
}

template <class Io, class S>
void fields(Io& io, S& value, const Lesson* /*type*/) {
  auto& [effect, at, until, times, text] = value;
  io("effect", effect);
  io("at_us", at);
  io("until_us", until);
  io("times", times);
  io("text", text);
}

template <class Io, class S>
void fields(Io& io, S& value, const Learned* /*type*/) {
  auto& [open, findings, lessons, far_off] = value;
  io("open", open);
  io("findings", findings);
  io("lessons", lessons);
  io("far_off_us", far_off);
}

template <class Io, class S>
void fields(Io& io, S& value, const SessionKey* /*type*/) {
  auto& [node, upstream] = value;
  io("node", node);
  io("upstream", upstream);
}

template <class Io, class S>
void fields(Io& io, S& value, const Choice* /*type*/) {
  auto& [primary, secondary, since, moves, left, shed, worse, gone_since, contradicted_since] =
      value;
  io("primary", primary);
  io("secondary", secondary);
  io("since_us", since);
  io("moves_us", moves);
  io("left_us", left);
  io("shed_us", shed);
  io("worse_us", worse);
  io("gone_since_us", gone_since);
  io("contradicted_since_us", contradicted_since);
}

}  // namespace anycast
