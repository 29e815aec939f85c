#include "controller/render/fragment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "controller/base/text.hpp"
#include "controller/render/bird_text.hpp"
#include "controller/render/egress.hpp"
#include "controller/render/frr_text.hpp"

namespace anycast::render {
namespace {

/// The line that says the revision, in the words of each daemon.
struct RevisionLine {
  std::string_view before;
  std::string_view after;
};
constexpr std::array<RevisionLine, 2> kRevisionLines{
    {{"define ANYCASTD_REVISION = ", ";"}, {" description anycastd revision ", ""}}};
constexpr int kPrependMax = 10;
constexpr auto kGracefulShutdown = "65535:0";  // RFC 8326
constexpr auto kNoExport = "65535:65281";      // RFC 1997

tl::unexpected<Error> unknown_kind(std::string_view kind) {
  return fail(Remedy::fix_value,
              fmt::format("no fragments for '{}', expected bird or frr", printable(kind)));
}

/// The digits of the one revision line, or nothing.
std::optional<std::string_view> revision_digits(std::string_view text) {
  std::optional<std::string_view> found;
  for (std::size_t start = 0; start < text.size();) {
    const auto line = text.substr(start, text.find('\n', start) - start);
    for (const auto& [before, after] : kRevisionLines) {
      if (!line.starts_with(before) || !line.ends_with(after)) continue;
      if (found) return std::nullopt;
      found = line.substr(before.size(), line.size() - before.size() - after.size());
    }
    start += line.size() + 1;
  }
  return found;
}

/// Everything that is originated: the prefixes, and each host once.
std::vector<Prefix> originated(const Config& config, const HostRoutes& hosts) {
  std::vector<Prefix> out;
  for (const auto& p : config.prefixes) out.push_back(p.prefix);
  std::set<Prefix> all;
  for (const auto& [upstream, list] : hosts) all.insert(list.begin(), list.end());
  out.insert(out.end(), all.begin(), all.end());
  return out;
}

List origins(const std::vector<Prefix>& prefixes, Address::Family family) {
  List list;
  for (const auto& prefix : prefixes) {
    if (prefix.address.family == family)
      list.push_back({{"prefix", Data{to_string(prefix)}}, {"list", Data{frr_list_name(prefix)}}});
  }
  return list;
}

/// The hosts of a session, with what its upstream wants to hear to drop them.
Result<std::vector<Export>> dropped(const Config& config, const std::string& upstream,
                                    const HostRoutes& hosts) {
  std::vector<Export> out;
  const auto found = hosts.find(upstream);
  if (found == hosts.end()) return out;
  const auto known = config.upstreams.find(upstream);
  auto communities =
      blackhole_communities(known == config.upstreams.end() ? Upstream{} : known->second);
  if (communities.empty()) {
    return fail(
        Remedy::fix_value,
        fmt::format("'{}' is to drop hosts and its dictionary has no community for it", upstream));
  }
  communities.emplace_back(kNoExport);
  std::ranges::sort(communities);
  for (const auto& host : found->second) {
    if (!is_blackhole(config, host)) {
      return fail(Remedy::report, fmt::format("'{}' for '{}' is no host of our prefixes",
                                              to_string(host), upstream));
    }
    out.push_back({.prefix = host, .communities = communities});
  }
  return out;
}

/// What goes with the session's routes: GRACEFUL_SHUTDOWN, and what the upstream is asked for.
Result<std::vector<std::string>> communities_of(const Config& config, const std::string& upstream,
                                                const Stance& stance) {
  std::vector<std::string> out;
  if (!stance.asks.empty()) {
    const auto known = config.upstreams.find(upstream);
    auto asked =
        communities_for(known == config.upstreams.end() ? Upstream{} : known->second, stance);
    if (!asked) {
      return fail(asked.error().remedy, fmt::format("'{}' for '{}': {}", to_string(stance),
                                                    upstream, asked.error().text));
    }
    out = std::move(*asked);
  }
  if (stance.kind == Stance::Kind::drain) out.emplace_back(kGracefulShutdown);
  std::ranges::sort(out);
  return out;
}

std::vector<Export> exports_of(const Config& config, const Session& session, const Stance& stance,
                               const std::vector<std::string>& communities) {
  std::vector<Export> exports;
  for (const auto& p : config.prefixes) {
    if (!stance.announces() || p.prefix.address.family != session.neighbor.family) continue;
    Export out{.prefix = p.prefix, .communities = communities};
    if (stance.kind == Stance::Kind::prepend) {
      out.as_path.assign(static_cast<std::size_t>(stance.prepend), p.origin_asn);
    }
    exports.push_back(std::move(out));
  }
  std::ranges::sort(exports);
  return exports;
}

List prepends_of(const Export& route) {
  List out;
  for (const auto asn : route.as_path) out.push_back({{"asn", Data{asn}}});
  return out;
}

struct Communities {
  List standard;
  List large;
};
Communities by_kind(const Export& route) {
  Communities out;
  for (const auto& c : route.communities) {
    (std::ranges::count(c, ':') == 1 ? out.standard : out.large)
        .push_back({{"community", Data{c}}});
  }
  return out;
}

/// The entries of a session's route-map: one per prefix of its family, exported or not, and one per
/// host that it exports.
List entries_of(const Config& config, const Session& session, const std::vector<Export>& exports) {
  List entries;
  std::vector<Prefix> prefixes;
  for (const auto& p : config.prefixes) {
    if (p.prefix.address.family == session.neighbor.family) prefixes.push_back(p.prefix);
  }
  for (const auto& route : exports) {
    const bool host = std::ranges::find(prefixes, route.prefix) == prefixes.end();
    if (host) prefixes.push_back(route.prefix);
  }
  for (const auto& prefix : prefixes) {
    const auto route = std::ranges::find(exports, prefix, &Export::prefix);
    const bool permit = route != exports.end();
    const auto& said = permit ? *route : Export{.prefix = prefix};
    auto communities = by_kind(said);
    entries.push_back({{"permit", Data{permit}},
                       {"sequence", Data{static_cast<std::uint32_t>(10 * (entries.size() + 1))}},
                       {"ipv4", Data{prefix.address.family == Address::Family::v4}},
                       {"list", Data{frr_list_name(prefix)}},
                       {"has_prepends", Data{!said.as_path.empty()}},
                       {"prepends", Data{prepends_of(said)}},
                       {"has_communities", Data{!communities.standard.empty()}},
                       {"communities", Data{std::move(communities.standard)}},
                       {"has_large_communities", Data{!communities.large.empty()}},
                       {"large_communities", Data{std::move(communities.large)}}});
  }
  return entries;
}

Record session_record(const std::string& upstream, const std::string& protocol,
                      const Stance& stance, const std::vector<Export>& exports) {
  List routes;
  for (const auto& route : exports) {
    auto communities = by_kind(route);
    routes.push_back({{"proto", Data{static_protocol(route.prefix.address.family)}},
                      {"prefix", Data{to_string(route.prefix)}},
                      {"prepends", Data{prepends_of(route)}},
                      {"communities", Data{std::move(communities.standard)}},
                      {"large_communities", Data{std::move(communities.large)}}});
  }
  List asks;
  for (const auto& [carrier, ask] : stance.asks) {
    asks.push_back({{"carrier", Data{carrier}},
                    {"verb", Data{to_string(ask.verb)}},
                    {"has_count", Data{ask.count > 0}},
                    {"count", Data{static_cast<std::uint32_t>(ask.count)}}});
  }
  return {{"upstream", Data{upstream}},
          {"asks", Data{std::move(asks)}},
          {"filter", Data{filter_name(protocol)}},
          {"announce", Data{stance.kind == Stance::Kind::announce}},
          {"prepend", Data{stance.kind == Stance::Kind::prepend}},
          {"drain", Data{stance.kind == Stance::Kind::drain}},
          {"withdraw", Data{stance.kind == Stance::Kind::withdraw}},
          {"times", Data{static_cast<std::uint32_t>(stance.prepend)}},
          {"routes", Data{std::move(routes)}}};
}

Record root_record(std::string node, std::uint32_t revision, List routes4, List routes6,
                   List sessions) {
  return {{"node", Data{std::move(node)}},        {"revision", Data{revision}},
          {"has_ipv4", Data{!routes4.empty()}},   {"has_ipv6", Data{!routes6.empty()}},
          {"routes4", Data{std::move(routes4)}},  {"routes6", Data{std::move(routes6)}},
          {"sessions", Data{std::move(sessions)}}};
}

Result<void> fits(const std::string& upstream, const std::map<std::string, Stance>& stances) {
  const auto stance = stances.find(upstream);
  if (stance == stances.end()) {
    return fail(Remedy::report, fmt::format("no stance for the session to '{}'", upstream));
  }
  const bool prepends = stance->second.kind == Stance::Kind::prepend;
  if (prepends && (stance->second.prepend < 1 || stance->second.prepend > kPrependMax)) {
    return fail(Remedy::fix_value, fmt::format("'{}' for '{}', expected 1 to {} times",
                                               to_string(stance->second), upstream, kPrependMax));
  }
  return {};
}

/// The text does exactly what was asked for, by its own words.
Result<void> audit(const Config& config, std::vector<Prefix> routes, const EgressChoice& egress,
                   const Fragment& fragment) {
  const auto read = parse_fragment(config.router.kind, fragment.text);
  if (!read) return tl::unexpected(read.error());
  const auto refuse = [](std::string text) {
    return fail(Remedy::fix_text, "the template renders " + std::move(text));
  };
  if (read->revision != fragment.revision) return refuse("another revision than its text has");
  std::ranges::sort(routes);
  if (read->routes != routes) return refuse("other routes than the configured prefixes");
  if (read->imports != imports_of(config, egress)) return refuse("another egress than is wanted");
  auto left = read->filters;
  for (const auto& [upstream, exports] : fragment.exports) {
    const auto name = filter_name(protocol_of(upstream, config.me().sessions.at(upstream)));
    const auto filter = left.find(name);
    // A route-map without a prefix of the session's family has no entry, and one that is not there
    // denies everything.
    if (filter == left.end() && exports.empty() && config.router.kind == "frr") continue;
    if (filter == left.end()) return refuse(fmt::format("no filter '{}'", name));
    if (filter->second != exports) {
      return refuse(fmt::format("a filter '{}' that exports something else than the stance of '{}'",
                                name, upstream));
    }
    left.erase(filter);
  }
  if (!left.empty()) {
    return refuse(fmt::format("a filter '{}' that belongs to no session", left.begin()->first));
  }
  return {};
}

}  // namespace

std::string filter_name(std::string_view protocol) { return fmt::format("anycastd_{}", protocol); }

Result<FragmentText> parse_fragment(std::string_view kind, std::string_view text) {
  if (kind == "bird") return parse_bird(text);
  if (kind == "frr") return parse_frr(text);
  return unknown_kind(kind);
}

std::string static_protocol(Address::Family family) {
  return family == Address::Family::v4 ? "anycastd4" : "anycastd6";
}

std::optional<std::uint32_t> revision_for(std::string_view text) {
  const auto digits = revision_digits(text);
  if (!digits) return std::nullopt;
  const auto at = static_cast<std::size_t>(digits->data() - text.data());
  std::string blanked{text};
  blanked.erase(at, digits->size());
  return std::max(hash32(blanked), 1U);
}

std::optional<std::uint32_t> revision_of(std::string_view text) {
  const auto revision = revision_for(text);
  if (!revision || *revision_digits(text) != std::to_string(*revision)) return std::nullopt;
  return revision;
}

Result<Template> compile_fragment(std::string name, std::string_view text) {
  const Export route{.prefix = *Prefix::parse("192.0.2.0/24"),
                     .as_path = {64496},
                     .communities = {kGracefulShutdown, "64500:1:2"}};
  const List routes{
      {{"prefix", Data{to_string(route.prefix)}}, {"list", Data{frr_list_name(route.prefix)}}}};
  auto session = session_record("upstream", "protocol",
                                Stance{.asks = {{"carrier", {.verb = Verb::local_pref}}}}, {route});
  Config one;
  one.prefixes = {{.prefix = route.prefix, .origin_asn = 64496}};
  session["entries"] = Data{
      entries_of(one, {.neighbor = route.prefix.address, .local = route.prefix.address}, {route})};
  one.egress.carriers["carrier"] = {.as_path = {64496}};
  auto& node = one.nodes[one.self];
  node.egress["carrier"] = {"upstream"};
  node.sessions["upstream"] = {.neighbor = route.prefix.address, .local = route.prefix.address};
  add_imports(session, one, "upstream", {});
  auto root = root_record("node", 1, routes, routes, {session});
  root["egress"] = Data{carrier_paths(one, {})};
  return Template::compile(std::move(name), text, root);
}

Result<Fragment> fragment(const Template& text, const Config& config,
                          const std::map<std::string, Stance>& stances, const Beside& beside,
                          std::uint32_t guess) {
  const auto& kind = config.router.kind;
  if (kind != "bird" && kind != "frr") return unknown_kind(kind);
  Fragment out;
  List sessions;
  std::set<std::string> protocols;
  for (const auto& [upstream, session] : config.me().sessions) {
    if (auto ok = fits(upstream, stances); !ok) return tl::unexpected(ok.error());
    const auto protocol = protocol_of(upstream, session);
    if (!protocols.insert(protocol).second) {
      return fail(Remedy::fix_value,
                  fmt::format("two sessions with the protocol '{}'", printable(protocol)));
    }
    const auto& stance = stances.at(upstream);
    const auto communities = communities_of(config, upstream, stance);
    if (!communities) return tl::unexpected(communities.error());
    auto& exports = out.exports[upstream] = exports_of(config, session, stance, *communities);
    auto also = dropped(config, upstream, beside.hosts);
    if (!also) return tl::unexpected(also.error());
    exports.insert(exports.end(), also->begin(), also->end());
    std::ranges::sort(exports);
    auto record = session_record(upstream, protocol, stance, exports);
    if (kind == "frr") {
      record["entries"] = Data{entries_of(config, session, exports)};
    }
    add_imports(record, config, upstream, beside.egress);
    sessions.push_back(std::move(record));
  }
  const auto routes = originated(config, beside.hosts);
  auto data = root_record(config.self, guess, origins(routes, Address::Family::v4),
                          origins(routes, Address::Family::v6), std::move(sessions));
  data["egress"] = Data{carrier_paths(config, beside.egress)};
  auto draft = text.render(data);
  if (!draft) return tl::unexpected(draft.error());
  const auto revision = revision_for(*draft);
  if (!revision) {
    const auto& line = kRevisionLines.at(kind == "frr" ? 1 : 0);
    return fail(Remedy::fix_text, fmt::format("the template renders no line '{}N{}' of its own",
                                              line.before, line.after));
  }
  out.revision = *revision;
  if (*revision != guess) {
    data["revision"] = Data{*revision};
    draft = text.render(data);
    if (!draft) return tl::unexpected(draft.error());
  }
  out.text = std::move(*draft);
  if (*revision != guess && revision_of(out.text) != out.revision) {
    return fail(Remedy::fix_text, "the template uses the revision in more than one place");
  }
  if (auto ok = audit(config, routes, beside.egress, out); !ok) return tl::unexpected(ok.error());
  return out;
}

}  // namespace anycast::render
