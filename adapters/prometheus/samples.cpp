#include "adapters/prometheus/samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "adapters/prometheus/counters.hpp"
#include "adapters/prometheus/edges.hpp"
#include "adapters/prometheus/parts.hpp"
#include "controller/base/text.hpp"

namespace anycast::prometheus {
namespace {

// A sample this far outside of the window is worth a word; less is rounding, and where the window
// begins servers differ by one sample.
constexpr seconds kOutside{5};
// No ping that anybody counts as received took longer; blackbox_exporter gives up after its
// module's time-out, seconds at most.
constexpr double kMaxRttSeconds = 60;
constexpr std::size_t kMaxNamed = 3;
// What the node label says of a probe that pings no node.
constexpr std::string_view kVip = "anycast";
constexpr std::string_view kAnchor = "anchor";

Time time_of(const Point& point) { return Time{milliseconds{point.at_ms}}; }

std::string name_of(const ProbeKey& key) {
  const std::string_view where = key.target == Target::vip      ? kVip
                                 : key.target == Target::anchor ? kAnchor
                                                                : std::string_view{key.node};
  return key.upstream.empty()
             ? fmt::format("{} {} {}", where, key.carrier, key.region)
             : fmt::format("{} {} {} {}", where, key.upstream, key.carrier, key.region);
}

/// How often something was dropped, and where it was seen first.
class Dropped {
 public:
  void count(const ProbeKey& key, const Point& point) {
    if (count_++ == 0) first_ = fmt::format("{} at {}", name_of(key), format_clock(time_of(point)));
  }
  void tell(std::vector<std::string>& faults, std::string_view what) const {
    if (count_ == 0) return;
    faults.push_back(fmt::format("{} sample{} dropped, first {}: {}", count_,
                                 count_ == 1 ? "" : "s", first_, what));
  }

 private:
  std::size_t count_ = 0;
  std::string first_;
};

struct Faults {
  Dropped contradicting, not_0_or_1, no_rtt, impossible_rtt, no_count, no_buckets, too_many;

  void tell(std::vector<std::string>& out) const {
    contradicting.tell(out, "two values for one time");
    not_0_or_1.tell(out, "evidence.loss is neither 0 nor 1");
    no_rtt.tell(out, "received, but evidence.rtt has no sample of that time");
    impossible_rtt.tell(out, "received, but evidence.rtt is not between 0 and 60 seconds");
    no_count.tell(out, "a counter is no whole number, or a bucket holds less than the one below");
    no_buckets.tell(out, "evidence.rtt has no whole histogram of that time");
    too_many.tell(out, "more packets than evidence.ping sends");
  }
};

bool same_value(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// Equal samples of one time become one; of different ones none is believed.
void remove_duplicates(std::vector<Point>& line, const ProbeKey& key, Dropped& contradicting) {
  std::vector<Point> out;
  out.reserve(line.size());
  for (auto first = line.begin(); first != line.end();) {
    const auto last =
        std::find_if(first, line.end(), [&](const Point& p) { return p.at_ms != first->at_ms; });
    const bool agree =
        std::all_of(first, last, [&](const Point& p) { return same_value(p.value, first->value); });
    if (agree) out.push_back(*first);
    if (!agree) contradicting.count(key, *first);
    first = last;
  }
  line = std::move(out);
}

/// The labels that are not the same in all parts: `replica="a", replica="b"`.
std::string difference(const Parts& parts) {
  std::map<std::string, std::size_t> seen;
  for (const auto& [labels, points] : parts) {
    for (auto& label : split(labels, ',')) ++seen[std::move(label)];
  }
  std::vector<std::string> differing;
  for (const auto& [label, count] : seen) {
    if (count != parts.size() && !label.empty()) differing.push_back(printable(label));
  }
  if (differing.size() > 2 * kMaxNamed) {
    differing.resize(2 * kMaxNamed);
    differing.emplace_back("...");
  }
  return join(differing, ", ");
}

std::string refusal(const ProbeKey& key, std::string_view selector, const std::string& span,
                    const Parts& parts) {
  return fmt::format("{} refused{}: several series of evidence.{} at the same time, {}",
                     name_of(key), span, selector, difference(parts));
}

std::string words(const Span& span) {
  const auto clock = [](std::int64_t ms) { return format_clock(Time{milliseconds{ms}}); };
  return fmt::format(" from {} to {}", clock(span.from), clock(span.to));
}

/// Of a gauge there is one "bucket", or none.
std::vector<Sample> pair_up(const std::vector<Point>& loss, const std::vector<Bucket>& gauge,
                            const ProbeKey& key, Faults& faults) {
  static const std::vector<Point> kNone;
  const auto& rtt = gauge.empty() ? kNone : gauge.front().points;
  std::vector<Sample> samples;
  samples.reserve(loss.size());
  auto reply = rtt.begin();
  for (const auto& point : loss) {
    if (point.value == 0) {
      samples.push_back({.at = time_of(point), .received = false});
      continue;
    }
    if (point.value != 1) {
      faults.not_0_or_1.count(key, point);
      continue;
    }
    while (reply != rtt.end() && reply->at_ms < point.at_ms) ++reply;
    if (reply == rtt.end() || reply->at_ms != point.at_ms) {
      faults.no_rtt.count(key, point);
      continue;
    }
    // Written so that NaN fails too.
    const bool possible = reply->value > 0 && reply->value <= kMaxRttSeconds;
    const Duration value{possible ? std::llround(reply->value * 1e6) : 0};
    if (value == Duration{0}) {
      faults.impossible_rtt.count(key, point);
      continue;
    }
    samples.push_back({.at = time_of(point), .received = true, .rtt = value});
  }
  return samples;
}

/// One probe's points: of the loss, and of each bucket or of the one gauge.
struct Lines {
  std::vector<Point> loss = {};
  std::vector<Bucket> rtt = {};
  std::vector<Span> doubted = {};
};

/// Takes out what cannot be believed, from all where it shows in one of them: what is left of only
/// one would be nothing but losses, or replies.
Lines lines_of(const Config& config, const ProbeKey& key, const Parts& loss,
               const std::map<Duration, Parts>& rtt, std::vector<std::string>& refused) {
  const auto scrape = config.evidence.scrape;
  const auto targets = targets_of(config, key.target);
  Lines out;
  auto& doubted = out.doubted;
  std::pair<std::string_view, const Parts*> where;
  const auto take = [&](std::string_view selector, const Parts& parts) {
    auto line = one_line(parts, targets);
    if (!line.doubted.empty() && doubted.empty()) where = {selector, &parts};
    if (!line.doubted.empty()) doubted.push_back(line.doubted);
    return std::move(line.points);
  };
  out.loss = take("loss", loss);
  for (const auto& [edge, parts] : rtt) out.rtt.push_back({edge, take("rtt", parts)});
  for (const auto& span : doubted) {
    disbelieve(out.loss, span, scrape);
    for (auto& bucket : out.rtt) disbelieve(bucket.points, span, scrape);
  }
  if (doubted.empty()) return out;
  const auto span = out.loss.empty() ? std::string{} : words(doubted.front());
  refused.push_back(refusal(key, where.first, span, *where.second));
  return out;
}

/// Other labels are another exporter's counters: they have nothing to do with those before.
std::vector<Sample> counted_samples(const ProbeKey& key, const Parts& requests, const Lines& lines,
                                    const EvidenceConfig& config, Faults& faults) {
  std::vector<Sample> out;
  for (const auto& [labels, points] : requests) {
    auto sent = points;
    for (const auto& span : lines.doubted) disbelieve(sent, span, config.scrape);
    remove_duplicates(sent, key, faults.contradicting);
    const auto counted = count_up(sent, lines.rtt, config);
    for (const auto& point : counted.no_count) faults.no_count.count(key, point);
    for (const auto& point : counted.no_buckets) faults.no_buckets.count(key, point);
    for (const auto& point : counted.too_many) faults.too_many.count(key, point);
    out.insert(out.end(), counted.samples.begin(), counted.samples.end());
  }
  std::ranges::stable_sort(out, {}, &Sample::at);
  return out;
}

}  // namespace

std::vector<std::string> SampleWindow::labels() const {
  const auto& names = config_.evidence.labels;
  std::vector<std::string> out{names.node, names.carrier, names.region};
  if (!names.upstream.empty()) out.push_back(names.upstream);
  if (config_.evidence.source == Exporter::smokeping) out.emplace_back("le");
  return out;
}

std::optional<Duration> SampleWindow::edge_of(const Series& series) const {
  if (config_.evidence.source == Exporter::blackbox) return Duration{0};
  double edge = 0;
  if (!parse_value(series.wanted.back(), edge) || !(edge > 0)) return std::nullopt;
  if (edge > kMaxRttSeconds) return Duration::max();
  return Duration{std::llround(edge * 1e6)};
}

void SampleWindow::clear() {
  probes_.clear();
  reply_faults_.clear();
}

bool SampleWindow::key_of(const Series& series, ProbeKey& key, std::string& unknown) const {
  const auto& names = config_.evidence.labels;
  key = {.node = series.wanted[0],
         .upstream = names.upstream.empty() ? "" : series.wanted[3],
         .carrier = series.wanted[1],
         .region = series.wanted[2]};
  const auto not_in = [&](const std::string& label, const std::string& value) {
    unknown = fmt::format("{}=\"{}\"", label, printable(value));
    return false;
  };
  const auto has = [](const auto& list, const std::string& value) {
    return std::ranges::find(list, value) != list.end();
  };
  if (!config_.nodes.contains(key.node)) {
    if (key.node != kVip && key.node != kAnchor) return not_in(names.node, key.node);
    key.target = key.node == kVip ? Target::vip : Target::anchor;
    key.node.clear();
    key.upstream.clear();
  }
  if (!has(config_.carriers, key.carrier)) return not_in(names.carrier, key.carrier);
  if (!has(config_.regions, key.region)) return not_in(names.region, key.region);
  if (!key.upstream.empty() && !config_.upstreams.contains(key.upstream)) {
    return not_in(names.upstream, key.upstream);
  }
  return true;
}

void SampleWindow::add(const Reply& reply, Role role, Time from, Time at) {
  const bool is_loss = role == Role::loss;
  std::size_t ignored = 0;
  std::size_t future = 0;
  std::size_t past = 0;
  std::optional<Time> newest;
  const Time oldest = at - config_.evidence.longest();
  std::set<std::string> names;
  for (const auto& series : reply.series) {
    ProbeKey key;
    std::string unknown;
    if (!key_of(series, key, unknown)) {
      ++ignored;
      if (names.size() < kMaxNamed) names.insert(std::move(unknown));
      continue;
    }
    std::vector<Point> fresh;
    for (const auto& point : series.points) {
      if (time_of(point) > at + kOutside) ++future;
      if (time_of(point) < oldest - kOutside) {
        ++past;
        newest = std::max(newest.value_or(time_of(point)), time_of(point));
      }
      if (time_of(point) > from && time_of(point) <= at) fresh.push_back(point);
    }
    const auto edge = is_loss ? std::nullopt : edge_of(series);
    if (fresh.empty() || (!is_loss && !edge)) continue;
    auto& probe = probes_[key];
    auto& points = (is_loss ? probe.loss : probe.rtt[*edge])[series.others];
    points.insert(points.end(), fresh.begin(), fresh.end());
    std::ranges::stable_sort(points, {}, &Point::at_ms);
  }
  const std::string_view selector = is_loss ? "loss" : "rtt";
  if (ignored > 0 && is_loss) {
    reply_faults_.push_back(
        fmt::format("{} series of evidence.loss ignored, no such name is configured: {}", ignored,
                    join({names.begin(), names.end()}, ", ")));
  }
  if (future > 0) {
    reply_faults_.push_back(fmt::format(
        "{} sample{} of evidence.{} ignored, more than {} after the time that was asked for",
        future, future == 1 ? "" : "s", selector, format_age(kOutside)));
  }
  if (past > 0) {
    reply_faults_.push_back(
        fmt::format("{} sample{} of evidence.{} ignored, older than the window of {}: the newest "
                    "of them is {} old",
                    past, past == 1 ? "" : "s", selector, format_age(config_.evidence.longest()),
                    format_age(at - *newest)));
  }
  if (reply.histograms > 0) {
    reply_faults_.push_back(
        fmt::format("{} histogram sample{} of evidence.{} ignored, expected a plain gauge",
                    reply.histograms, reply.histograms == 1 ? "" : "s", selector));
  }
}

void SampleWindow::merge(const Reply& loss, const Reply& rtt, Time from, Time at) {
  const Time oldest = at - config_.evidence.longest();
  const auto prune = [&](Parts& parts) {
    for (auto& [labels, points] : parts) {
      std::erase_if(points, [&](const Point& point) {
        return time_of(point) > from || time_of(point) <= oldest;
      });
    }
    std::erase_if(parts, [](const auto& part) { return part.second.empty(); });
  };
  for (auto& [key, probe] : probes_) {
    prune(probe.loss);
    for (auto& [edge, parts] : probe.rtt) prune(parts);
    std::erase_if(probe.rtt, [](const auto& entry) { return entry.second.empty(); });
  }
  std::erase_if(probes_, [](const auto& entry) {
    return entry.second.loss.empty() && entry.second.rtt.empty();
  });
  reply_faults_.clear();
  add(loss, Role::loss, std::max(from, oldest), at);
  add(rtt, Role::rtt, std::max(from, oldest), at);
}

Evidence SampleWindow::evidence(Time at) const {
  Evidence out{.at = at};
  out.faults = reply_faults_;
  const bool smokeping = config_.evidence.source == Exporter::smokeping;
  Faults faults;
  Edges edges{config_};
  for (const auto& [key, probe] : probes_) {
    auto lines = lines_of(config_, key, probe.loss, probe.rtt, out.faults);
    remove_duplicates(lines.loss, key, faults.contradicting);
    for (auto& bucket : lines.rtt) remove_duplicates(bucket.points, key, faults.contradicting);
    if (smokeping) edges.look_at(key, name_of(key), lines.rtt);
    auto samples = smokeping ? counted_samples(key, probe.loss, lines, config_.evidence, faults)
                             : pair_up(lines.loss, lines.rtt, key, faults);
    if (!samples.empty()) out.series.push_back({.key = key, .samples = std::move(samples)});
  }
  faults.tell(out.faults);
  edges.tell(out.faults);
  return out;
}

}  // namespace anycast::prometheus
