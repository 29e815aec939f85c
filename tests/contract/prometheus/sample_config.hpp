#pragma once

#include <string>
#include <utility>
#include <vector>

#include "controller/model/config.hpp"

namespace anycast::test {

inline constexpr std::int64_t kStart = 1'700'000'000;  ///< seconds; all samples are after it
inline const Time kAt{seconds{kStart + 600}};

/// Two nodes, one carrier, two regions; the selectors are <prefix>_loss and <prefix>_rtt.
inline Config sample_config(const std::string& prefix, std::vector<std::string> urls) {
  Config out;
  out.prometheus.urls = std::move(urls);
  out.evidence.loss = prefix + "_loss";
  out.evidence.rtt = prefix + "_rtt";
  out.fleet.announcements = prefix + "_announces";
  out.evidence.slow_window = out.evidence.window;  // what is fetched is the longest
  out.carriers = {"cm"};
  out.regions = {"beijing", "chengdu"};
  out.upstreams = {{"up1", Upstream{.asn = 64500}}, {"up2", Upstream{.asn = 64501}}};
  out.nodes["hk-a"].sessions = {{"up1", Session{}}, {"up2", Session{}}};
  out.nodes["hk-b"].sessions = {{"up1", Session{}}};
  return out;
}

}  // namespace anycast::test
