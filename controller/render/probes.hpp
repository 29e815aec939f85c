#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/config.hpp"

namespace anycast::render {

/// What the fleet's file does not say about the probes. Empty: not wanted, or all of them.
struct ProbeSites {
  std::string region = {};
  std::string carrier = {};
  std::string exporter = {};  ///< HOST:PORT of blackbox_exporter; {region} and {carrier} are filled
  std::string metrics = {};   ///< HOST:PORT of a node's /metrics; {node} is filled
  std::string service = {};   ///< URL that is fetched through the anycast address
};

/// A probe host's Prometheus in agent mode: pings through the exporter beside it and pushes the
/// samples to every server of `prometheus.urls`, so that nobody scrapes across the border. Needs
/// the region and the carrier.
Result<std::string> agent_config(const Config& config, const ProbeSites& sites);

/// The central Prometheus: rules, the nodes' own metrics, and probes that it asks itself.
Result<std::string> prometheus_config(const Config& config, const ProbeSites& sites);

/// probes/blackbox.yml with the timeout for pings that suits `evidence.scrape`. An error where that
/// is so short that a slow reply would count as lost.
Result<std::string> blackbox_config(const Config& config);

/// How long a ping is waited for: 2 s, and four fifths of a scrape at most.
Duration ping_timeout(const Config& config);

}  // namespace anycast::render
