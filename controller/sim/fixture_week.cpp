#include <algorithm>
#include <array>
#include <cmath>

#include "controller/sim/dice.hpp"
#include "controller/sim/fixture.hpp"
#include "controller/sim/fleets.hpp"

namespace anycast::sim {
namespace {

constexpr double kDayHours = 24;
/// What seed 1 stands for: an ordinary week among those that the shapes below give, chosen so that
/// the baselines come out as in the article's table. By itself for the evenings, and for the spells
/// of each node.
constexpr std::uint64_t kEvenings = 83'743'000;
constexpr std::array<std::uint64_t, 4> kSpells = {179'000, 474'000, 957'000, 1'215'000};
constexpr std::array kUsers = {0.5, 0.3, 0.2};
/// When the evening is worst for telecom, mobile and unicom, in hours.
constexpr std::array kPeak = {21.2, 21.6, 20.8};

/// RTT (ms) and loss (%) by day, and what the evening's peak adds.
struct Shape {
  double rtt;
  double rtt_peak;
  double loss;
  double loss_peak;
};

/// [node A to D][telecom, mobile, unicom]; scaled until round robin and a single node come out as
/// in the article's table.
constexpr std::array<std::array<Shape, 3>, 4> kShapes = {{
    {{{184.9, 215.7, 2.73, 31.86}, {209.5, 172.5, 3.03, 27.31}, {98.2, 62.0, 0.30, 2.20}}},
    {{{140.6, 175.8, 1.06, 14.09}, {193.4, 152.4, 1.76, 14.98}, {164.1, 128.9, 1.41, 9.69}}},
    {{{98.2, 46.5, 0.20, 1.20}, {258.8, 184.9, 4.55, 33.38}, {234.2, 160.2, 3.03, 27.31}}},
    {{{265.0, 197.2, 4.25, 33.38}, {98.2, 41.4, 0.20, 1.00}, {252.6, 172.5, 3.64, 28.83}}},
}};

/// exp(-((hour - middle) / width)^2), around the clock.
double bell(double hour, double middle, double width) {
  auto far = std::abs(hour - middle);
  far = std::min(far, kDayHours - far);
  return exponential(-(far / width) * (far / width));
}

double hour_of(std::int64_t tick) { return std::fmod(to_seconds(tick * kTick) / 3600, kDayHours); }

/// What happens to a path by chance: every 14 hours or so it is worse for some minutes.
struct Spell {
  std::int64_t until = 0;
  double rtt = 0;
  double loss = 0;
};

Spell spell(Dice& dice, std::int64_t tick) {
  const double minutes_long = 12 * exponential(0.9 * dice.gauss());
  const auto length = static_cast<std::int64_t>(minutes_long * 4);
  return {.until = tick + std::max<std::int64_t>(1, length),
          .rtt = dice.between(0, 120),
          .loss = dice.between(3, 30)};
}

std::vector<Level> levels(const Shape& shape, const std::vector<double>& evening, Dice dice) {
  constexpr double kPerTick = 15.0 / (14 * 3600);
  std::vector<Level> out;
  out.reserve(evening.size());
  Spell now;
  for (std::size_t i = 0; i < evening.size(); ++i) {
    const auto tick = static_cast<std::int64_t>(i);
    if (dice.uniform() < kPerTick) now = spell(dice, tick);
    const bool worse = tick < now.until;
    const double f = evening[i];
    const double rtt = shape.rtt + shape.rtt_peak * f + (worse ? now.rtt : 0);
    const double loss = shape.loss + shape.loss_peak * f * f + (worse ? now.loss : 0);
    out.push_back({.rtt_us = static_cast<std::int32_t>(rtt * 1e3),
                   .loss_ppm = static_cast<std::int32_t>(std::min(loss, 100.0) * 1e4)});
  }
  return out;
}

/// The evening of a carrier, some days more than others.
std::vector<double> evening_of(double peak, std::int64_t ticks, Dice dice) {
  constexpr double kWidth = 1.9;
  const auto a_day = hours{24} / kTick;
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(ticks));
  double factor = 1;
  for (std::int64_t tick = 0; tick < ticks; ++tick) {
    if (tick % a_day == 0) factor = exponential(0.25 * dice.gauss());
    out.push_back(factor * bell(hour_of(tick), peak, kWidth));
  }
  return out;
}

std::vector<Outage> outages(const Fixture& fixture, Dice dice) {
  constexpr double kPerTick = 15.0 / (24 * 3600);
  std::vector<Outage> out;
  for (const auto& carrier : fixture.config().carriers) {
    for (const auto& region : fixture.config().regions) {
      for (std::int64_t tick = 0; tick < fixture.ticks; ++tick) {
        if (dice.uniform() >= kPerTick) continue;
        const auto from = fixture.at(tick);
        const auto length = seconds{static_cast<std::int64_t>(dice.between(60, 900))};
        out.push_back({.carrier = carrier, .region = region, .from = from, .to = from + length});
      }
    }
  }
  return out;
}

}  // namespace

std::vector<double> traffic_of_day(std::int64_t ticks) {
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(ticks));
  for (std::int64_t tick = 0; tick < ticks; ++tick) {
    const double hour = hour_of(tick);
    out.push_back(0.35 + 0.65 * bell(hour, 21, 2.6) + 0.35 * bell(hour, 14, 4));
  }
  return out;
}

Result<Fixture> calibrated_week(const FixtureOptions& options) {
  auto out = four_nodes(options.days);
  if (!out) return out;
  out->name = "calibrated-week";
  out->about = "a synthetic fit to the article's table, from Monday 2026-06-01 in Hong Kong";
  out->users.assign(kUsers.begin(), kUsers.end());
  out->traffic = traffic_of_day(out->ticks);
  std::array<std::vector<double>, 3> evenings;
  for (std::size_t c = 0; c < evenings.size(); ++c)
    evenings.at(c) = evening_of(kPeak.at(c), out->ticks, Dice{mix(options.seed + kEvenings) + c});
  for (std::size_t path = 0; path < out->paths.size(); ++path) {
    const auto node = node_number(*out, path);
    const auto carrier = carrier_number(*out, path);
    out->levels.push_back(levels(kShapes.at(node).at(carrier), evenings.at(carrier),
                                 Dice{mix(options.seed + kSpells.at(node)) + 100 + carrier}));
  }
  // The map that BGP came up with by itself: bad for everybody.
  prefer(*out, {"ABCD", "BADC", "CBAD"});
  out->outages = outages(*out, Dice{mix(options.seed) + 1'000});
  return out;
}

}  // namespace anycast::sim
