#pragma once

#include "adapters/sqlite/order_fields.hpp"
#include "controller/model/state.hpp"

namespace anycast {

// One list of fields per type serves both directions. The structured bindings are there so that a
// field added to the model does not compile before it is listed here.
template <class Io, class S>
void fields(Io& io, S& value, const PathState* /*type*/) {
  auto& [verdict, since, bad_since, clear_since] = value;
  io("verdict", verdict);
  io("since_us", since);
  io("bad_since_us", bad_since);
  io("clear_since_us", clear_since);
}

template <class Io, class S>
void fields(Io& io, S& value, const PathKey* /*type*/) {
  auto& [node, upstream, carrier] = value;
  io("node", node);
  io("upstream", upstream);
  io("carrier", carrier);
}

template <class Io, class S>
void fields(Io& io, S& value, const SessionState* /*type*/) {
  auto& [stance, rung, since, cause, why, decision, pin, hold_until, withdrawals, reversals] =
      value;
  io("stance", stance);
  io("rung", rung);
  io("since_us", since);
  io("cause", cause);
  io("why", why);
  io("decision", decision);
  io("pin", pin);
  io("hold_until_us", hold_until);
  io("withdrawals_us", withdrawals);
  io("reversals_us", reversals);
}

template <class Io, class S>
void fields(Io& io, S& value, const Penalty* /*type*/) {
  auto& [milli, at] = value;
  io("milli", milli);
  io("at_us", at);
}

template <class Io, class S>
void fields(Io& io, S& value, const KnownOrigin* /*type*/) {
  auto& [state, since, proven] = value;
  io("state", state);
  io("since_us", since);
  io("proven", proven);
}

template <class Io, class S>
void fields(Io& io, S& value, const EgressState* /*type*/) {
  auto& [upstream, since, from, why, tried, turns] = value;
  io("upstream", upstream);
  io("since_us", since);
  io("from", from);
  io("why", why);
  io("tried_us", tried);
  io("turns_us", turns);
}

template <class Io, class S>
void fields(Io& io, S& value, const Pending* /*type*/) {
  auto& [from_revision, to_revision, sessions, egress, confirm_by, order, charges] = value;
  io("from_revision", from_revision);
  io("to_revision", to_revision);
  io("sessions", sessions);
  io("egress", egress);
  io("confirm_by_us", confirm_by);
  io("order", order);
  io("charges", charges);
}

template <class Io, class S>
void fields(Io& io, S& value, const ServiceState* /*type*/) {
  auto& [level, since, down] = value;
  io("level", level);
  io("since_us", since);
  io("down", down);
}

template <class Io, class S>
void fields(Io& io, S& value, const Vip* /*type*/) {
  auto& [prefix, link] = value;
  io("prefix", prefix);
  io("link", link);
}

template <class Io, class S>
void fields(Io& io, S& value, const ServiceKey* /*type*/) {
  auto& [protocol, address, port, mark] = value;
  io("protocol", protocol);
  io("address", address);
  io("port", port);
  io("mark", mark);
}

template <class Io, class S>
void fields(Io& io, S& value, const InsideOurs* /*type*/) {
  auto& [vips, services, tables] = value;
  io("vips", vips);
  io("services", services);
  io("tables", tables);
}

template <class Io, class S>
void fields(Io& io, S& value, const State* /*type*/) {
  auto& [paths, sessions, drain, freeze, condition, condition_since, condition_why, changes,
         safe_until, pending, previous, adopted, next_decision, router_started, refused, penalties,
         router_away, learned, choices, blackholes, egress, origins, up, services, inside,
         master_since] = value;
  io("paths", paths);
  io("sessions", sessions);
  io("drain", drain);
  io("freeze", freeze);
  io("condition", condition);
  io("condition_since_us", condition_since);
  io("condition_why", condition_why);
  io("changes_us", changes);
  io("safe_until_us", safe_until);
  io("pending", pending);
  io("previous", previous);
  io("adopted", adopted);
  io("next_decision", next_decision);
  io("router_started", router_started);
  io("refused", refused);
  io("penalties", penalties);
  io("router_away_us", router_away);
  io("learned", learned);
  io("choices", choices);
  io("blackholes", blackholes);
  io("egress", egress);
  io("origins", origins);
  io("up", up);
  io("services", services);
  io("inside", inside);
  io("master_since_us", master_since);
}

}  // namespace anycast
