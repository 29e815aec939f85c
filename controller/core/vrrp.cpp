#include "controller/core/vrrp.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/core/notices.hpp"
#include "controller/core/service.hpp"

namespace anycast::core {
namespace {

/// Keepalived adds them to the priority of the instance; with the 150 and 100 of our snippet a weak
/// host stays as long as the other is dead.
constexpr int kWeak = -60;
constexpr int kDead = -120;

bool holds_address(const Config& config, const Seen& seen) {
  const auto& address = config.me().local.keepalived.address;
  if (!address || !seen.inside.value) return false;
  return std::ranges::any_of(seen.inside.value->inside.vips,
                             [&](const Vip& vip) { return vip.prefix.address == *address; });
}

Level level_of(const VrrpView& view, bool held, bool kernel_known) {
  if (view.state == VrrpState::stop) return Level::down;
  if (!view.running) return Level::unknown;
  if (view.state == VrrpState::master) return Level::up;
  if (view.state != VrrpState::unknown) return Level::down;
  if (!kernel_known) return Level::unknown;
  return held ? Level::up : Level::down;
}

std::string word(const Config& config, const VrrpView& view, bool held) {
  const auto& keepalived = config.me().local.keepalived;
  if (!view.running && view.state != VrrpState::stop) {
    auto out = fmt::format("nobody writes to {}, Keepalived does not run", keepalived.fifo);
    if (view.state != VrrpState::unknown)
      out += fmt::format("; {} was {} last", keepalived.instance, to_string(view.state));
    return out;
  }
  if (view.state != VrrpState::unknown)
    return fmt::format("{} is {}", keepalived.instance, to_string(view.state));
  return fmt::format("{} has said nothing yet, and {} is {}this host's", keepalived.instance,
                     to_string(*keepalived.address), held ? "" : "not ");
}

/// How long a host that is MASTER no more may go on announcing: it has to see that the other does,
/// and to wait its turn.
Duration leave(const Config& config) {
  return config.fleet.max_age + config.guards.turn * static_cast<int>(config.nodes.size());
}

void look_for_rival(const Config& config, const Seen& seen, const State& state, Plan& plan) {
  const auto other = rival(config, seen, state.master_since);
  if (!other) return;
  const auto& keepalived = config.me().local.keepalived;
  notice(
      plan, Notice::Level::error, "both-masters",
      fmt::format("{} has been MASTER here for {}, and {} still announces: it may be MASTER too, "
                  "or its guards hold it; do the two hear each other's VRRP?",
                  keepalived.instance, format_age(seen.now - *state.master_since), *other));
}

void tell(const Config& config, bool serves, const Vrrp& now, Plan& plan) {
  plan.events.push_back(
      {.kind = "keepalived",
       .priority = 4,
       .text = fmt::format("{} on {}; next: {}", now.why, config.self,
                           serves ? "its addresses are bound, then it announces"
                                  : "the node leaves, as far as the floor allows"),
       .node = config.self,
       .from = serves ? "standby" : "serves",
       .to = serves ? "serves" : "standby",
       .cause = "service"});
}

}  // namespace

Vrrp vrrp(const Config& config, const Seen& seen) {
  if (config.me().local.keepalived.fifo.empty()) return {};
  if (!seen.vrrp.value) {
    return {.level = Level::unknown,
            .why = seen.vrrp.error ? seen.vrrp.error->text : "Keepalived was not asked"};
  }
  const auto& view = *seen.vrrp.value;
  const bool held = holds_address(config, seen);
  Vrrp out{.level = level_of(view, held, seen.inside.value.has_value())};
  out.why = "Keepalived: " + word(config, view, held);
  out.both = held && out.level != Level::up;
  return out;
}

std::optional<std::string> rival(const Config& config, const Seen& seen,
                                 std::optional<Time> since) {
  const auto& mine = config.me().local.keepalived.address;
  if (!mine || !since || !seen.fleet.value || seen.now - *since < leave(config)) return {};
  const auto announces = [](const auto& entry) { return entry.second.announces(); };
  for (const auto& [name, node] : config.nodes) {
    if (name == config.self || node.local.keepalived.address != mine) continue;
    const auto view = seen.fleet.value->find(name);
    if (view != seen.fleet.value->end() && std::ranges::any_of(view->second.stances, announces))
      return name;
  }
  return {};
}

Vrrp hear_keepalived(const Config& config, const Seen& seen, State& state, Plan& plan) {
  const auto now = vrrp(config, seen);
  if (now.why.empty()) {
    state.master_since.reset();
    return now;
  }
  const auto& keepalived = config.me().local.keepalived;
  if (now.both) {
    notice(plan, Notice::Level::error, "both-masters",
           fmt::format("{} is on this host, and it is not MASTER ({}): another host may have the "
                       "address too",
                       to_string(*keepalived.address), now.why));
  } else if (now.level == Level::up && seen.inside.value && !holds_address(config, seen)) {
    notice(plan, Notice::Level::warning, "keepalived",
           fmt::format("{} is MASTER and {} is not on this host", keepalived.instance,
                       to_string(*keepalived.address)));
  }
  if (now.level == Level::unknown) {
    notice(plan, Notice::Level::error, "keepalived",
           now.why + ": what is announced stays, nothing is announced anew");
    return now;
  }
  const bool serves = now.level == Level::up;
  if (serves) look_for_rival(config, seen, state, plan);
  if (serves == state.master_since.has_value()) return now;
  state.master_since = serves ? std::optional{seen.now} : std::nullopt;
  tell(config, serves, now, plan);
  return now;
}

Fitness fitness(const Fitness& services, const Vrrp& vrrp) {
  if (vrrp.why.empty()) return services;
  if (!services.why.empty() && badness(services.level) >= badness(vrrp.level)) return services;
  return {.level = vrrp.level, .why = vrrp.why};
}

bool takes_over(const Context& context, const SessionState& session) {
  return context.state.master_since && *context.state.master_since > session.since;
}

std::optional<int> track(const Config& config, const State& state, const Fitness& services) {
  const auto& keepalived = config.me().local.keepalived;
  if (keepalived.fifo.empty() || keepalived.track_file.empty()) return std::nullopt;
  if (config.mode != Mode::automatic) return std::nullopt;
  if (state.drain) return kDead;
  switch (services.level) {
    case Level::up: return 0;
    case Level::unknown: return std::nullopt;
    case Level::low: return services.passing ? std::nullopt : std::optional{kWeak};
    case Level::down: return kDead;
  }
  return std::nullopt;
}

}  // namespace anycast::core
