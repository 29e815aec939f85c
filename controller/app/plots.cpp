#include "controller/app/plots.hpp"

#include <algorithm>
#include <cstdlib>

namespace anycast {
namespace {

Time span_of(Time at) { return begin_of_span(at, kPlotSpan); }

/// The value of which a share of `percent` is not above, by rank; `values` are sorted.
Duration quantile(const std::vector<Duration>& values, std::size_t percent) {
  if (values.empty()) return {};
  return values[(values.size() - 1) * percent / 100];
}

}  // namespace

void Plots::feed(const Evidence& evidence) {
  if (evidence.partial) return;
  for (const auto& series : evidence.series) {
    if (series.key.target != Target::node || series.samples.empty()) continue;
    // The window begins somewhere within a span: what is left of that one would not be the whole.
    const auto first_whole = span_of(series.samples.front().at) + kPlotSpan;
    if (begun_ == Time{}) begun_ = first_whole;
    auto& last = last_[series.key];
    for (const auto& sample : series.samples) {
      if (sample.at <= last.at) continue;
      take(series.key, sample);
      last = {.at = sample.at, .reply = std::nullopt};
      if (sample.received && sample.half == Duration{0}) last.reply = sample;
    }
  }
  newest_ = std::max(newest_, evidence.at);
}

void Plots::take(const ProbeKey& probe, const Sample& sample) {
  const auto begin = span_of(sample.at);
  if (begin < begun_ || begin < done_) return;
  auto& span =
      open_[{.node = probe.node, .carrier = probe.carrier, .upstream = probe.upstream}][begin];
  ++span.sent;
  if (!sample.received) {
    ++span.lost;
    return;
  }
  span.rtts.push_back(sample.rtt);
  const auto& before = last_[probe].reply;
  if (!before || sample.half != Duration{0}) return;
  span.steps_us += std::abs((sample.rtt - before->rtt).count());
  ++span.steps;
}

std::vector<PlotRecord> Plots::closed() {
  std::vector<PlotRecord> out;
  const auto until = span_of(newest_ - kLate);
  for (auto& [key, spans] : open_) {
    const auto end = spans.lower_bound(until);
    for (auto it = spans.begin(); it != end; ++it) {
      auto& [at, span] = *it;
      std::ranges::sort(span.rtts);
      out.push_back({key,
                     {.at = at,
                      .sent = span.sent,
                      .lost = span.lost,
                      .p10 = quantile(span.rtts, 10),
                      .median = quantile(span.rtts, 50),
                      .p90 = quantile(span.rtts, 90),
                      .jitter = Duration{span.steps == 0 ? 0 : span.steps_us / span.steps}}});
    }
    spans.erase(spans.begin(), end);
  }
  done_ = std::max(done_, until);
  return out;
}

Result<Evidence> PlottedEvidence::evidence(Time at) {
  auto out = source_.evidence(at);
  if (out) plots_.feed(*out);
  return out;
}

std::vector<PlotLimits> limits_of(const Config& config, Time now) {
  std::vector<PlotLimits> out;
  for (const auto& carrier : config.carriers) {
    const auto& t = config.thresholds.at(carrier);
    out.push_back(
        {.at = now, .carrier = carrier, .rtt = t.rtt, .loss = t.loss, .jitter = t.jitter});
  }
  return out;
}

}  // namespace anycast
