#include "adapters/bird/readout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "controller/base/number.hpp"
#include "controller/base/text.hpp"

namespace anycast::bird {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c != ' ' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

/// The rest of the line behind "label", trimmed, if the line begins with it.
std::optional<std::string> behind(std::string_view line, std::string_view label) {
  line = trim(line);
  if (!line.starts_with(label)) return std::nullopt;
  return std::string{trim(line.substr(label.size()))};
}

std::vector<Asn> numbers_in(std::string_view text) {
  std::vector<Asn> numbers;
  for (std::size_t at = 0; at < text.size();) {
    const auto start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (const auto value = parse_number<Asn>(text.substr(start, at - start)))
      numbers.push_back(*value);
    if (at == start) ++at;
  }
  return numbers;
}

/// "(65535,0) (64500, 1, 2)" as "65535:0", "64500:1:2".
void add_communities(std::string_view text, std::vector<std::string>& out) {
  for (auto open = text.find('('); open != std::string_view::npos; open = text.find('(', open)) {
    const auto close = text.find(')', open);
    if (close == std::string_view::npos) return;
    std::vector<std::string> parts;
    for (const auto n : numbers_in(text.substr(open, close - open))) {
      parts.push_back(std::to_string(n));
    }
    if (!parts.empty()) out.push_back(join(parts, ":"));
    open = close;
  }
}

/// "2026-06-01 12:20:20[.123]" as if it were UTC; a time without a fraction is its latest possible
/// meaning.
std::optional<Time> as_utc(std::string_view text) {
  if (text.size() < 19 || text[10] != ' ') return std::nullopt;
  std::string form{text};
  form[10] = 'T';
  if (form.size() == 19) form += ".999";
  return parse_utc(form + "Z");
}

/// The same text read in this process's time zone, which knows when summer time begins.
std::optional<Time> as_local(Time naive) {
  const auto whole = std::chrono::floor<seconds>(naive);
  const std::time_t stamp = whole.time_since_epoch().count();
  std::tm parts{};
  if (::gmtime_r(&stamp, &parts) == nullptr) return std::nullopt;
  parts.tm_isdst = -1;
  const auto local = std::mktime(&parts);
  if (local == -1) return std::nullopt;
  return Time{seconds{local}} + (naive - whole);
}

}  // namespace

Error unexpected(std::string_view command, const Reply& reply) {
  const auto last = reply.lines.empty() ? ReplyLine{0, ""} : reply.lines.back();
  return {.remedy = last.code == 8007 ? Remedy::look_at_host : Remedy::look_at_peer,
          .text = fmt::format("bird answers '{:04} {}' to '{}'", last.code,
                              clip(printable(last.text), 120), command)};
}

Error configuration_error(const Reply& reply) {
  const std::string_view text = reply.lines.empty() ? std::string_view{} : reply.lines.back().text;
  // "file:line:column what"; the file may hold colons and blanks, so from the first ":n:n ".
  for (auto colon = text.find(':'); colon != std::string_view::npos;
       colon = text.find(':', colon + 1)) {
    const auto second = text.find(':', colon + 1);
    const auto blank = second == std::string_view::npos ? second : text.find(' ', second);
    if (blank == std::string_view::npos) break;
    const auto line = parse_number<int>(text.substr(colon + 1, second - colon - 1));
    const auto column = parse_number<int>(text.substr(second + 1, blank - second - 1));
    if (!line || !column) continue;
    return {.remedy = Remedy::fix_text,
            .text = "bird refuses: " + printable(text.substr(blank + 1)),
            .place = {std::string{text.substr(0, colon)}, *line, *column}};
  }
  return {.remedy = Remedy::fix_text, .text = "bird refuses: " + printable(text)};
}

Result<Status> read_status(const Reply& reply) {
  Status status;
  if (reply.code() != 13) return tl::unexpected(unexpected("show status", reply));
  for (const auto& line : reply.lines) {
    if (const auto v = behind(line.text, "BIRD ")) status.version = *v;
    if (const auto v = behind(line.text, "Current server time is ")) status.server_time = *v;
    if (const auto v = behind(line.text, "Last reconfiguration on ")) status.reconfigured = *v;
  }
  return status;
}

std::optional<Time> reconfigured_at(const Status& status, Time now) {
  const auto server = as_utc(status.server_time);
  const auto naive = as_utc(status.reconfigured);
  if (!server || !naive) return std::nullopt;
  if (const auto here = as_local(*server); here && std::chrono::abs(*here - now) < minutes{1}) {
    return as_local(*naive);
  }
  const auto quarters = std::round(to_seconds(*server - now) / 900.0);
  return *naive - minutes{15} * static_cast<std::int64_t>(quarters);
}

Result<std::optional<Protocol>> read_protocol(const Reply& reply) {
  if (reply.code() == 8003) return std::nullopt;
  if (reply.code() != 0) return tl::unexpected(unexpected("show protocols all", reply));
  Protocol out;
  Channel* channel = nullptr;
  bool neighbor = false;
  int rows = 0;
  for (const auto& line : reply.lines) {
    if (line.code == 1002) {
      const auto words = words_of(line.text);
      if (words.size() < 5 || ++rows > 1) {
        return tl::unexpected(unexpected("show protocols all", reply));
      }
      out.state = words[3];
      out.since = words[4];
      const bool date_and_time =
          words.size() > 5 && is_digit(words[5].front()) && words[5].find(':') != std::string::npos;
      if (date_and_time) out.since += " " + words[5];
    }
    if (line.code != 1006) continue;
    if (const auto v = behind(line.text, "BGP state:")) out.state = *v;
    if (trim(line.text).ends_with(" capabilities"))
      neighbor = trim(line.text).starts_with("Neighbor");
    if (neighbor && trim(line.text) == "Route refresh") out.refreshes = true;
    if (const auto v = behind(line.text, "Channel ")) channel = &out.channels[*v];
    if (channel == nullptr) continue;
    if (const auto v = behind(line.text, "State:")) channel->up = *v == "UP";
    if (const auto v = behind(line.text, "Output filter:")) channel->output_filter = *v;
    if (const auto v = behind(line.text, "Routes:")) {
      for (const auto& part : split(*v, ',')) {
        const auto words = words_of(part);
        if (words.size() == 2 && words[1] == "exported") {
          channel->exported = parse_number<std::int64_t>(words[0]).value_or(0);
        }
      }
    }
  }
  if (rows == 0) return tl::unexpected(unexpected("show protocols all", reply));
  return out;
}

Result<std::vector<Export>> read_routes(const Reply& reply) {
  std::vector<Export> routes;
  // 8001: no table has the prefix at all, as after `disable` of our static protocol.
  if (reply.code() == 8001) return routes;
  if (reply.code() != 0) return tl::unexpected(unexpected("show route", reply));
  for (const auto& line : reply.lines) {
    const auto words = words_of(line.text);
    if (line.code == 1007 && !words.empty() && words[0] != "Table") {
      const auto prefix = Prefix::parse(words[0]);
      if (prefix) routes.push_back({.prefix = *prefix});
      // A line without a prefix is another route of the same one, as "via" lines are more next
      // hops.
      const bool another = !prefix && words.size() > 1 && words[1].starts_with('[');
      if (another && !routes.empty()) routes.push_back({.prefix = routes.back().prefix});
    }
    if (line.code != 1012) continue;
    if (routes.empty()) return tl::unexpected(unexpected("show route", reply));
    for (const auto* label : {"BGP.as_path:", "bgp_path:"}) {
      if (const auto v = behind(line.text, label)) routes.back().as_path = numbers_in(*v);
    }
    for (const auto* label :
         {"BGP.community:", "bgp_community:", "BGP.large_community:", "bgp_large_community:"}) {
      if (const auto v = behind(line.text, label)) add_communities(*v, routes.back().communities);
    }
  }
  for (auto& route : routes) std::ranges::sort(route.communities);
  std::ranges::sort(routes);
  return routes;
}

Result<std::optional<std::uint32_t>> read_revision(const Reply& reply) {
  if (reply.code() == 9001) return std::nullopt;
  const auto text = reply.code() == 23 ? reply.text(23) : std::nullopt;
  const auto value = text ? parse_number<std::uint32_t>(trim(*text)) : std::nullopt;
  if (!value) return tl::unexpected(unexpected("eval ANYCASTD_REVISION", reply));
  return value;
}

Result<bool> read_unconfirmed(const Reply& reply) {
  if (reply.code() != 0) return tl::unexpected(unexpected("configure status", reply));
  return reply.has(22);
}

}  // namespace anycast::bird
