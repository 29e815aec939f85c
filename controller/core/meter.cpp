#include "controller/core/meter.hpp"

#include <algorithm>
#include <cmath>

namespace anycast::core {
namespace {

std::int64_t micro(double nats) { return std::llround(nats * 1e6); }

std::uint64_t square(std::uint64_t x) { return x * x; }
std::int64_t square(std::int64_t x) { return x * x; }

/// One number that sorts as the two do.
std::int64_t sorted_as(const Rtt& rtt) { return (std::int64_t{rtt.us} << 32U) + rtt.half_us; }

/// Where the reply is or would be among the sorted ones. Nobody can predict the way there, hence a
/// search that adds instead of branching.
std::vector<Rtt>::iterator place_of(std::vector<Rtt>& sorted, const Rtt& rtt) {
  const auto wanted = sorted_as(rtt);
  auto at = sorted.begin();
  auto left = std::ssize(sorted);
  while (left > 1) {
    const auto half = left / 2;
    at += sorted_as(at[half - 1]) < wanted ? half : 0;
    left -= half;
  }
  return left == 1 && sorted_as(*at) < wanted ? std::next(at) : at;
}

/// Puts one reply in the place of another.
void replace(std::vector<Rtt>& sorted, const Rtt& old, const Rtt& by) {
  const auto from = place_of(sorted, old);
  const auto to = place_of(sorted, by);
  if (from < to) {
    *std::move(std::next(from), to, from) = by;
  } else {
    std::move_backward(to, from, std::next(from));
    *to = by;
  }
}

}  // namespace

CusumWeights CusumWeights::of(const Thresholds& thresholds) {
  // The ends are kept away from 0 and 1, where a single packet would prove everything.
  const auto share = [](Ppm p) { return std::clamp(to_ratio(p), 0.001, 0.999); };
  const double p0 = share(thresholds.loss.clear);
  const double p1 = std::max(share(thresholds.loss.bad), p0 + 0.0005);
  return {.loss = micro(std::log(p1 / p0)),
          .reply = micro(std::log((1 - p0) / (1 - p1))),
          .alarm = micro(thresholds.cusum)};
}

Meter::Meter(const CusumWeights& weights, const EvidenceConfig& evidence)
    : weights_{weights},
      windows_{{{.span = std::min(evidence.fast_window, evidence.window)},
                {.span = evidence.window},
                {.span = evidence.longest()}}} {}

std::optional<Time> Meter::newest() const {
  return empty() ? std::nullopt : std::optional{points_.back().at};
}

std::optional<std::uint64_t> Meter::step_at(std::uint64_t sequence) const {
  const auto& now = point(sequence).rtt;
  const auto& before = point(sequence - 1).rtt;
  if (now == kLost || before == kLost) return std::nullopt;
  if (now.half_us != 0 || before.half_us != 0) return std::nullopt;
  return static_cast<std::uint64_t>(std::abs(now.us - before.us));
}

/// Replies that leave and replies that come, one of each at a time: what lies between the two
/// places moves by one, which is a third of what taking out and putting in would move.
void Meter::shift_replies(Window& window, Span out, Span in) const {
  const auto next_reply = [&](Span& span) -> const Rtt* {
    while (span.begin < span.end) {
      const auto& rtt = point(span.begin++).rtt;
      if (rtt != kLost) return &rtt;
    }
    return nullptr;
  };
  for (;;) {
    const auto* left = next_reply(out);
    const auto* came = next_reply(in);
    if (left == nullptr && came == nullptr) return;
    if (left == nullptr) {
      window.rtts.insert(place_of(window.rtts, *came), *came);
    } else if (came == nullptr) {
      window.rtts.erase(place_of(window.rtts, *left));
    } else {
      replace(window.rtts, *left, *came);
    }
  }
}

/// The jitter of neighbours both of which are in the window.
void Meter::shift_steps(Window& window, Span out, Span in) const {
  for (auto sequence = out.begin; sequence < out.end; ++sequence) {
    const auto step = step_at(sequence);
    if (!step) continue;
    --window.pairs;
    window.jitter_us -= *step;
    window.jitter_us2 -= square(*step);
  }
  for (auto sequence = in.begin; sequence < in.end; ++sequence) {
    const auto step = step_at(sequence);
    if (!step) continue;
    ++window.pairs;
    window.jitter_us += *step;
    window.jitter_us2 += square(*step);
  }
}

/// To the samples from `first` to the newest.
void Meter::shift(Window& window, std::uint64_t first) const {
  const auto losses = [&](Span span) {
    int count = 0;
    for (auto i = span.begin; i < span.end; ++i) count += point(i).rtt == kLost ? 1 : 0;
    return count;
  };
  // What is too old already when it comes is in neither span.
  const Span out{window.first, std::min(first, window.past)};
  const Span in{std::max(first, window.past), end()};
  window.lost += losses(in) - losses(out);
  shift_replies(window, out, in);
  // A step belongs to the later of its two samples.
  const Span steps_out{out.begin + 1, std::min(first + 1, window.past)};
  const Span steps_in{std::max(first + 1, window.past), end()};
  shift_steps(window, steps_out, steps_in);
  window.first = first;
  window.past = end();
}

void Meter::count_run() {
  const auto sequence = end() - 1;
  if (!runs_.empty() &&
      runs_.back().first + static_cast<std::uint64_t>(runs_.back().length) == sequence) {
    ++runs_.back().length;
  } else {
    runs_.push_back({sequence, 1});
  }
}

void Meter::count_block(const Point& point) {
  const auto number = point.at.time_since_epoch() / kBlock;
  const std::int64_t lost = point.rtt == kLost ? 1 : 0;
  if (blocks_.empty() || blocks_.back().number != number) blocks_.push_back({number, 0, 0});
  auto& block = blocks_.back();
  ++block.sent;
  block.lost += lost;
  if (blocks_.size() < 2) return;
  const auto before = blocks_[blocks_.size() - 2].lost;
  const bool first = block.sent == 1;
  swings2_ += square(block.lost - before) - (first ? 0 : square(block.lost - lost - before));
}

void Meter::uncount_block(const Point& point) {
  auto& block = blocks_.front();
  const auto was = block.lost;
  --block.sent;
  if (point.rtt == kLost) --block.lost;
  if (blocks_.size() > 1) {
    const auto after = blocks_[1].lost;
    swings2_ -= square(after - was);
    if (block.sent > 0) swings2_ += square(after - block.lost);
  }
  if (block.sent == 0) blocks_.erase(blocks_.begin());
}

void Meter::add(const Sample& sample) {
  if (!points_.empty() && sample.at <= points_.back().at) return;
  // RTTs end at a minute (the evidence source refuses longer ones), far below 2^31 us.
  const auto us = [](Duration d) { return static_cast<std::int32_t>(d.count()); };
  points_.push_back({sample.at, sample.received ? Rtt{us(sample.rtt), us(sample.half)} : kLost});
  if (!sample.received) count_run();
  count_block(points_.back());
}

void Meter::advance(Time at) {
  at_ = at;
  const auto slow = windows_.back().first;
  for (auto& window : windows_) {
    auto first = window.first;
    while (first < end() && point(first).at <= at - window.span) ++first;
    shift(window, first);
  }
  for (auto left = slow; left < windows_.back().first; ++left) uncount_block(point(left));
  dead_ = windows_.back().first - base_;
  const auto gone = std::ranges::find_if(runs_, [&](const Run& run) {
    return run.first + static_cast<std::uint64_t>(run.length) > windows_.back().first;
  });
  runs_.erase(runs_.begin(), gone);
  // Moving the rest down pays only when the dead are as many; the newest stays for `add`.
  if (dead_ > points_.size() / 2 && dead_ < points_.size()) {
    points_.erase(points_.begin(), points_.begin() + static_cast<std::ptrdiff_t>(dead_));
    base_ += dead_;
    dead_ = 0;
  }
}

/// Successive differences rather than the plain variance: a change of the level, which is no burst,
/// then counts once and not in every block (von Neumann 1941).
Ppm Meter::phi() const {
  const auto& slow = windows_.back();
  if (blocks_.size() < 2 || slow.lost == 0) return kAll;
  const auto twice = 2 * std::int64_t{slow.lost} - blocks_.front().lost - blocks_.back().lost;
  return twice == 0 ? kAll : std::max(kAll, swings2_ * kAll / twice);
}

std::int64_t Meter::cusum() const {
  std::int64_t value = 0;
  auto next = windows_.back().first;
  const auto replies = [&](std::uint64_t until) {
    const auto count = static_cast<std::int64_t>(until - next);
    value = std::max<std::int64_t>(0, value - count * weights_.reply);
  };
  for (const auto& run : runs_) {
    const auto first = std::max(run.first, next);
    const auto past = run.first + static_cast<std::uint64_t>(run.length);
    replies(first);
    const auto further = static_cast<std::int64_t>(past - first) - 1;
    value += weights_.loss + further * (weights_.loss / CusumWeights::kBurst);
    value = std::min(value, weights_.alarm);
    next = past;
  }
  replies(end());
  return value;
}

Estimate Meter::estimate(const Window& window, Ppm phi) const {
  Estimate out{.sent = static_cast<int>(end() - window.first),
               .lost = window.lost,
               .newest_age = at_ - points_.back().at,
               .phi = phi};
  if (out.sent == 0) return out;
  out.loss = loss_interval(out.lost, out.sent, phi);
  out.has_rtt = !window.rtts.empty();
  out.has_jitter = window.pairs > 0;
  if (out.has_rtt) out.rtt = median(window.rtts);
  if (out.has_jitter) out.jitter = mean(window.pairs, window.jitter_us, window.jitter_us2);
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    const auto past = run->first + static_cast<std::uint64_t>(run->length);
    if (past <= window.first) break;
    ++out.runs;
    out.longest_run =
        std::max(out.longest_run, static_cast<int>(past - std::max(run->first, window.first)));
  }
  return out;
}

void Meter::read(ProbeReading& out) const {
  const auto dispersion = phi();
  out.fast = estimate(windows_[0], dispersion);
  out.main = estimate(windows_[1], dispersion);
  out.slow = estimate(windows_[2], dispersion);
  out.cusum = cusum();
}

}  // namespace anycast::core
