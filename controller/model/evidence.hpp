#pragma once

#include <compare>
#include <string>
#include <vector>

#include "controller/base/time.hpp"

namespace anycast {

/// One ping: sent at `at` (the sample's own time stamp), answered after `rtt` or lost.
///
/// smokeping_prober counts replies in a histogram. Such a count becomes as many samples, each in
/// the middle of its bucket with `half` of the bucket's width, so that there is one set of
/// estimators for both exporters: intervals grow by what is not known, and counts, windows, bursts
/// and blame need no second way. What a histogram does not keep is the order of its replies.
struct Sample {
  Time at;
  bool received;
  Duration rtt = {};   ///< 0 and without meaning where the reply did not come
  Duration half = {};  ///< the reply took `rtt` -+ `half`; where it is not 0 the sample's place
                       ///< among its neighbours is not known either
  bool operator==(const Sample&) const = default;
};

/// What a probe pings.
enum class Target {
  node,    ///< a unicast address of the node, or of one of its sessions: what is judged
  vip,     ///< the anycast address: who answers, and how the users fare
  anchor,  ///< something near the probe that should always answer: whether the probe is well
};

/// Who measured what: the probe of (carrier, region) against one node, over one upstream where the
/// target is per session (`upstream` is empty where it is per node). `node` and `upstream` are
/// empty where the target is another.
struct ProbeKey {
  std::string node;
  std::string upstream;
  std::string carrier;
  std::string region;
  Target target = Target::node;
  auto operator<=>(const ProbeKey&) const = default;
};

/// Samples in ascending order of time, no two of the same time, none from after `Evidence::at`.
struct ProbeSeries {
  ProbeKey key;
  std::vector<Sample> samples = {};
};

/// Raw probe samples of one window. A series that Prometheus did not return is absent: that is "no
/// data", never loss.
struct Evidence {
  Time at;                               ///< evaluation time T; the window is (T - window, T]
  std::vector<ProbeSeries> series = {};  ///< sorted by key, unique
  std::string server = {};               ///< the URL that answered
  std::vector<std::string> faults =
      {};                ///< warnings of the server, series that were refused and why
  bool partial = false;  ///< the server warned: nothing may be degraded on this evidence
};

}  // namespace anycast
