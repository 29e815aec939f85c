// False alarms on healthy paths and delays until a fault is called bad, with the production judge
// on simulated packets. Simulated time only: the bounds do not depend on the machine.
//
// usage: bench_decisions [MONTHS]     default 12 path-months per row of false alarms

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "controller/core/judge.hpp"
#include "controller/core/meters.hpp"
#include "controller/sim/article.hpp"

using namespace anycast;

namespace {

const Time kStart = *parse_utc("2026-06-01T00:00:00.000Z");
constexpr Duration kCycle = seconds{15};
constexpr Duration kMonth = hours{24 * 30};

/// splitmix64.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_{seed} {}
  double roll() {
    state_ += 0x9e3779b97f4a7c15ULL;
    auto x = state_;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    return static_cast<double>((x ^ (x >> 31U)) >> 11U) * 0x1.0p-53;
  }

 private:
  std::uint64_t state_;
};

/// Gilbert's channel: all packets of a burst are lost, none between them.
class Channel {
 public:
  Channel(double loss, double burst, std::uint64_t seed)
      : dice_{seed}, ends_{1 / burst}, begins_{loss / burst / std::max(1 - loss, 1e-9)} {}
  bool lost() {
    in_burst_ = dice_.roll() < (in_burst_ ? 1 - ends_ : begins_);
    return in_burst_;
  }

 private:
  Dice dice_;
  double ends_;
  double begins_;
  bool in_burst_ = false;
};

struct Rate {
  double loss;
  double burst;  ///< mean run; 1 / (1 - loss) is independent loss
};
Rate independent(double loss) { return {loss, 1 / std::max(1 - loss, 1e-9)}; }

/// One path of one carrier, three regions, judged each cycle.
class Path {
 public:
  Path(Duration scrape, std::uint64_t seed) : seed_{seed} {
    config_ = sim::article()->config;
    config_.nodes = {{"hk-idc-1", config_.nodes.at("hk-idc-1")}};
    config_.nodes.begin()->second.sessions = {
        {"cmi", config_.nodes.begin()->second.sessions.at("cmi")}};
    config_.evidence.scrape = scrape;
    meters_.emplace(config_);
    for (const auto& region : config_.regions) {
      evidence_.series.push_back({.key = {"hk-idc-1", "", "mobile", region}});
    }
    std::ranges::sort(evidence_.series, {}, &ProbeSeries::key);
  }

  void rates(const Rate& rate) { rates({rate, rate, rate}); }
  void rates(const std::vector<Rate>& each) {
    channels_.clear();
    for (const auto& rate : each) channels_.emplace_back(rate.loss, rate.burst, ++seed_ * 7919);
  }

  /// One cycle; true where the verdict is bad.
  bool cycle() {
    const auto until = now_ + kCycle;
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      auto& samples = evidence_.series[i].samples;
      samples.clear();
      for (auto at = now_ + config_.evidence.scrape; at <= until; at += config_.evidence.scrape) {
        const bool lost = channels_[i].lost();
        samples.push_back(
            {.at = at, .received = !lost, .rtt = lost ? Duration{} : Duration{milliseconds{50}}});
      }
    }
    now_ = until;
    evidence_.at = now_;
    meters_->feed(evidence_);
    auto judged = core::judge(
        config_, state_, {.now = now_, .evidence = Sourced<Readings>::ok(meters_->read(), now_)});
    auto& path = judged.paths.front();
    state_.paths[path.key] = path.state;
    return path.state.verdict == Verdict::bad;
  }
  void run(Duration span) {
    for (const auto until = now_ + span; now_ < until;) cycle();
  }
  Time now() const { return now_; }

 private:
  Config config_;
  std::optional<core::Meters> meters_;
  std::vector<Channel> channels_;
  Evidence evidence_ = {.at = kStart};
  State state_;
  Time now_ = kStart;
  std::uint64_t seed_;
};

/// Seconds from the fault to the verdict; an hour where it never comes.
Duration delay(Duration scrape, double loss, std::uint64_t seed) {
  Path path{scrape, seed};
  path.rates(independent(0.001));
  path.run(minutes{40});
  path.rates(independent(loss));
  const auto began = path.now();
  while (!path.cycle() && path.now() - began < hours{1}) {
  }
  return path.now() - began;
}

bool delays(Duration scrape, double loss, Duration bound) {
  std::vector<Duration> all;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) all.push_back(delay(scrape, loss, seed));
  std::ranges::sort(all);
  const auto median = all[all.size() / 2];
  const bool good = median <= bound;
  std::cout << fmt::format("  {:>5.0f}%  {:>8}  {:>8}  {:>8}  {:>8}  {}\n", loss * 100,
                           format_age(scrape), format_age(median), format_age(all[44]),
                           bound < hours{1} ? format_age(bound) : "-", good ? "ok" : "TOO LATE");
  return good;
}

/// Times that the verdict turns bad in so many months of one path.
int false_alarms(const std::vector<Rate>& rates, int months, std::uint64_t seed) {
  Path path{seconds{1}, seed};
  path.rates({0.005, 2});
  path.run(minutes{40});
  path.rates(rates);
  int out = 0;
  bool was = false;
  for (const auto until = path.now() + months * kMonth; path.now() < until;) {
    const bool bad = path.cycle();
    out += bad && !was ? 1 : 0;
    was = bad;
  }
  return out;
}

bool healthy(const std::string& name, const std::vector<Rate>& rates, int months) {
  int alarms = 0;
  for (int month = 0; month < months; ++month) {
    alarms += false_alarms(rates, 1, static_cast<std::uint64_t>(1000 + 97 * month));
  }
  const bool good = alarms <= months;
  std::cout << fmt::format("  {:44}  {:>6}  {:>8.2f}  {}\n", name, alarms,
                           static_cast<double>(alarms) / months, good ? "ok" : "TOO MANY");
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  const int months = argc > 1 ? std::max(1, std::atoi(argv[1])) : 12;
  bool good = true;
  std::cout << "until the verdict is bad, from a path with 0.1% loss, 3 regions, 50 seeds, a cycle "
               "each 15s\n   loss     scrape    median       p90     bound\n";
  good = delays(seconds{1}, 1.0, hours{1}) && good;
  good = delays(seconds{1}, 0.30, seconds{30}) && good;
  good = delays(seconds{1}, 0.10, seconds{120}) && good;
  good = delays(seconds{1}, 0.05, seconds{300}) && good;
  for (const double loss : {1.0, 0.30, 0.10, 0.05}) delays(seconds{5}, loss, hours{1});
  std::cout << fmt::format(
      "\nfalse \"bad\" on a healthy path, 3 packets a second, {} months each; bound 1 a month\n"
      "  {:44}  {:>6}  {:>8}\n",
      months, "path", "bad", "a month");
  const auto all = [](Rate rate) { return std::vector<Rate>(3, rate); };
  good = healthy("0.5% loss, independent", all(independent(0.005)), months) && good;
  for (const int burst : {2, 3, 4, 5}) {
    good = healthy(fmt::format("0.5% loss in bursts of {} on average", burst),
                   all({0.005, static_cast<double>(burst)}), months) &&
           good;
  }
  const Rate fine{0.005, 2};
  good =
      healthy("one sick region (30% loss), others as above, 2", {{0.30, 3}, fine, fine}, months) &&
      good;
  return good ? 0 : 1;
}
