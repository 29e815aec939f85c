#include "controller/core/blackhole.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "controller/base/text.hpp"
#include "controller/core/adopt.hpp"
#include "controller/core/notices.hpp"
#include "controller/core/origin.hpp"

namespace anycast::core {
namespace {

constexpr std::size_t kMostHosts = 8;
constexpr Duration kLongest = hours{24 * 7};

const AnycastPrefix* prefix_of(const Config& config, const Prefix& host) {
  const auto found = std::ranges::find_if(
      config.prefixes, [&](const AnycastPrefix& p) { return is_host_of(host, p.prefix); });
  return found == config.prefixes.end() ? nullptr : &*found;
}

bool has_session(const Config& config, const Prefix& host, const std::string& upstream) {
  const auto session = config.me().sessions.find(upstream);
  return session != config.me().sessions.end() &&
         session->second.neighbor.family == host.address.family;
}

bool takes_hosts(const Config& config, const std::string& upstream) {
  const auto known = config.upstreams.find(upstream);
  return known != config.upstreams.end() && !blackhole_communities(known->second).empty();
}

/// Whether it can be rendered.
bool has_place(const Config& config, const Blackhole& one) {
  return prefix_of(config, one.host) != nullptr && has_session(config, one.host, one.upstream) &&
         takes_hosts(config, one.upstream);
}

/// Why no address that serves would be left, or empty. One that any upstream drops counts as gone:
/// who comes in there cannot choose another way.
std::string last_vip(const AnycastPrefix& prefix, const State& state, const Prefix& host) {
  const auto name = to_string(prefix.prefix);
  if (prefix.vips.empty()) {
    return fmt::format(
        "which addresses of {} serve is not known, expected them in prefixes.{}.vips", name, name);
  }
  const bool left = std::ranges::any_of(prefix.vips, [&](const Address& vip) {
    const Prefix one{vip, vip.bits()};
    const bool gone = std::ranges::any_of(
        state.blackholes, [&](const auto& entry) { return entry.second.host == one; });
    return one != host && !gone;
  });
  if (left) return {};
  return fmt::format("'{}' would leave no address of {} that serves (prefixes.{}.vips)",
                     to_string(host), name, name);
}

/// Why others that validate origins would not take the host either, or empty.
std::string bad_origin(const Context& context, const AnycastPrefix& prefix) {
  if (!context.config.rpki.asked()) return {};
  const auto report = origin_of(context.config, context.seen, prefix);
  if (report.state != OriginState::invalid) return {};
  return fmt::format("{} AS{} is {}, and so is every host of it", to_string(prefix.prefix),
                     prefix.origin_asn, report.text);
}

std::set<std::string> keys(const Config& config, const std::string& upstream,
                           const std::vector<Export>& exports) {
  std::set<std::string> out;
  for (const auto& route : exports) {
    if (is_blackhole(config, route.prefix)) out.insert(key_of(route.prefix, upstream));
  }
  return out;
}

std::vector<Export> others(const Config& config, std::vector<Export> exports) {
  std::erase_if(exports, [&](const Export& route) { return is_blackhole(config, route.prefix); });
  return exports;
}

/// What the fragment that runs makes the session say; a route-map that is not there says nothing.
std::vector<Export> runs(const Config& config, const RouterView& router,
                         const std::string& upstream) {
  return exports_once_up(config, router, upstream).value_or(std::vector<Export>{});
}

std::string on(const std::string& key) {
  const auto blank = key.find(' ');
  return key.substr(0, blank) + " on " + key.substr(blank + 1);
}

}  // namespace

std::optional<std::string> refused_blackhole(const Context& context, const Order& order) {
  const auto& config = context.config;
  const auto& state = context.state;
  const auto host = to_string(order.host);
  const auto* prefix = prefix_of(config, order.host);
  if (prefix == nullptr) {
    return fmt::format("'{}' is no host of our prefixes, expected a /32 or /128 inside of one",
                       host);
  }
  if (!has_session(config, order.host, order.upstream))
    return fmt::format("'{}' has no session of its family to '{}'", host, order.upstream);
  if (!takes_hosts(config, order.upstream)) {
    return fmt::format(
        "the dictionary of '{}' does not say that it takes such routes, expected an entry with "
        "'do: blackhole' in upstreams.{}.communities",
        order.upstream, order.upstream);
  }
  if (!order.lasts || *order.lasts > kLongest)
    return fmt::format("it has to end, within {}", format_age(kLongest));
  const bool known = state.blackholes.contains(key_of(order.host, order.upstream));
  if (!known && state.blackholes.size() >= kMostHosts)
    return fmt::format("{} are in force, at most so many", state.blackholes.size());
  for (auto why : {last_vip(*prefix, state, order.host), bad_origin(context, *prefix)}) {
    if (!why.empty()) return why;
  }
  return std::nullopt;
}

void end_blackholes(const Config& config, Time now, State& state, std::vector<Event>& events) {
  std::erase_if(state.blackholes, [&](const auto& entry) {
    const auto& one = entry.second;
    const bool placed = has_place(config, one);
    if (now < one.until && placed) return false;
    events.push_back(
        {.kind = "blackhole",
         .priority = 4,
         .text = fmt::format(
             "the blackhole of {} {}; next: it is withdrawn", on(entry.first),
             placed ? "ended by its time" : "has no place in the configuration any more"),
         .upstream = one.upstream,
         .node = config.self,
         .cause = "operator"});
    return true;
  });
}

std::optional<HostChange> only_blackholes(const Config& config, const RouterView& router,
                                          const Fragment& fragment) {
  if (router.revision.value_or(0) == 0 || router.revision != router.file_revision)
    return std::nullopt;
  HostChange out;
  std::vector<std::string> words;
  for (const auto& [upstream, wanted] : fragment.exports) {
    const auto now = runs(config, router, upstream);
    if (others(config, now) != others(config, wanted)) return std::nullopt;
    const auto before = keys(config, upstream, now);
    const auto after = keys(config, upstream, wanted);
    if (before != after) out.upstreams.push_back(upstream);
    for (const auto& key : after) {
      if (!before.contains(key)) words.push_back("blackhole " + on(key));
    }
    for (const auto& key : before) {
      if (!after.contains(key)) words.push_back("no longer blackhole " + on(key));
    }
  }
  if (words.empty()) return std::nullopt;
  out.text = join(words, ", ");
  return out;
}

void notice_lingering(const Config& config, const Seen& seen, const State& next, Plan& plan) {
  std::vector<std::string> words;
  for (const auto& [upstream, session] : config.me().sessions) {
    for (const auto& key : keys(config, upstream, runs(config, *seen.router.value, upstream))) {
      if (!next.blackholes.contains(key)) words.push_back(on(key));
    }
  }
  if (words.empty()) return;
  notice(plan, Notice::Level::error, "blackhole",
         fmt::format("the blackhole of {} is over and still announced: it goes with the change "
                     "that waits",
                     join(words, ", ")));
}

}  // namespace anycast::core
