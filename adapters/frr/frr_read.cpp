#include <fmt/format.h>

#include <algorithm>

#include "adapters/frr/frr.hpp"
#include "adapters/system/file.hpp"
#include "controller/base/text.hpp"
#include "controller/model/blackhole.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::frr {
namespace {

// All exchanges of one reading together.
constexpr int kReadingInTimeouts = 4;

}  // namespace

Settings settings_of(const Config& config) {
  Settings settings{.socket = config.router.socket,
                    .operator_config = config.router.config,
                    .fragment = config.router.fragment,
                    .timeout = config.router.timeout};
  for (const auto& [upstream, session] : config.me().sessions) {
    const auto protocol = render::protocol_of(upstream, session);
    auto& out = settings.sessions[upstream];
    out = {.map = render::filter_name(protocol), .neighbor = session.neighbor};
    if (render::may_leave_by(config, upstream)) out.import = render::import_name("frr", protocol);
  }
  for (const auto& p : config.prefixes) {
    settings.prefixes.push_back(p.prefix);
    settings.origins[p.prefix] = p.origin_asn;
  }
  return settings;
}

Result<Vty> FrrSpeaker::session(int timeouts) const {
  return Vty::connect(settings_.socket, settings_.timeout, settings_.timeout * timeouts);
}

/// bgpd has no configuration between its start and the end of `vtysh -b`: there is nothing to read
/// and nothing to change yet.
Result<Running> FrrSpeaker::running(Vty& vty) const {
  const auto text = vty.told("show running-config");
  if (!text) return tl::unexpected(text.error());
  auto out = read_running(*text);
  if (out.instance.empty()) {
    return fail(Remedy::wait,
                "bgpd has no 'router bgp' yet, expected the operator's configuration");
  }
  return out;
}

Result<Neighbor> FrrSpeaker::neighbor(Vty& vty, const std::string& upstream) const {
  const auto address = to_string(settings_.sessions.at(upstream).neighbor);
  const auto found =
      vty.told(fmt::format("show bgp neighbors {} json", address)).and_then(read_neighbor);
  if (!found) return tl::unexpected(found.error());
  return found->value_or(Neighbor{.state = "missing"});
}

/// What stands in the Adj-RIB-Out of our prefixes, with the communities of the entry that let it
/// through.
Result<std::vector<Export>> FrrSpeaker::exports_of(Vty& vty, const std::string& upstream,
                                                   const Objects& objects) const {
  const auto& session = settings_.sessions.at(upstream);
  const auto reply = vty.ask(fmt::format("show bgp {} unicast neighbors {} advertised-routes json",
                                         family_of(session.neighbor), to_string(session.neighbor)));
  if (!reply) return tl::unexpected(reply.error());
  auto routes = read_advertised(reply->text);
  if (!routes) return routes;
  std::erase_if(*routes, [&](const Export& route) {
    return std::ranges::none_of(settings_.prefixes, [&](const Prefix& prefix) {
      return route.prefix == prefix || is_host_of(route.prefix, prefix);
    });
  });
  for (auto& route : *routes) {
    route.communities = communities_for(objects, session.map, route.prefix);
  }
  std::ranges::sort(*routes);
  return routes;
}

Result<RouterView> FrrSpeaker::in_force() {
  RouterView view{.kind = "frr"};
  auto vty = session(kReadingInTimeouts);
  if (!vty) return tl::unexpected(vty.error());
  const auto version = vty->told("show version").and_then(read_version);
  if (!version) return tl::unexpected(version.error());
  view.version = *version;
  const auto made = modified_at(settings_.socket);
  view.started = fmt::format("{} pid {}", made ? format_utc(*made) : "unknown", vty->peer_pid());
  const auto now = running(*vty);
  if (!now) return tl::unexpected(now.error());

  view.notices = std::exchange(heard_, {});
  read_revision(*now, view);
  for (const auto& [upstream, session] : settings_.sessions) {
    auto read = read_session(*vty, upstream, *now, view);
    if (!read) return tl::unexpected(read.error());
    view.sessions[upstream] = std::move(*read);
  }
  read_operator_file(view);
  return view;
}

/// The marker alone is a claim: where it names the text in the file, the objects have to be those
/// of the text.
void FrrSpeaker::read_revision(const Running& running, RouterView& view) const {
  if (auto text = read_file(settings_.fragment)) {
    view.fragment = std::move(*text);
    view.file_revision = render::revision_of(view.fragment);
  } else {
    view.notices.push_back(text.error().text);
  }
  const auto file = read_running(view.fragment).objects;
  const auto ours = only(running.objects, file.networks);
  const auto marker = marker_of(ours);
  if (ours.empty()) {
    view.notices.emplace_back("bgpd has none of our route-maps: nothing of ours is announced");
  } else if (marker == 0 || (marker == view.file_revision && ours != file)) {
    // No text of ours has this revision, so it is not taken for one that we want.
    view.revision = std::max(hash32(text_of(ours)), 1U);
    view.notices.push_back(
        marker == 0 ? "bgpd has objects of ours without a revision"
                    : fmt::format("objects of ours in bgpd are not those of revision {}: somebody "
                                  "else has changed them",
                                  marker));
  } else {
    view.revision = marker;
  }
  const auto probation = read_probation(settings_.fragment);
  if (!probation) view.notices.push_back(probation.error().text);
  view.unconfirmed = probation && *probation && (*probation)->revision == view.revision;
}

Result<SessionView> FrrSpeaker::read_session(Vty& vty, const std::string& upstream,
                                             const Running& running, RouterView& view) const {
  const auto& wanted = settings_.sessions.at(upstream);
  const auto address = to_string(wanted.neighbor);
  const auto found = neighbor(vty, upstream);
  if (!found) return tl::unexpected(found.error());
  if (found->state == "missing") {
    view.notices.push_back(
        fmt::format("bgpd has no neighbor '{}' for the session to '{}'", address, upstream));
    return SessionView{.state = "missing"};
  }
  std::int64_t exported = 0;
  for (const auto& [family, channel] : found->channels) {
    exported += channel.exported;
    // FRR opens IPv4 on a neighbour of the other family too; without a policy nothing leaves there.
    const bool silent = family != family_of(wanted.neighbor) && channel.exported == 0;
    if (channel.map_out == wanted.map || silent) continue;
    view.notices.push_back(
        fmt::format("'{}' exports {} by {}, expected 'neighbor {} route-map {} out'", upstream,
                    family, channel.map_out.empty() ? "no route-map" : "'" + channel.map_out + "'",
                    address, wanted.map));
  }
  if (!wanted.import.empty() && !running.attached.contains(wanted.import)) {
    view.notices.push_back(
        fmt::format("no route-map calls '{}': packets do not leave over '{}' by our choice, "
                    "expected 'call {}' in the map of 'neighbor {} route-map ... in'",
                    wanted.import, upstream, wanted.import, address));
  }
  SessionView session{.up = found->up(),
                      .state = found->state,
                      .since = found->since,
                      .refreshes = found->refreshes};
  if (!session.up) return session;
  auto exports = exports_of(vty, upstream, running.objects);
  if (!exports) return tl::unexpected(exports.error());
  session.exports = std::move(*exports);
  if (exported > static_cast<std::int64_t>(session.exports.size())) {
    view.notices.push_back(
        fmt::format("'{}' exports {} routes, {} of them to be seen as our prefixes", upstream,
                    exported, session.exports.size()));
  }
  return session;
}

/// After a `write memory` his file holds our objects as they were then, and a restart of FRR would
/// run them again before we can put them right.
void FrrSpeaker::read_operator_file(RouterView& view) const {
  const auto text = read_file(settings_.operator_config);
  if (!text) return;  // he may not let us read it, and we need nothing from it
  const auto saved = read_running(*text).objects;
  if (saved.empty()) return;
  view.notices.push_back(fmt::format(
      "'{}' holds objects of ours, saved by a 'write memory': a restart of FRR would run "
      "them again, expected no 'route-map anycastd...' and no list of ours in it",
      settings_.operator_config));
}

}  // namespace anycast::frr
