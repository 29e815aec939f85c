#pragma once

#include <vector>

#include "adapters/prometheus/reply.hpp"
#include "controller/model/config.hpp"
#include "controller/model/evidence.hpp"

namespace anycast::prometheus {

/// How many replies took at most `edge`, scrape by scrape; the last bucket holds all of them.
struct Bucket {
  Duration edge;
  std::vector<Point> points = {};
};

struct Counted {
  std::vector<Sample> samples = {};
  std::vector<Point> no_count = {};    ///< no whole number, or a bucket that runs ahead
  std::vector<Point> no_buckets = {};  ///< the histogram is not there or not whole
  std::vector<Point> too_many = {};    ///< more packets than `evidence.ping` sends
};

/// Samples out of the counters of one target: `sent` (smokeping_requests_total) and the cumulative
/// buckets of its histogram (smokeping_response_duration_seconds_bucket), each in ascending order
/// of time. Between two scrapes lie as many samples as replies came, each in the middle of its
/// bucket, and as many losses as became certain; they are spread evenly over that time, the losses
/// as one run behind the replies, because nobody knows their order and a run proves least.
///
/// Requests are counted when they leave and replies when they come, so that what is under way looks
/// lost: of each stretch of counters that belong together the first few missing packets, a second's
/// worth, are not told. So a stretch tells never more losses than there were, and at most so many
/// fewer.
///
/// A counter that fell, a gap of more than three scrapes, and a total that may have been counted
/// from zero since the last scrape end a stretch: a restart of the exporter is a span without data,
/// never loss.
Counted count_up(const std::vector<Point>& sent, const std::vector<Bucket>& buckets,
                 const EvidenceConfig& config);

}  // namespace anycast::prometheus
