#include "adapters/frr/readout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "controller/base/text.hpp"
#include "controller/base/time.hpp"
#include "controller/render/frr_text.hpp"

namespace anycast::frr {
namespace {

using Json = nlohmann::json;

/// The member, or null where there is none or `json` is no object.
const Json& at(const Json& json, const char* key) {
  static const Json kNull;
  if (!json.is_object()) return kNull;
  const auto found = json.find(key);
  return found == json.end() ? kNull : *found;
}
std::string text_at(const Json& json, const char* key) {
  const auto& value = at(json, key);
  return value.is_string() ? printable(value.get_ref<const std::string&>()) : std::string{};
}
std::int64_t number_at(const Json& json, const char* key) {
  const auto& value = at(json, key);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

tl::unexpected<Error> unexpected(std::string_view command, std::string_view text) {
  return fail(Remedy::look_at_peer,
              fmt::format("bgpd answers '{}' to '{}'", clip(printable(trim(text)), 120), command));
}

Result<Json> parsed(std::string_view command, std::string_view text) {
  auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return unexpected(command, text);
  return json;
}

/// "64500 64500 i"; what is no number is left out: braces of sets, the origin.
std::vector<Asn> path_in(std::string_view text) {
  std::vector<Asn> out;
  for (const auto& word : split(text, ' ')) {
    Asn asn = 0;
    const auto* end = word.data() + word.size();
    const auto [stop, code] = std::from_chars(word.data(), end, asn);
    if (code == std::errc{} && stop == end) out.push_back(asn);
  }
  return out;
}

}  // namespace

std::string family_of(const Address& address) {
  return address.family == Address::Family::v4 ? "ipv4" : "ipv6";
}

Result<std::string> read_version(std::string_view text) {
  const auto words = split(text.substr(0, text.find('\n')), ' ');
  if (words.size() < 2 || words[0] != "FRRouting") return unexpected("show version", text);
  return printable(words[1]);
}

Result<std::optional<Neighbor>> read_neighbor(std::string_view text) {
  static constexpr auto kCommand = "show bgp neighbors json";
  const auto json = parsed(kCommand, text);
  if (!json) return tl::unexpected(json.error());
  if (at(*json, "bgpNoSuchNeighbor").is_boolean()) return std::nullopt;
  if (json->size() != 1) return unexpected(kCommand, text);
  const auto& peer = json->front();
  Neighbor out{.state = text_at(peer, "bgpState")};
  if (out.state.empty()) return unexpected(kCommand, text);
  if (const auto epoch = number_at(peer, "bgpTimerUpEstablishedEpoch"); epoch > 0 && out.up()) {
    out.since = format_utc(Time{seconds{std::min<std::int64_t>(epoch, 4'000'000'000)}});
  }
  const auto sent = number_at(at(peer, "messageStats"), "updatesSent");
  out.updates_sent = static_cast<std::uint64_t>(std::max<std::int64_t>(sent, 0));
  // "advertisedAndReceivedOldNew", "received", ...
  const auto refresh = text_at(at(peer, "neighborCapabilities"), "routeRefresh");
  out.refreshes = refresh.find("eceived") != std::string::npos;
  for (const auto& [family, key] :
       {std::pair{"ipv4", "ipv4Unicast"}, std::pair{"ipv6", "ipv6Unicast"}}) {
    const auto& channel = at(at(peer, "addressFamilyInfo"), key);
    if (!channel.is_object()) continue;
    // soft-reconfiguration inbound
    out.refreshes = out.refreshes || at(channel, "inboundSoftConfigPermit") == true;
    out.channels[family] = {.map_out = text_at(channel, "routeMapForOutgoingAdvertisements"),
                            .exported = number_at(channel, "sentPrefixCounter")};
  }
  return out;
}

Result<std::vector<Export>> read_advertised(std::string_view text) {
  static constexpr auto kCommand = "show bgp neighbors advertised-routes json";
  const auto json = parsed(kCommand, text);
  if (!json) return tl::unexpected(json.error());
  std::vector<Export> out;
  if (at(*json, "warning").is_string()) return out;
  const auto& routes = at(*json, "advertisedRoutes");
  if (!routes.is_object()) return unexpected(kCommand, text);
  for (const auto& [key, route] : routes.items()) {
    const auto prefix = Prefix::parse(key);
    if (!prefix) return unexpected(kCommand, key);
    out.push_back({.prefix = *prefix, .as_path = path_in(text_at(route, "path"))});
  }
  std::ranges::sort(out);
  return out;
}

Result<bool> read_usable(std::string_view text) {
  static constexpr auto kCommand = "show bgp unicast json";
  const auto json = parsed(kCommand, text);
  if (!json) return tl::unexpected(json.error());
  const auto& paths = at(*json, "paths");
  if (!paths.is_array()) return unexpected(kCommand, text);
  return std::ranges::any_of(paths, [](const Json& path) { return at(path, "valid") == true; });
}

Result<std::vector<Roa>> read_roas(std::string_view text) {
  static constexpr auto kCommand = "show rpki prefix json";
  const auto json = parsed(kCommand, text);
  if (!json) return tl::unexpected(json.error());
  const auto& records = at(*json, "prefixes");
  if (!records.is_array()) return unexpected(kCommand, text);
  std::vector<Roa> out;
  for (const auto& record : records) {
    const auto address = Address::parse(text_at(record, "prefix"));
    const auto& asn = at(record, "asn");
    if (!address || !asn.is_number_unsigned()) return unexpected(kCommand, record.dump());
    const auto length = std::clamp<std::int64_t>(number_at(record, "prefixLenMin"), 0, 128);
    const auto most = std::clamp<std::int64_t>(number_at(record, "prefixLenMax"), 0, 128);
    const Roa roa{.prefix = {.address = *address, .length = static_cast<int>(length)},
                  .max_length = static_cast<int>(most),
                  .asn = static_cast<Asn>(asn.get<std::uint64_t>())};
    if (!is_whole(roa) || asn != roa.asn) return unexpected(kCommand, record.dump());
    out.push_back(roa);
  }
  return out;
}

std::vector<std::string> communities_for(const Objects& objects, const std::string& map,
                                         const Prefix& prefix) {
  const auto entries = objects.maps.find(map);
  if (entries == objects.maps.end()) return {};
  const auto list = render::frr_list_name(prefix);
  for (const auto& [sequence, entry] : entries->second) {
    const bool matches = std::ranges::any_of(entry.lines, [&](const auto& line) {
      return line.starts_with("match ip") && line.ends_with(" prefix-list " + list);
    });
    if (!matches) continue;
    std::vector<std::string> out;
    for (const auto& line : entry.lines) {
      const bool standard = line.starts_with("set community ");
      if (!standard && !line.starts_with("set large-community ")) continue;
      const auto words = split(line, ' ');
      out.insert(out.end(), words.begin() + 2, words.end());
    }
    std::erase(out, "additive");
    std::ranges::sort(out);
    return out;
  }
  return {};
}

}  // namespace anycast::frr
