#include "controller/core/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "controller/base/text.hpp"

namespace anycast::core {
namespace {

/// The weight that is at least this share, and more than nothing.
int weight_of(Ppm share, int total) {
  return std::max(1, static_cast<int>((share * total + kAll - 1) / kAll));
}

Alive known(const Service& service, const std::map<ServerKey, RealState>& reals,
            const ServerKey& endpoint, Time now) {
  const auto found = reals.find(endpoint);
  if (found == reals.end() || stale(service.check, found->second, now)) return Alive::unknown;
  return found->second.alive;
}

/// The level if exactly `up` of `total` were up.
Level level_at(const Service& service, Level before, int total, int up) {
  if (up == 0) return Level::down;
  if (before == Level::up) return up >= weight_of(service.low, total) ? Level::up : Level::low;
  return up >= weight_of(service.high, total) ? Level::up : before;
}

std::string servers(const ServiceReport& report) {
  auto out = fmt::format("{} of {} real servers up", report.servers_up, report.servers);
  if (report.capacity.total != report.servers)
    out += fmt::format(" (weight {} of {})", report.capacity.up, report.capacity.total);
  if (report.servers_unknown > 0) out += fmt::format(", {} unknown", report.servers_unknown);
  return out;
}

/// The reason of the first failure in the order of the configuration.
std::string failure(const Service& service, const std::map<ServerKey, RealState>& reals,
                    const ServiceState& state) {
  for (const auto& real : service.servers) {
    const bool down = std::ranges::binary_search(state.down, real.endpoint);
    const auto found = reals.find(real.endpoint);
    if (!down || found == reals.end() || found->second.why.empty()) continue;
    return fmt::format("; {} {}", to_string(real.endpoint), found->second.why);
  }
  return {};
}

std::string reason(const Service& service, const std::map<ServerKey, RealState>& reals,
                   const ServiceReport& report) {
  const auto unit = report.capacity.total == report.servers ? "" : "weight ";
  auto out = servers(report);
  switch (report.state.level) {
    case Level::up:
      if (report.capacity.up < report.needs) out += ", not enough is known";
      break;
    case Level::low:
    case Level::down: out += fmt::format(", comes up at {}{}", unit, report.needs); break;
    case Level::unknown: break;
  }
  return out + failure(service, reals, report.state);
}

/// Told one by one up to so many in a cycle.
constexpr std::size_t kOneByOne = 5;

std::vector<ServerKey> only_in(const std::vector<ServerKey>& these,
                               const std::vector<ServerKey>& those) {
  std::vector<ServerKey> out;
  std::ranges::set_difference(these, those, std::back_inserter(out));
  return out;
}

/// Who tells what of whom.
struct Teller {
  const Config& config;
  const ServiceReport& report;
  const Service& service;
  const std::map<ServerKey, RealState>& reals;
  std::vector<Event>& events;

  void add(int priority, std::string text, std::string from, std::string to) const {
    events.push_back({.kind = "service",
                      .priority = priority,
                      .text = std::move(text),
                      .node = config.self,
                      .from = std::move(from),
                      .to = std::move(to),
                      .cause = "service"});
  }
  std::string why(const ServerKey& endpoint) const {
    const auto found = reals.find(endpoint);
    return found == reals.end() ? std::string{} : found->second.why;
  }
  void turned(std::vector<ServerKey> which, Alive now) const {
    std::erase_if(which, [&](const ServerKey& endpoint) {
      const auto found = reals.find(endpoint);
      return found == reals.end() || found->second.alive != now;
    });
    if (which.empty()) return;
    const bool down = now == Alive::down;
    const auto next = down ? fmt::format("up after {} good tries in a row", service.check.rise)
                           : fmt::format("down after {} failures in a row", service.check.fall);
    const std::string was = down ? "up" : "down";
    if (which.size() > kOneByOne) {
      add(5,
          fmt::format("{} real servers of {} went {} on {}, {} first{}; next: {}", which.size(),
                      report.name, to_string(now), config.self, to_string(which.front()),
                      down ? ": " + why(which.front()) : "", next),
          was, to_string(now));
      return;
    }
    for (const auto& endpoint : which) {
      add(5,
          fmt::format("real server {} of {} went {} on {}{}; next: {}", to_string(endpoint),
                      report.name, to_string(now), config.self, down ? ": " + why(endpoint) : "",
                      next),
          was, to_string(now));
    }
  }
  void level(Level before) const {
    const auto level = report.state.level;
    if (level == before) return;
    const bool first = before == Level::unknown && level == Level::up;
    const int priority = level == Level::down ? 3 : level == Level::low ? 4 : first ? 6 : 5;
    const auto* next = level == Level::down  ? "the node leaves, as far as the floor allows"
                       : level == Level::low ? "the node turns less attractive"
                                             : "the node may attract users";
    add(priority,
        fmt::format("service {} went {} -> {} on {}: {}; next: {}", report.name, to_string(before),
                    to_string(level), config.self, report.why, next),
        to_string(before), to_string(level));
  }
};

}  // namespace

std::vector<ServiceReport> weigh_services(const Config& config, const Seen& seen, State& state,
                                          std::vector<Event>& events) {
  const auto& services = config.me().services;
  std::erase_if(state.services, [&](const auto& entry) { return !services.contains(entry.first); });
  const bool announced = std::ranges::any_of(
      state.sessions, [](const auto& entry) { return entry.second.stance.announces(); });
  static const std::map<ServerKey, RealState> kNothing;
  std::vector<ServiceReport> out;
  for (const auto& [name, service] : services) {
    const auto& health = seen.health.value;
    const auto known = health ? health->find(name) : Health::const_iterator{};
    const auto& reals = health && known != health->end() ? known->second : kNothing;
    auto& remembered = state.services[name];
    out.push_back(weigh(name, service, reals, remembered,
                        announced ? Presence::announced : Presence::withdrawn, seen.now));
    const auto before = std::exchange(remembered, out.back().state);
    const Teller tell{config, out.back(), service, reals, events};
    tell.turned(only_in(remembered.down, before.down), Alive::down);
    tell.turned(only_in(before.down, remembered.down), Alive::up);
    tell.level(before.level);
  }
  return out;
}

int badness(Level level) {
  switch (level) {
    case Level::up: return 0;
    case Level::unknown: return 1;
    case Level::low: return 2;
    case Level::down: return 3;
  }
  return 0;
}

Fitness fitness(const std::vector<ServiceReport>& services) {
  Fitness out;
  for (const auto& report : services) {
    if (!out.why.empty() && badness(report.state.level) <= badness(out.level)) continue;
    out = {.level = report.state.level,
           .why = report.name + ": " + report.why,
           .passing = report.passing};
  }
  return out;
}

ServiceReport weigh(const std::string& name, const Service& service,
                    const std::map<ServerKey, RealState>& reals, const ServiceState& before,
                    Presence presence, Time now) {
  ServiceReport out{.name = name, .state = {.level = before.level, .since = before.since}};
  auto& [total, up, unknown] = out.capacity;
  for (const auto& real : service.servers) {
    const auto alive = known(service, reals, real.endpoint, now);
    const bool was_down = std::ranges::binary_search(before.down, real.endpoint);
    // What is not known any more is told as it was known last.
    if (alive == Alive::down || (alive == Alive::unknown && was_down))
      out.state.down.push_back(real.endpoint);
    if (real.weight == 0) continue;
    ++out.servers;
    total += real.weight;
    if (alive == Alive::up) ++out.servers_up, up += real.weight;
    if (alive == Alive::unknown) ++out.servers_unknown, unknown += real.weight;
  }
  std::ranges::sort(out.state.down);
  auto from = before.level;
  if (from == Level::unknown) from = presence == Presence::announced ? Level::up : Level::down;
  if (total > 0) {
    const auto worst = level_at(service, from, total, up);
    const auto best = level_at(service, from, total, up + unknown);
    if (worst == best || badness(best) > badness(from)) out.state.level = best;
  }
  if (out.state.level != before.level || before.since == Time{}) out.state.since = now;
  const auto to_die = service.check.fall * service.check.interval + service.check.timeout;
  out.passing = out.state.level == Level::low && now - out.state.since < to_die;
  out.needs = weight_of(out.state.level == Level::up ? service.low : service.high, total);
  out.why = reason(service, reals, out);
  return out;
}

}  // namespace anycast::core
