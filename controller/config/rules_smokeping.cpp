#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "controller/base/text.hpp"
#include "controller/config/rules.hpp"
#include "controller/config/scalars.hpp"
#include "controller/model/buckets.hpp"

namespace anycast::config {
namespace {

std::string metric_of(const std::string& selector) {
  return std::string{trim(std::string_view{selector}.substr(0, selector.find('{')))};
}

/// The exporters' own names tell whose they are; a recording rule's tell nothing.
void check_metric(const Checked& c, const std::string& path, const std::string& selector) {
  if (!c.bound.good(path) || !c.bound.good("evidence.source")) return;
  const auto metric = metric_of(selector);
  const bool smokeping = c.config.evidence.source == Exporter::smokeping;
  const auto* other = smokeping ? "blackbox" : "smokeping";
  if (metric.starts_with(smokeping ? "probe_" : "smokeping_")) {
    c.report.error(c.bound.at(path), "source",
                   fmt::format("'{}' is a metric of {}, but evidence.source is {}", metric,
                               smokeping ? "blackbox_exporter" : "smokeping_prober",
                               smokeping ? "smokeping" : "blackbox"),
                   {fmt::format("write source: {}, or another selector", other)});
  }
}

void check_selectors(const Checked& c) {
  const auto& e = c.config.evidence;
  check_metric(c, "evidence.rtt", e.rtt);
  check_metric(c, "evidence.loss", e.loss);
  if (e.source != Exporter::smokeping || !c.bound.good("evidence.rtt")) return;
  const auto metric = metric_of(e.rtt);
  if (metric.starts_with("probe_") || metric.ends_with("_bucket") ||
      metric.find(':') != std::string::npos) {
    return;
  }
  c.report.error(c.bound.at("evidence.rtt"), "source",
                 fmt::format("'{}' does not select the buckets of a histogram", metric),
                 {"as in smokeping_response_duration_seconds_bucket{job=\"smokeping\"}"});
}

void check_buckets(const Checked& c) {
  const auto& edges = c.config.evidence.buckets;
  if (edges.empty() || !c.bound.good("evidence.buckets")) return;
  const auto at = c.bound.at("evidence.buckets");
  if (std::ranges::adjacent_find(edges, std::greater_equal{}) != edges.end()) {
    c.report.error(at, "buckets", "edges must ascend, each once",
                   {"as smokeping_prober takes them: 5ms, 10ms, 15ms, ..."});
    return;
  }
  for (const auto& [carrier, thresholds] : c.config.thresholds) {
    const auto& rtt = thresholds.rtt;
    const bool read = c.bound.good("thresholds.default.rtt") &&
                      c.bound.good("thresholds." + carrier + ".rtt") && rtt.clear < rtt.bad;
    const auto blur = read ? buckets_blur(edges, rtt) : std::string{};
    if (blur.empty()) continue;
    const auto gap = rtt.bad - rtt.clear;
    c.report.error(at, "buckets", fmt::format("for {} these edges {}", carrier, blur),
                   {fmt::format("{}, {}, {} and {} among them would do",
                                print_duration(std::max(rtt.clear - gap, rtt.clear / 2)),
                                print_duration(rtt.clear), print_duration(rtt.bad),
                                print_duration(rtt.bad + gap))});
  }
}

void check_jitter(const Checked& c) {
  auto names = c.config.carriers;
  names.emplace_back("default");
  for (const auto& name : names) {
    const auto path = "thresholds." + name + ".jitter";
    if (!c.bound.set(path)) continue;
    c.report.warning(c.bound.at(path), "jitter", "jitter is not judged with source: smokeping",
                     {"it is the mean difference of neighbouring replies, and a histogram does "
                      "not keep their order"});
  }
}

}  // namespace

void check_smokeping(const Checked& c) {
  check_selectors(c);
  if (c.config.evidence.source != Exporter::smokeping) return;
  check_buckets(c);
  check_jitter(c);
}

}  // namespace anycast::config
