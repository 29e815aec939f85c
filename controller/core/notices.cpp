#include "controller/core/notices.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/core/listed.hpp"

namespace anycast::core {

void notice(Plan& plan, Notice::Level level, std::string code, std::string text) {
  plan.notices.push_back({level, std::move(code), std::move(text)});
}

void notice_exports(const Seen& seen, const Fragment& wanted, Plan& plan) {
  for (const auto& [upstream, session] : seen.router.value->sessions) {
    const auto exports = wanted.exports.find(upstream);
    if (!session.up || exports == wanted.exports.end() || session.exports == exports->second)
      continue;
    notice(plan, Notice::Level::error, "drift",
           fmt::format("{} exports {} routes of ours that are not the {} wanted, though the daemon "
                       "runs our fragment: look for a disabled protocol or an edit by hand",
                       upstream, session.exports.size(), exports->second.size()));
  }
}

bool notice_unlisted(const Config& config, const Seen& seen, Plan& plan) {
  const auto lost = no_longer_listed(config, *seen.router.value);
  if (lost.empty()) return false;
  notice(plan, Notice::Level::error, "listed",
         fmt::format("{} is announced and not in the configuration any more: it stays until a "
                     "person applies that (anycastctl apply)",
                     join(lost, ", ")));
  return true;
}

namespace {

/// What the blame means beyond the one path; empty where it means nothing more.
std::string whose_fault(const std::string& blame) {
  if (blame == "border") return ", and on every other path: moving it helps nobody";
  if (blame == "node") return ", as all carriers at this node: the node or its site";
  if (blame == "session") return ", as all carriers via this session";
  return {};
}

/// "since 20:13:16 (6m 12s)".
std::string since(Time now, Time begin) {
  const auto lasted = now - begin;
  const auto clock = "since " + format_clock(begin);
  return lasted < seconds{1} ? clock : fmt::format("{} ({})", clock, format_age(lasted));
}

void notice_services(const Seen& seen, Plan& plan) {
  if (seen.health.error) {
    notice(plan, Notice::Level::error, "service",
           "real servers are not asked: " + seen.health.error->text);
  }
  for (const auto& service : plan.services) {
    const auto text =
        fmt::format("service {} is {} {}: {}", service.name, to_string(service.state.level),
                    since(seen.now, service.state.since), service.why);
    switch (service.state.level) {
      case Level::down: notice(plan, Notice::Level::error, "service", text); break;
      case Level::low: notice(plan, Notice::Level::warning, "service", text); break;
      case Level::unknown:
      case Level::up:
        if (service.servers_up == service.servers) break;
        notice(plan, Notice::Level::info, "service", text);
        break;
    }
  }
}

}  // namespace

void notices(const Config& config, const Seen& seen, const State& next, Plan& plan) {
  using Level = Notice::Level;
  const auto held = [&] { return since(seen.now, next.condition_since); };
  if (plan.condition == Condition::blind) {
    notice(plan, Level::error, "blind",
           fmt::format("no usable evidence {}: {}", held(), plan.condition_why));
    notice(plan, Level::error, "holding", "holding: nothing is changed until evidence is back");
  }
  if (plan.condition == Condition::safe) {
    notice(plan, Level::error, "safe",
           fmt::format("an apply failed and was taken back, {}: {}", held(), plan.condition_why));
  }
  if (plan.condition == Condition::frozen) {
    notice(plan, Level::warning, "frozen", fmt::format("{} {}", plan.condition_why, held()));
  }
  notice_services(seen, plan);
  if (seen.router.error) {
    notice(plan, Level::error, "router",
           fmt::format("{}, {}", seen.router.error->text,
                       since(seen.now, next.router_away.value_or(seen.now))));
  }
  if (seen.router.value) {
    for (const auto& text : seen.router.value->notices)
      notice(plan, Level::warning, "router", text);
    for (const auto& [upstream, session] : seen.router.value->sessions) {
      if (session.up) continue;
      notice(plan, Level::warning, "session",
             fmt::format("session {} is {}", upstream, session.state));
    }
  }
  if (seen.fleet.error) {
    notice(plan, Level::warning, "fleet",
           "other nodes are unknown and count as not announcing: " + seen.fleet.error->text);
  }
  if (next.drain) {
    notice(plan, Level::warning, "drained",
           fmt::format("drained by {} \"{}\" {}", next.drain->actor, next.drain->reason,
                       since(seen.now, next.drain->since)));
  }
  for (const auto& path : plan.paths) {
    if (path.key.node != config.self || path.state.verdict != Verdict::bad) continue;
    notice(
        plan, Level::warning, "carrier-bad",
        fmt::format("{} bad at {} via {} {}{}", path.key.carrier, path.key.node, path.key.upstream,
                    since(seen.now, path.state.since), whose_fault(path.blame)));
  }
  for (const auto& probe : plan.discarded) {
    notice(plan, Level::warning, probe.blame,
           fmt::format("{} in {}: {}; not used", probe.carrier, probe.region, probe.text));
  }
}

}  // namespace anycast::core
