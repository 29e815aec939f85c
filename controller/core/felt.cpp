#include "controller/core/felt.hpp"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "controller/core/estimate.hpp"
#include "controller/core/rounded.hpp"

namespace anycast::core {
namespace {

/// What one per cent of loss counts in a score.
constexpr Duration kPerPercent = milliseconds{20};
/// So many pings are the least for a word about the users.
constexpr int kLeast = 30;

std::optional<Users> pooled(const std::vector<const Estimate*>& regions,
                            const std::vector<Ppm>& weights) {
  const auto all = pool(regions, weights);
  if (all.sent < kLeast) return std::nullopt;
  return users(all);
}

Duration for_loss(std::int64_t lost, std::int64_t sent) {
  return sent == 0 ? Duration{0} : Duration{kPerPercent.count() * 100 * lost / sent};
}

/// 95 % of the standard error of the difference of two shares, as a score. Half a loss is added, so
/// that none at all is no proof of none.
double loss_error(const Users& a, const Users& b) {
  const double n = a.sent + b.sent;
  const double p = (a.lost + b.lost + 0.5) / (n + 1);
  const double error = std::sqrt(p * (1 - p) * (1.0 / a.sent + 1.0 / b.sent));
  return kZ * error * 100 * static_cast<double>(kPerPercent.count());
}

double us(Duration d) { return static_cast<double>(d.count()); }

}  // namespace

Users users(const Estimate& e) {
  constexpr Duration kNoReply = seconds{1};
  Users out{.sent = e.sent, .lost = e.lost, .rtt = kNoReply, .rtt_low = kNoReply};
  out.rtt_high = kNoReply;
  if (e.has_rtt) {
    out.rtt = e.rtt.value;
    out.rtt_low = e.rtt.low;
    out.rtt_high = e.rtt.high;
  }
  if (e.has_jitter) out.jitter = e.jitter.value;
  return out;
}

Duration score(const Users& users) {
  return users.rtt + for_loss(users.lost, users.sent) + users.jitter / 2;
}

Bounded<Duration> change(const Users& before, const Users& after) {
  const auto value = score(after) - score(before);
  const double loss = loss_error(before, after);
  const auto reach = [&](Duration a, Duration b) {
    return Duration{rounded(std::sqrt(us(a) * us(a) + us(b) * us(b) + loss * loss))};
  };
  return {.value = value,
          .low = value - reach(after.rtt - after.rtt_low, before.rtt_high - before.rtt),
          .high = value + reach(after.rtt_high - after.rtt, before.rtt - before.rtt_low)};
}

std::string signed_ms(Duration d) { return fmt::format("{:+}ms", std::llround(us(d) / 1000)); }

Felt felt(const Config& config, const Seen& seen, const std::string& carrier) {
  if (!seen.evidence.value || seen.evidence.value->partial) return {};
  const auto lag = seen.now - seen.evidence.value->at;
  std::vector<const Estimate*> fast;
  std::vector<const Estimate*> main;
  std::vector<Ppm> weights;
  const auto& given = config.weights.regions;
  for (const auto& probe : seen.evidence.value->probes) {
    if (probe.key.target != Target::vip || probe.key.carrier != carrier) continue;
    if (probe.main.sent == 0 || probe.main.newest_age + lag > config.prometheus.max_age) continue;
    fast.push_back(&probe.fast);
    main.push_back(&probe.main);
    if (const auto weight = given.find(probe.key.region); weight != given.end())
      weights.push_back(weight->second);
  }
  // A region that the configuration does not know has no weight, and then none has.
  if (weights.size() != main.size()) weights.clear();
  return {.fast = pooled(fast, weights), .main = pooled(main, weights)};
}

}  // namespace anycast::core
