#include "controller/core/service.hpp"

#include <fmt/format.h>

#include <algorithm>

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

int badness(Level level) {
  switch (level) {
    case Level::up: return 0;
    case Level::unknown: return 1;
    case Level::low: return 2;
    case Level::down: return 3;
  }
  return 0;
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

}  // namespace

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
  out.needs = weight_of(out.state.level == Level::up ? service.low : service.high, total);
  out.why = reason(service, reals, out);
  return out;
}

}  // namespace anycast::core
