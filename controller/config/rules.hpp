#pragma once

#include <string>

#include "controller/config/bind.hpp"
#include "controller/config/report.hpp"
#include "controller/model/config.hpp"

namespace anycast::config {

/// What a rule looks at. A rule says nothing about values that could not be read.
struct Checked {
  const Config& config;
  Bound& bound;  ///< a rule adds what it refused, so that later ones do not build on it
  Report& report;
};

/// "did you mean 'pccw'? defined at 42:1: cmi, ntt, pccw".
std::string defined(const Checked& c, Span from, const std::string& word, const std::string& table,
                    const std::vector<std::string>& names);

/// What a shadow's overlay may say: only keys that change neither what is asked nor what there is.
void check_overlay(const Tree& overlay, Report& report);
/// References, names, and what must be there for each carrier.
void check_references(const Checked& c);
/// Prefixes, ASNs, addresses, probe targets.
void check_addresses(const Checked& c);
/// What upstreams can be asked to do, weights of users, capacity of nodes.
void check_dictionary(const Checked& c);
/// Thresholds, the window that must show them, Prometheus.
void check_evidence(const Checked& c);
/// What only smokeping_prober needs: selectors of its metrics, and buckets that can tell thresholds
/// apart.
void check_smokeping(const Checked& c);
/// Services of the nodes: checks, real servers, watermarks.
void check_services(const Checked& c);
/// Routes that a node keeps in its kernel.
void check_routes(const Checked& c);
/// Egress: carriers, and the order of upstreams of each node.
void check_egress(const Checked& c);
/// The ladder, guards, times that have to fit together.
void check_policy(const Checked& c);

}  // namespace anycast::config
