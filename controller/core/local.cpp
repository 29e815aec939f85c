#include "controller/core/local.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/core/notices.hpp"

namespace anycast::core {
namespace {

bool owned_by_us(const Lvs& lvs) { return lvs.owner == Lvs::Owner::anycastd; }

/// What leads packets to the route, where the configuration wants that.
std::optional<RouteRule> rule_of(const Ecmp& ecmp) {
  if (!ecmp.rule) return std::nullopt;
  const Prefix anywhere{{.family = ecmp.to.address.family}, 0};
  return RouteRule{.priority = static_cast<std::uint32_t>(*ecmp.rule),
                   .from = ecmp.from.value_or(anywhere),
                   .to = ecmp.to,
                   .table = ecmp.key().table};
}

/// The settings of an LVS service without its real servers.
VirtualService virtual_service(const Lvs& lvs) {
  VirtualService out{.settings = {.scheduler = lvs.scheduler}};
  if (lvs.persistent > Duration{0}) {
    out.settings.persistence =
        Persistence{.timeout = std::chrono::duration_cast<seconds>(lvs.persistent),
                    .mask = lvs.address.address.bits()};
  }
  return out;
}

/// 6.1, 6.2
void want(const Service& service, const ServiceState& state, const Lvs& lvs, InsideWish& wish) {
  const auto dead = [&](const Service::Real& real) {
    return std::ranges::binary_search(state.down, real.endpoint);
  };
  const bool all = std::ranges::all_of(
      service.servers, [&](const Service::Real& real) { return real.weight == 0 || dead(real); });
  // A new connection of theirs goes where the last one went, whatever the weight.
  const bool clients_stay = lvs.persistent > Duration{0} || lvs.protocol == Protocol::udp;
  auto out = virtual_service(lvs);
  for (const auto& real : service.servers) {
    const bool gets_none = !all && dead(real);
    if (gets_none && clients_stay) {
      wish.dead[lvs.key()].insert(real.endpoint);
    } else {
      out.servers[real.endpoint] = {.forwarding = lvs.forwarding,
                                    .weight = gets_none ? 0 : real.weight};
    }
  }
  wish.inside.services.emplace(lvs.key(), std::move(out));
}

/// 6.6
bool is_dead(const Config& config, const State& state, const std::string& name,
             const Address& via) {
  const auto service = config.me().services.find(name);
  const auto checked = state.services.find(name);
  if (service == config.me().services.end() || checked == state.services.end()) return false;
  const auto& down = checked->second.down;
  bool any = false;
  for (const auto& real : service->second.servers) {
    if (real.endpoint.address != via) continue;
    if (!std::ranges::binary_search(down, real.endpoint)) return false;
    any = true;
  }
  return any;
}

void want(const Config& config, const State& state, const Ecmp& ecmp, Inside& wish) {
  Multipath all{.resilient = ecmp.resilient};
  Multipath alive{.resilient = ecmp.resilient};
  for (const auto& hop : ecmp.nexthops) {
    all.hops.emplace(hop.key(), hop.weight);
    if (!is_dead(config, state, ecmp.service, hop.via)) alive.hops.emplace(hop.key(), hop.weight);
  }
  auto paths = alive.hops.empty() ? std::move(all) : std::move(alive);
  // The kernel keeps no weight of a next hop that is alone.
  if (paths.hops.size() == 1 && !paths.resilient) paths.hops.begin()->second = 1;
  wish.routes.emplace(ecmp.key(), std::move(paths));
  if (const auto rule = rule_of(ecmp)) wish.rules.insert(*rule);
}

/// Whether nothing has been announced for so long, neither wanted nor exported. Where nobody knows,
/// something may be.
bool silent_for(const Context& context, Duration span) {
  const auto& router = context.seen.router.value;
  if (!router || context.state.pending || !context.state.adopted) return false;
  for (const auto& [upstream, session] : context.state.sessions) {
    if (session.stance.announces() || context.seen.now - session.since < span) return false;
  }
  return std::ranges::all_of(router->sessions,
                             [](const auto& entry) { return entry.second.exports.empty(); });
}

/// Whether it was let go already: its real servers drain.
bool leaves(const std::map<ServerKey, std::optional<Time>>& servers) {
  return std::ranges::all_of(servers, [](const auto& entry) { return entry.second.has_value(); });
}

bool another_serves(const Context& context) {
  return !context.config.me().local.keepalived.fifo.empty() && !context.state.master_since;
}

/// 6.7
void keep_until(bool silent, const Context& context, std::set<Vip>& vips) {
  const auto& view = context.seen.inside.value;
  std::erase_if(
      vips, [&](const Vip& vip) { return silent || !view || !view->inside.vips.contains(vip); });
}

/// What is ours, without what the configuration has given away.
InsideOurs ours(const Context& context) {
  auto out = context.state.inside;
  for (const auto& [name, service] : context.config.me().services) {
    for (const auto& lvs : service.lvs) {
      if (!owned_by_us(lvs)) out.services.erase(lvs.key());
    }
  }
  return out;
}

/// 6.4
void keep_unlisted(const Context& context, InsideWanted& wanted) {
  auto& [wish, unlisted] = wanted;
  const auto& seen = context.seen.inside.value->inside;
  const auto configured = configured_vips(context.config);
  const auto mine = ours(context);
  // An address that a person has let go waits for the services on it, see inside_step.
  const auto goes = [&](const Vip& vip) {
    return std::ranges::any_of(mine.services, [&](const auto& entry) {
      return entry.first.address == vip.prefix.address && !entry.second.empty() &&
             leaves(entry.second);
    });
  };
  for (const auto& vip : mine.vips) {
    if (configured.contains(vip) || !seen.vips.contains(vip) || goes(vip)) continue;
    wish.inside.vips.insert(vip);
    unlisted.push_back(fmt::format("{} on {}", to_string(vip.prefix), vip.link));
  }
  for (const auto& entry : mine.services) {
    const auto& key = entry.first;
    const auto& servers = entry.second;
    const auto there = seen.services.find(key);
    if (wish.inside.services.contains(key) || there == seen.services.end() || leaves(servers))
      continue;
    auto kept = there->second;
    std::erase_if(kept.servers, [&](const auto& s) { return !servers.contains(s.first); });
    wish.inside.services.emplace(key, std::move(kept));
    unlisted.push_back(to_string(key));
  }
  for (const auto& entry : seen.routes) {
    if (wish.inside.routes.insert(entry).second) unlisted.push_back(to_string(entry.first));
  }
  for (const auto& rule : seen.rules) {
    if (wish.inside.rules.insert(rule).second)
      unlisted.push_back(fmt::format("rule {}", rule.priority));
  }
}

std::string waits(const Context& context) {
  if (context.config.mode == Mode::observe) return "mode observe changes nothing";
  if (context.config.mode == Mode::advise && !context.person_applies)
    return "mode advise: a person applies it (anycastctl apply)";
  return {};
}

/// What has to be there before users may come, and is not.
std::vector<std::string> missing(const Context& context) {
  std::vector<std::string> out;
  const auto& view = context.seen.inside.value;
  for (const auto& vip : configured_vips(context.config)) {
    if (!view || !view->inside.vips.contains(vip))
      out.push_back(fmt::format("{} is not on {}", to_string(vip.prefix), vip.link));
  }
  for (const auto& ecmp : context.config.me().local.routes) {
    if (!view || !view->inside.routes.contains(ecmp.key()))
      out.push_back(fmt::format("there is no route to {}", to_string(ecmp.key())));
  }
  std::size_t services = 0;
  for (const auto& [name, service] : context.config.me().services) {
    for (const auto& lvs : service.lvs) {
      if (view && view->inside.services.contains(lvs.key())) continue;
      if (++services == 1 && view && view->no_services) out.push_back(view->no_services->text);
      if (!view || !view->no_services)
        out.push_back(fmt::format("IPVS has no {}", to_string(lvs.key())));
    }
  }
  return out;
}

bool keeps_services(const Context& context) {
  return !context.state.inside.services.empty() ||
         std::ranges::any_of(context.config.me().services,
                             [](const auto& entry) { return !entry.second.lvs.empty(); });
}

/// What somebody else made and the configuration names is ours from now on.
void tell_taken_over(const Context& context, const InsideOurs& next, Plan& plan) {
  const auto& seen = context.seen.inside.value->inside;
  const auto& before = context.state.inside;
  std::vector<std::string> taken;
  for (const auto& vip : next.vips) {
    if (!before.vips.contains(vip) && seen.vips.contains(vip))
      taken.push_back(fmt::format("{} on {}", to_string(vip.prefix), vip.link));
  }
  for (const auto& [key, servers] : next.services) {
    if (!before.services.contains(key) && seen.services.contains(key))
      taken.push_back(to_string(key));
  }
  if (taken.empty()) return;
  plan.events.push_back({.kind = "inside",
                         .priority = 5,
                         .text = fmt::format("took over {}, there already on {} and named in its "
                                             "configuration; next: kept as configured",
                                             join(taken, ", "), context.config.self),
                         .node = context.config.self});
}

}  // namespace

std::set<Vip> configured_vips(const Config& config) {
  std::set<Vip> out;
  const auto& link = config.me().local.link;
  if (link.empty()) return out;
  for (const auto& prefix : config.prefixes) {
    for (const auto& address : prefix.vips) out.insert({{address, address.bits()}, link});
  }
  return out;
}

std::set<std::uint32_t> tables_of(const Config& config, const InsideOurs& ours) {
  auto out = ours.tables;
  for (const auto& ecmp : config.me().local.routes) out.insert(ecmp.key().table);
  return out;
}

bool keeps_inside(const Config& config, const InsideOurs& ours) {
  const auto& me = config.me();
  return !me.local.link.empty() || !me.local.routes.empty() || !me.local.keepalived.fifo.empty() ||
         ours != InsideOurs{} || std::ranges::any_of(me.services, [](const auto& entry) {
           return !entry.second.lvs.empty();
         });
}

InsideWanted inside_wanted(const Context& context, Consent consent) {
  const auto& local = context.config.me().local;
  InsideWanted out{.wish = {.drain = local.drain}};
  const bool silent = silent_for(context, local.drain);
  if (!context.state.drain || !silent) out.wish.inside.vips = configured_vips(context.config);
  if (another_serves(context)) keep_until(silent, context, out.wish.inside.vips);
  for (const auto& [name, service] : context.config.me().services) {
    const auto found = context.state.services.find(name);
    const auto state = found == context.state.services.end() ? ServiceState{} : found->second;
    for (const auto& lvs : service.lvs) {
      if (owned_by_us(lvs)) want(service, state, lvs, out.wish);
    }
  }
  for (const auto& ecmp : local.routes) want(context.config, context.state, ecmp, out.wish.inside);
  if (!silent && consent == Consent::none) keep_unlisted(context, out);
  return out;
}

void plan_inside(Context& context, Plan& plan) {
  if (!keeps_inside(context.config, context.state.inside)) return;
  const auto& seen = context.seen.inside;
  if (!seen.value) {
    return notice(plan, Notice::Level::error, "inside",
                  seen.error ? seen.error->text : "this host's kernel was not asked");
  }
  const auto step = [&](const InsideWish& wish) {
    return inside_step(wish, *seen.value, ours(context), context.seen.now);
  };
  const auto consent = context.person_applies ? Consent::person : Consent::none;
  const auto [wish, unlisted] = inside_wanted(context, consent);
  if (!unlisted.empty()) {
    const auto* verb = unlisted.size() == 1 ? "is" : "are";
    notice(plan, Notice::Level::error, "unlisted",
           fmt::format("{} {} not in the configuration any more and {} kept while this node "
                       "announces, until a person applies that (anycastctl apply)",
                       join(unlisted, ", "), verb, verb));
  }
  if (seen.value->no_services && keeps_services(context))
    notice(plan, Notice::Level::error, "ipvs", seen.value->no_services->text);
  auto now = step(wish);
  for (auto& one : now.notices) plan.notices.push_back(std::move(one));
  plan.inside = {.changes = std::move(now.changes), .waits = waits(context)};
  plan.inside.proposal = unlisted.empty()
                             ? plan.inside.changes
                             : step(inside_wanted(context, Consent::person).wish).changes;
  if (!plan.inside.waits.empty()) return;
  tell_taken_over(context, now.ours, plan);
  context.state.inside = std::move(now.ours);
}

Word inside(const Context& context, const Step& step) {
  if (step.from.announces() || !step.to.announces()) return std::nullopt;
  if (!keeps_inside(context.config, {})) return std::nullopt;
  const auto lacks = missing(context);
  return decide(
      lacks.empty(), "inside",
      lacks.empty() ? "the addresses, virtual services and routes are there" : join(lacks, ", "),
      "nodes." + context.config.self + ".local");
}

}  // namespace anycast::core
