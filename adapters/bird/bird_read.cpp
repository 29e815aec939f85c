#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "adapters/bird/bird.hpp"
#include "adapters/system/file.hpp"
#include "controller/base/text.hpp"
#include "controller/render/fragment.hpp"
#include "controller/render/fragment_text.hpp"

namespace anycast::bird {
namespace {

// All exchanges of one reading together; a daemon that answers each of them late is as good as
// hanging.
constexpr int kBudgetInTimeouts = 4;

std::string family_of(const Prefix& prefix) {
  return prefix.address.family == Address::Family::v4 ? "ipv4" : "ipv6";
}

/// Between two questions the session went down: no table is attached to it any more (2.x, 3.x).
bool session_fell(const Reply& reply) {
  const auto text = reply.text(9001).value_or("");
  return text == "No valid tables" ||
         text.starts_with("Requested 'show route export' to protocols");
}

/// What may be exported: the prefixes, and the hosts that the fragment has beside them. Each is
/// asked for by itself, since BIRD goes through a whole table for what is inside of one.
std::vector<Prefix> all_routes(std::vector<Prefix> prefixes, const std::string& fragment) {
  const auto text = render::parse_fragment("bird", fragment);
  if (!text) return prefixes;
  const auto configured = prefixes;
  std::ranges::copy_if(text->routes, std::back_inserter(prefixes), [&](const Prefix& route) {
    return std::ranges::any_of(configured,
                               [&](const Prefix& prefix) { return is_host_of(route, prefix); });
  });
  return prefixes;
}

/// BIRD prints its start by the clock of today, which moves with every correction; the socket it
/// made and its process do not.
std::string start_of(const Client& client, const std::string& socket) {
  const auto made = modified_at(socket);
  return fmt::format("{} pid {}", made ? format_utc(*made) : "unknown", client.peer_pid());
}

}  // namespace

Settings settings_of(const Config& config) {
  Settings settings{.socket = config.router.socket,
                    .operator_config = config.router.config,
                    .fragment = config.router.fragment,
                    .timeout = config.router.timeout};
  for (const auto& [upstream, session] : config.me().sessions) {
    const auto protocol = render::protocol_of(upstream, session);
    settings.protocols[upstream] = protocol;
    if (render::may_leave_by(config, upstream))
      settings.imports[upstream] = render::import_name("bird", protocol);
  }
  for (const auto& p : config.prefixes) {
    settings.prefixes.push_back(p.prefix);
    settings.origins[p.prefix] = p.origin_asn;
  }
  settings.roas4 = config.rpki.table4;
  settings.roas6 = config.rpki.table6;
  settings.rpki = config.rpki.protocol;
  return settings;
}

Result<RouterView> BirdSpeaker::in_force() {
  RouterView view{.kind = "bird"};
  auto client =
      Client::connect(settings_.socket, settings_.timeout, settings_.timeout * kBudgetInTimeouts);
  if (!client) return tl::unexpected(client.error());
  if (auto ok = client->restrict_rights(); !ok) return tl::unexpected(ok.error());
  view.version = client->version();
  view.started = start_of(*client, settings_.socket);

  listen();
  for (auto& line : heard_) view.notices.push_back(fmt::format("bird says '{}'", printable(line)));
  heard_.clear();
  if (auto ok = read_daemon(*client, view); !ok) return tl::unexpected(ok.error());
  return view;
}

Result<void> BirdSpeaker::read_daemon(Client& client, RouterView& view) {
  const auto asked = [&](const std::string& command, auto reader) {
    return client.ask(command).and_then(reader);
  };
  const auto status = asked("show status", read_status);
  if (!status) return tl::unexpected(status.error());
  const auto revision = asked("eval ANYCASTD_REVISION", read_revision);
  if (!revision) return tl::unexpected(revision.error());
  view.revision = *revision;
  if (!view.revision) {
    view.notices.push_back(
        fmt::format("bird runs without our fragment, expected 'include \"{}\";' in '{}' and a "
                    "configure",
                    settings_.fragment, settings_.operator_config));
  }
  const auto waiting = asked("configure status", read_unconfirmed);
  if (!waiting) return tl::unexpected(waiting.error());
  view.unconfirmed = *waiting;
  read_fragment(view);
  const auto routes = all_routes(settings_.prefixes, view.fragment);
  for (const auto& [upstream, protocol] : settings_.protocols) {
    auto session = read_session(client, upstream, routes, view);
    if (!session) return tl::unexpected(session.error());
    view.sessions[upstream] = std::move(*session);
  }
  read_operator_files(*status, view);
  return {};
}

Result<SessionView> BirdSpeaker::read_session(Client& client, const std::string& upstream,
                                              const std::vector<Prefix>& routes, RouterView& view) {
  const auto& protocol = settings_.protocols.at(upstream);
  const auto found =
      client.ask(fmt::format("show protocols all {}", quote(protocol))).and_then(read_protocol);
  if (!found) return tl::unexpected(found.error());
  if (!*found) {
    view.notices.push_back(
        fmt::format("bird has no protocol '{}' for the session to '{}'", protocol, upstream));
    return SessionView{.state = "missing"};
  }
  const auto& bgp = **found;
  SessionView session{.up = bgp.state == "Established",
                      .state = bgp.state,
                      .since = bgp.since,
                      .refreshes = bgp.refreshes};
  std::int64_t exported = 0;
  for (const auto& [name, channel] : bgp.channels) {
    exported += channel.exported;
    const auto filter = render::filter_name(protocol);
    if (channel.output_filter != filter) {
      view.notices.push_back(fmt::format("'{}' exports {} by '{}', expected 'export filter {};'",
                                         protocol, name, printable(channel.output_filter), filter));
    }
  }
  if (!session.up) return session;
  for (const auto& prefix : routes) {
    const auto channel = bgp.channels.find(family_of(prefix));
    if (channel == bgp.channels.end() || !channel->second.up) continue;
    const auto reply =
        client.ask(fmt::format("show route {} export '{}' all", to_string(prefix), protocol));
    if (!reply) return tl::unexpected(reply.error());
    if (session_fell(*reply)) {
      return SessionView{.state = "down", .since = bgp.since};
    }
    const auto exports = read_routes(*reply);
    if (!exports) return tl::unexpected(exports.error());
    session.exports.insert(session.exports.end(), exports->begin(), exports->end());
  }
  std::ranges::sort(session.exports);
  if (exported > static_cast<std::int64_t>(session.exports.size())) {
    view.notices.push_back(
        fmt::format("'{}' exports {} routes, {} of them to be seen as our prefixes", protocol,
                    exported, session.exports.size()));
  }
  return session;
}

void BirdSpeaker::read_fragment(RouterView& view) const {
  if (auto text = read_file(settings_.fragment)) {
    view.fragment = std::move(*text);
    view.file_revision = render::revision_of(view.fragment);
  } else {
    view.notices.push_back(text.error().text);
  }
}

void BirdSpeaker::read_operator_files(const Status& status, RouterView& view) const {
  const auto config = read_operator_config(settings_.operator_config, settings_.fragment);
  if (!config) {
    view.notices.push_back(config.error().text);
    return;
  }
  if (config->attachment == Attachment::none) {
    view.notices.push_back(
        fmt::format("'{}' does not include our fragment, expected 'include "
                    "\"{}\";'",
                    settings_.operator_config, settings_.fragment));
  }
  if (config->attachment == Attachment::covered) {
    view.notices.push_back(
        fmt::format("'{}' does not name our fragment itself: a change is checked only when it is "
                    "applied",
                    settings_.operator_config));
  }
  for (const auto& [upstream, import] : settings_.imports) {
    if (config->imports.contains(import)) continue;
    view.notices.push_back(
        fmt::format("no filter in '{}' calls '{}': packets do not leave over '{}' by our choice, "
                    "expected it in the import filter of '{}'",
                    settings_.operator_config, import, upstream, settings_.protocols.at(upstream)));
  }
  for (const auto& import : config->imports) {
    const auto ours = [&](const auto& entry) { return entry.second == import; };
    if (std::ranges::any_of(settings_.imports, ours)) continue;
    view.notices.push_back(
        fmt::format("'{}' calls '{}', which our fragment does not bring: bird takes no change and "
                    "does not start like this, expected it in no filter, or 'egress' for it",
                    settings_.operator_config, printable(import)));
  }
  const auto since = loaded_at(status);
  if (!since) {
    view.notices.push_back(
        fmt::format("cannot read the time '{}' of the last reconfiguration, expected 'timeformat "
                    "base iso long ms;': unfinished edits go unnoticed",
                    printable(status.reconfigured)));
    return;
  }
  for (const auto& file : edited_since(*config, *since)) {
    view.notices.push_back(fmt::format("'{}' was edited after bird's last reconfiguration", file));
  }
}

}  // namespace anycast::bird
