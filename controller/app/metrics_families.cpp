#include "controller/app/metrics_families.hpp"

#include <algorithm>
#include <set>

#include "controller/app/report_parts.hpp"
#include "controller/core/said.hpp"

namespace anycast::metrics {
namespace {

double flag(bool value) { return value ? 1.0 : 0.0; }
double plain(std::uint64_t value) { return static_cast<double>(value); }
double plain(int value) { return static_cast<double>(value); }

void single(Exposition& out, std::string_view name, std::string_view type, std::string_view help,
            double value) {
  out.family(name, type, help);
  out.sample({}, value);
}

void counts(Exposition& out, const Counts& values, const std::vector<std::string_view>& names) {
  for (const auto& [texts, count] : values) {
    Exposition::Labels labels;
    for (std::size_t i = 0; i < names.size(); ++i) labels.emplace_back(names[i], texts.at(i));
    out.sample(labels, plain(count));
  }
}

void daemon(Exposition& out, const Published& p, const std::string& fleet_digest) {
  out.family("anycast_build_info", "gauge", "Version of this build; always 1.");
  out.sample({{"version", p.version}, {"compiler", "gcc " __VERSION__}}, 1);
  single(out, "anycast_config_last_reload_success", "gauge",
         "1 if the last configuration load was accepted.", flag(!p.reload_error));
  single(out, "anycast_config_last_reload_success_timestamp_seconds", "gauge",
         "Unix time of the configuration in force.", to_unix(p.config_loaded));
  out.family(
      "anycast_config_info", "gauge",
      "Digests (7 digits) of the configuration in force and of the part that all nodes share, "
      "and the mode; always 1.");
  out.sample({{"digest", p.config->digest.substr(0, 7)},
              {"fleet", fleet_digest.substr(0, 7)},
              {"mode", to_string(p.config->mode)}},
             1);
  out.family("anycast_plan_info", "gauge",
             "Hash of everything decided in the last cycle, to compare nodes; always 1.");
  out.sample({{"node", p.config->self}, {"hash", p.plan.hash}}, 1);
  single(out, "anycast_evaluations_total", "counter", "Evaluation cycles finished.",
         plain(p.counters.cycles));
  single(out, "anycast_evaluation_overruns_total", "counter",
         "Cycles that took longer than the interval.", plain(p.counters.overruns));
  out.family("anycast_evaluation_duration_seconds", "histogram",
             "Time of one cycle, from the first query to the settled plan.");
  out.histogram({}, p.counters.cycle_time);
  single(out, "anycast_evaluation_last_timestamp_seconds", "gauge",
         "Unix time of the last finished cycle.", to_unix(p.now));
  single(out, "anycast_events_lost_total", "counter", "History records that could not be written.",
         plain(p.counters.events_lost));
}

/// One estimate per (node, carrier, region), and the upstream where targets are per session.
template <class Value>
void per_region(Exposition& out, const Published& p, Value value) {
  const bool per_session = !p.config->evidence.labels.upstream.empty();
  std::set<PathKey> done;
  for (const auto& path : p.plan.paths) {
    auto key = path.key;
    if (!per_session) key.upstream.clear();
    if (!done.insert(key).second) continue;
    for (const auto& region : path.regions) {
      const std::optional<double> number = value(region.estimate);
      if (!number) continue;
      Exposition::Labels labels = {{"node", key.node}};
      if (per_session) labels.emplace_back("upstream", key.upstream);
      labels.emplace_back("carrier", key.carrier);
      labels.emplace_back("region", region.region);
      out.sample(labels, *number);
    }
  }
}

using Number = std::optional<double>;

void evidence(Exposition& out, const Published& p) {
  out.family("anycast_evidence_age_seconds", "gauge", "Age of the newest sample of a probe.");
  per_region(out, p, [](const Estimate& e) {
    return e.sent > 0 ? Number{to_seconds(e.newest_age)} : std::nullopt;
  });
  out.family("anycast_evidence_samples", "gauge", "Samples in the window.");
  per_region(out, p, [](const Estimate& e) { return Number{plain(e.sent)}; });
  out.family("anycast_evidence_series", "gauge", "Series in the last Prometheus answer.");
  if (p.evidence.value) out.sample({}, plain(p.evidence.value->series));
  single(out, "anycast_evidence_series_expected", "gauge", "Series that the configuration expects.",
         plain(p.plan.series_expected));
  single(out, "anycast_evidence_series_usable", "gauge",
         "Series that are fresh and thick enough to judge by.", plain(p.plan.series_usable));
  single(out, "anycast_blind", "gauge", "1 while evidence is too old or too thin to act on.",
         flag(p.plan.condition == Condition::blind));
  out.family("anycast_rtt_seconds", "gauge", "Median round-trip time in the window.");
  per_region(out, p, [](const Estimate& e) {
    return e.has_rtt ? Number{to_seconds(e.rtt.value)} : std::nullopt;
  });
  out.family("anycast_loss_ratio", "gauge", "Lost packets in the window, 0 to 1.");
  per_region(out, p, [](const Estimate& e) {
    return e.sent > 0 ? Number{to_ratio(e.loss.value)} : std::nullopt;
  });
  out.family("anycast_jitter_seconds", "gauge",
             "Mean absolute RTT difference of neighbouring replies.");
  per_region(out, p, [](const Estimate& e) {
    return e.has_jitter ? Number{to_seconds(e.jitter.value)} : std::nullopt;
  });
}

void thresholds(Exposition& out, const Published& p) {
  out.family("anycast_threshold_seconds", "gauge", "RTT and jitter thresholds in force.");
  for (const auto& [carrier, t] : p.config->thresholds) {
    const auto levels = [&, name = carrier](const char* measure, const Levels<Duration>& l) {
      out.sample({{"carrier", name}, {"measure", measure}, {"level", "warn"}}, to_seconds(l.warn));
      out.sample({{"carrier", name}, {"measure", measure}, {"level", "bad"}}, to_seconds(l.bad));
      out.sample({{"carrier", name}, {"measure", measure}, {"level", "clear"}},
                 to_seconds(l.clear));
    };
    levels("rtt", t.rtt);
    levels("jitter", t.jitter);
  }
  out.family("anycast_threshold_ratio", "gauge", "Loss thresholds in force.");
  for (const auto& [carrier, t] : p.config->thresholds) {
    out.sample({{"carrier", carrier}, {"level", "warn"}}, to_ratio(t.loss.warn));
    out.sample({{"carrier", carrier}, {"level", "bad"}}, to_ratio(t.loss.bad));
    out.sample({{"carrier", carrier}, {"level", "clear"}}, to_ratio(t.loss.clear));
  }
}

void carriers(Exposition& out, const Published& p) {
  out.family("anycast_carrier_state", "gauge",
             "1 for the state a node has for a carrier, else 0 (ok, warn, bad, unknown).");
  for (const auto& [node, unused] : p.config->nodes) {
    for (const auto& carrier : p.config->carriers) {
      const auto* path = report::worst(report::paths_of(p, node, carrier));
      if (path == nullptr) continue;
      for (const auto v : {Verdict::ok, Verdict::warn, Verdict::bad, Verdict::unknown}) {
        out.sample({{"node", node}, {"carrier", carrier}, {"state", to_string(v)}},
                   flag(path->state.verdict == v));
      }
    }
  }
  out.family("anycast_carrier_state_changes_total", "counter", "State changes.");
  counts(out, p.counters.cell_changes, {"node", "carrier", "to"});
  out.family("anycast_carrier_paths", "gauge",
             "(node, upstream) pairs that announce for a carrier, as known here.");
  for (const auto& prefix : p.config->prefixes) {
    for (const auto& [carrier, have] : p.plan.carrier_paths) {
      out.sample({{"prefix", to_string(prefix.prefix)}, {"carrier", carrier}}, plain(have));
    }
  }
  out.family("anycast_nodes_announcing", "gauge",
             "Nodes of the fleet that announce the prefix, as known here.");
  for (const auto& prefix : p.config->prefixes)
    out.sample({{"prefix", to_string(prefix.prefix)}}, plain(p.plan.nodes_announcing));
}

Stance wanted(const Published& p, const std::string& upstream) {
  for (const auto& session : p.plan.sessions) {
    if (session.upstream == upstream) return session.wanted;
  }
  const auto stored = p.state.sessions.find(upstream);
  return stored == p.state.sessions.end() ? Stance{} : stored->second.stance;
}

/// What the router says about one prefix on one session.
Stance exported(const Published& p, const Prefix& prefix, const std::string& upstream) {
  const auto& router = *p.router.value;
  const Stance kNothing{.kind = Stance::Kind::withdraw};
  const auto session = router.sessions.find(upstream);
  if (session == router.sessions.end() || !session->second.up) return kNothing;
  const auto& exports = session->second.exports;
  const auto route = std::ranges::find(exports, prefix, &Export::prefix);
  return route == exports.end() ? kNothing : core::said(p.config->upstreams.at(upstream), *route);
}

/// Calls back for every (prefix, upstream) of this node.
template <class F>
void per_announcement(const Published& p, F each) {
  for (const auto& prefix : p.config->prefixes) {
    for (const auto& [upstream, session] : p.config->me().sessions) {
      // A session carries the prefixes of its own address family.
      if (session.neighbor.family != prefix.prefix.address.family) continue;
      each(Exposition::Labels{{"prefix", to_string(prefix.prefix)}, {"upstream", upstream}},
           prefix.prefix, upstream);
    }
  }
}

void announcements(Exposition& out, const Published& p, Time now) {
  out.family("anycast_announces", "gauge",
             "1 if the router exports the prefix on this session now, by its own word, and with "
             "which stance.");
  per_announcement(p, [&](Exposition::Labels labels, const Prefix& prefix, const std::string& up) {
    if (!p.router.value || !alive(p, now)) return;
    const auto stance = exported(p, prefix, up);
    labels.insert(labels.begin(), {"node", p.config->self});
    labels.emplace_back("stance", encode(stance));
    out.sample(labels, flag(stance.announces()));
  });
  out.family("anycast_last_change_timestamp_seconds", "gauge",
             "Unix time of this node's last own change of an announcement.");
  if (!p.state.changes.empty())
    out.sample({{"node", p.config->self}}, to_unix(p.state.changes.back()));
  out.family("anycast_announcement_state", "gauge",
             "1 for what this node wants per upstream (announced, prepended, drained, withdrawn).");
  per_announcement(p, [&](const Exposition::Labels& labels, const Prefix&, const std::string& up) {
    const auto word = [](Stance::Kind kind) {
      return kind == Stance::Kind::prepend ? std::string{"prepended"} : state_word({.kind = kind});
    };
    for (const auto kind : {Stance::Kind::announce, Stance::Kind::prepend, Stance::Kind::drain,
                            Stance::Kind::withdraw}) {
      auto with_state = labels;
      with_state.emplace_back("state", word(kind));
      out.sample(with_state, flag(wanted(p, up).kind == kind));
    }
  });
  out.family("anycast_announcement_in_sync", "gauge", "1 if the router exports what we want.");
  per_announcement(p, [&](const Exposition::Labels& labels, const Prefix&, const std::string& up) {
    const auto same = report::in_sync(p, up);
    if (same) out.sample(labels, flag(*same));
  });
  out.family("anycast_prepends", "gauge", "Times our ASN is prepended, as wanted.");
  per_announcement(p, [&](const Exposition::Labels& labels, const Prefix&, const std::string& up) {
    out.sample(labels, plain(wanted(p, up).prepend));
  });
}

void origins(Exposition& out, const Published& p) {
  out.family("anycast_rpki_state", "gauge",
             "1 for what ROAs say about the prefix and its origin, else 0 (valid, not_found, "
             "invalid, unknown); only where rpki asks somebody.");
  for (const auto& report : p.plan.origins) {
    for (const auto state :
         {OriginState::valid, OriginState::not_found, OriginState::invalid, OriginState::unknown}) {
      out.sample({{"node", p.config->self},
                  {"prefix", to_string(report.prefix)},
                  {"origin", std::to_string(report.asn)},
                  {"state", to_string(state)}},
                 flag(report.state == state));
    }
  }
}

}  // namespace

Counts from_zero(Counts decisions) {
  for (const char* action : {"announce", "prepend", "drain", "withdraw"}) {
    for (const auto cause :
         {Cause::carrier, Cause::restore, Cause::operated, Cause::service, Cause::undo})
      decisions.try_emplace({action, to_string(cause)}, 0);
  }
  return decisions;
}

namespace {

void blackholes(Exposition& out, const Published& p) {
  out.family("anycast_blackhole_until_timestamp_seconds", "gauge",
             "Unix time at which an upstream stops to drop a host of ours (RFC 7999).");
  for (const auto& [key, one] : p.state.blackholes) {
    out.sample(
        {{"node", p.config->self}, {"host", to_string(one.host)}, {"upstream", one.upstream}},
        to_unix(one.until));
  }
}

void guards(Exposition& out, const Published& p) {
  out.family("anycast_decisions_total", "counter", "Decisions taken, by cause.");
  counts(out, from_zero(p.counters.decisions), {"action", "cause"});
  out.family("anycast_guard_refusals_total", "counter", "Steps not taken because a guard said no.");
  counts(out, p.counters.guard_refusals, {"guard"});
  std::map<std::string, bool> blocking;
  for (const auto& [labels, unused] : p.counters.guard_refusals) blocking[labels.at(0)] = false;
  for (const auto& step : p.plan.steps) {
    for (const auto& guard : step.guards) {
      blocking[guard.guard] = blocking[guard.guard] || !guard.passed;
    }
  }
  out.family("anycast_guard_blocking", "gauge", "1 while a wanted step waits for this guard.");
  for (const auto& [guard, now] : blocking) out.sample({{"guard", guard}}, flag(now));
  out.family(
      "anycast_damping_penalty", "gauge",
      "What routers that damp flaps hold against this node's own updates (RFC 2439 points).");
  for (const auto& prefix : p.config->prefixes)
    out.sample({{"node", p.config->self}, {"prefix", to_string(prefix.prefix)}},
               report::penalty(p, to_string(prefix.prefix)));
  out.family("anycast_session_penalty", "gauge", "The same of one session's updates.");
  for (const auto& [upstream, session] : p.config->me().sessions)
    out.sample({{"upstream", upstream}}, report::penalty(p, upstream));
  single(out, "anycast_changes_budget_remaining", "gauge",
         "Changes left in the current budget window.", plain(report::budget_left(p)));
  out.family("anycast_frozen", "gauge", "1 while a person froze this node.");
  out.sample({{"scope", "node"}}, flag(p.state.freeze.has_value()));
  const auto pins = std::ranges::count_if(p.state.sessions,
                                          [](const auto& s) { return s.second.pin.has_value(); });
  single(out, "anycast_pins", "gauge", "Upstreams pinned by a person.",
         plain(static_cast<int>(pins)));
  single(out, "anycast_drained", "gauge", "1 while this node is drained by a person.",
         flag(p.state.drain.has_value()));
}

void services(Exposition& out, const Published& p) {
  if (p.config->me().services.empty()) return;
  const auto& node = p.config->self;
  out.family("anycast_service_state", "gauge",
             "1 for the state of a service of this node, else 0 (up, low, down, unknown).");
  for (const auto& service : p.plan.services) {
    for (const auto level : {Level::up, Level::low, Level::down, Level::unknown}) {
      out.sample({{"node", node}, {"service", service.name}, {"state", to_string(level)}},
                 flag(service.state.level == level));
    }
  }
  out.family("anycast_service_real_servers", "gauge",
             "Real servers of a service by what the checks say, without those of weight 0.");
  for (const auto& service : p.plan.services) {
    const auto sample = [&](Alive alive, int number) {
      out.sample({{"node", node}, {"service", service.name}, {"state", to_string(alive)}},
                 plain(number));
    };
    sample(Alive::up, service.servers_up);
    sample(Alive::down, service.servers - service.servers_up - service.servers_unknown);
    sample(Alive::unknown, service.servers_unknown);
  }
  if (!p.counters.checks) return;
  const auto& checks = *p.counters.checks;
  out.family("anycast_checks_total", "counter",
             "Tries of real servers since the last reload, by what they said.");
  out.sample({{"result", "good"}}, plain(checks.tries - checks.failures - checks.late));
  out.sample({{"result", "failed"}}, plain(checks.failures));
  out.sample({{"result", "late"}}, plain(checks.late));
  single(out, "anycast_checks_missed_total", "counter",
         "Tries that began later than planned by more than a tenth of their interval.",
         plain(checks.missed));
}

void router(Exposition& out, const Published& p) {
  const auto& kind = p.config->router.kind;
  out.family("anycast_apply_total", "counter", "Changes handed to the router, by result.");
  for (const char* result : {"ok", "refused", "failed", "rolled_back"}) {
    const auto found = p.counters.applies.find({result});
    out.sample({{"target", kind}, {"result", result}},
               found == p.counters.applies.end() ? 0.0 : plain(found->second));
  }
  out.family("anycast_apply_duration_seconds", "histogram",
             "Time to check, apply and verify a change.");
  out.histogram({{"target", kind}}, p.counters.apply_time);
  out.family("anycast_router_up", "gauge", "1 if the control socket of the router answers.");
  out.sample({{"kind", kind}}, flag(p.router.value.has_value()));
  const auto per_session = [&](auto value) {
    if (!p.router.value) return;
    for (const auto& [upstream, session] : p.config->me().sessions) {
      const auto found = p.router.value->sessions.find(upstream);
      const auto view = found == p.router.value->sessions.end() ? SessionView{} : found->second;
      out.sample({{"upstream", upstream}, {"neighbor", to_string(session.neighbor)}}, value(view));
    }
  };
  out.family("anycast_bgp_session_up", "gauge", "1 if the session is Established.");
  per_session([](const SessionView& s) { return flag(s.up); });
  out.family("anycast_bgp_exported_routes", "gauge", "Routes the router says it exports.");
  per_session([](const SessionView& s) { return s.up ? plain(s.exports.size()) : 0.0; });
  out.family("anycast_prometheus_requests_total", "counter", "Queries by result.");
  counts(out, p.counters.prometheus_requests, {"server", "result"});
}

}  // namespace

void families(Exposition& out, const Published& p, const Context& context) {
  daemon(out, p, context.fleet_digest);
  evidence(out, p);
  thresholds(out, p);
  carriers(out, p);
  announcements(out, p, context.now);
  origins(out, p);
  blackholes(out, p);
  guards(out, p);
  services(out, p);
  keepalived(out, p);
  egress(out, p);
  shadow(out, p);
  inside(out, p);
  router(out, p);
}

}  // namespace anycast::metrics
