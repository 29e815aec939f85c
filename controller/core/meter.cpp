#include "controller/core/meter.hpp"

#include <algorithm>
#include <cmath>

namespace anycast::core {
namespace {

std::int64_t micro(double nats) { return std::llround(nats * 1e6); }

std::int64_t square(std::int64_t x) { return x * x; }

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

/// From the newest sample to one that comes: it takes two replies that came in a known order.
std::int32_t Meter::step_to(const Rtt& rtt) const {
  if (points_.empty()) return kNoStep;
  const auto& last = points_.back().rtt;
  const bool known = last != kLost && rtt != kLost && last.half_us == 0 && rtt.half_us == 0;
  return known ? std::abs(rtt.us - last.us) : kNoStep;
}

/// Takes samples out, up to and with the next reply that is older than `until`; null: there is
/// none.
const Rtt* Meter::leave(Window& window, std::uint64_t until) const {
  while (window.first < until) {
    const auto& gone = point(window.first++);
    if (window.first < window.past) window.steps.remove(point(window.first).step_us);
    if (gone.rtt != kLost) return &gone.rtt;
    --window.lost;
  }
  return nullptr;
}

/// Takes samples in, up to and with the next reply; null: there is none.
const Rtt* Meter::enter(Window& window) const {
  while (window.past < end()) {
    const auto& come = point(window.past);
    if (window.past++ > window.first) window.steps.add(come.step_us);
    if (come.rtt != kLost) return &come.rtt;
    ++window.lost;
  }
  return nullptr;
}

/// To the samples from `first` to the newest.
void Meter::shift(Window& window, std::uint64_t first) const {
  // What is too old already when it comes is never in it.
  if (first > window.past) window = {.span = window.span, .first = first, .past = first};
  const auto count = window.replies.count();
  for (;;) {
    const auto* gone = leave(window, first);
    const auto* come = enter(window);
    if (gone != nullptr && come != nullptr) {
      window.replies.replace(gone->us, come->us);
    } else if (gone != nullptr) {
      window.replies.remove(gone->us);
    } else if (come != nullptr) {
      window.replies.add(come->us);
    } else {
      break;
    }
  }
  const auto now = window.replies.count();
  if (now != count && now > 0) window.ranks = median_ranks(now);
}

/// The median with its interval and what is not known of the values there. Of replies that took as
/// long the one that is known least counts.
Bounded<Duration> Meter::median(const Window& window) const {
  const auto at = [&](std::size_t rank) {
    Rtt out{.us = window.replies.at(rank)};
    for (auto next = window.first; coarse_ > 0 && next < window.past; ++next) {
      const auto& one = point(next).rtt;
      if (one.us == out.us) out.half_us = std::max(out.half_us, one.half_us);
    }
    return out;
  };
  return core::median(window.ranks, at);
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
  const auto alive = [&] { return blocks_.size() - blocks_dead_; };
  if (alive() == 0 || blocks_.back().number != number) blocks_.push_back({number, 0, 0});
  auto& block = blocks_.back();
  ++block.sent;
  block.lost += lost;
  if (alive() < 2) return;
  const auto before = blocks_[blocks_.size() - 2].lost;
  const bool first = block.sent == 1;
  swings2_ += square(block.lost - before) - (first ? 0 : square(block.lost - lost - before));
}

void Meter::uncount_block(const Point& point) {
  auto& block = blocks_[blocks_dead_];
  const auto was = block.lost;
  --block.sent;
  if (point.rtt == kLost) --block.lost;
  if (blocks_.size() - blocks_dead_ > 1) {
    const auto after = blocks_[blocks_dead_ + 1].lost;
    swings2_ -= square(after - was);
    if (block.sent > 0) swings2_ += square(after - block.lost);
  }
  if (block.sent > 0) return;
  ++blocks_dead_;
  if (blocks_dead_ <= blocks_.size() / 2) return;
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(blocks_dead_));
  blocks_dead_ = 0;
}

void Meter::add(const Sample& sample) {
  if (!points_.empty() && sample.at <= points_.back().at) return;
  // RTTs end at a minute (the evidence source refuses longer ones), far below 2^31 us.
  const auto us = [](Duration d) { return static_cast<std::int32_t>(d.count()); };
  const auto rtt = sample.received ? Rtt{us(sample.rtt), us(sample.half)} : kLost;
  points_.push_back({sample.at, rtt, step_to(rtt)});
  if (rtt.half_us != 0) ++coarse_;
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
  for (auto left = slow; left < windows_.back().first; ++left) {
    uncount_block(point(left));
    if (point(left).rtt.half_us != 0) --coarse_;
  }
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
  const std::int64_t lost = windows_.back().lost;
  if (blocks_.size() - blocks_dead_ < 2 || lost == 0) return kAll;
  const auto twice = 2 * lost - blocks_[blocks_dead_].lost - blocks_.back().lost;
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
  Estimate out{.sent = static_cast<int>(window.past - window.first),
               .lost = window.lost,
               .newest_age = at_ - points_.back().at,
               .phi = phi};
  if (out.sent == 0) return out;
  out.loss = loss_interval(out.lost, out.sent, phi);
  out.has_rtt = window.replies.count() > 0;
  if (out.has_rtt) out.rtt = median(window);
  const auto& steps = window.steps;
  out.has_jitter = steps.count > 0;
  if (out.has_jitter) out.jitter = mean(steps.count, steps.sum_us, steps.sum_us2);
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
