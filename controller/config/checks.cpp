#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>

#include "controller/base/number.hpp"
#include "controller/base/text.hpp"
#include "controller/config/scalars.hpp"

namespace anycast::config {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c); }

bool is_ident(std::string_view text) {
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, is_word);
}

std::optional<int> port(std::string_view text) {
  const auto value = parse_number<int>(text);
  return value && *value >= 1 && *value <= 65535 ? value : std::nullopt;
}

struct HostPort {
  std::string_view host;
  std::optional<std::string_view> port;
  bool bracketed;
};

std::optional<HostPort> host_port(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const auto rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    HostPort out{text.substr(1, close - 1), std::nullopt, true};
    if (!rest.empty()) out.port = rest.substr(1);
    return out;
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return HostPort{text, std::nullopt, false};
  return HostPort{text.substr(0, colon), text.substr(colon + 1), false};
}

std::string_view url_authority(std::string_view url) {
  const auto from = url.find("://");
  if (from == std::string_view::npos) return {};
  const auto rest = url.substr(from + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

/// Takes one matcher (`label="value"`) off the front; false where there is none.
bool take_matcher(std::string_view& text) {
  const auto label = std::ranges::find_if_not(text, is_word) - text.begin();
  if (!is_ident(text.substr(0, static_cast<std::size_t>(label)))) return false;
  text = trim(text.substr(static_cast<std::size_t>(label)));
  const bool two = text.starts_with("=~") || text.starts_with("!~") || text.starts_with("!=");
  if (!two && !text.starts_with('=')) return false;
  text = trim(text.substr(two ? 2 : 1));
  if (text.empty() || (text.front() != '"' && text.front() != '\'')) return false;
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      text = trim(text.substr(i + 1));
      return true;
    }
  }
  return false;
}

/// Takes "{...}" off the front.
bool take_matchers(std::string_view& text) {
  text = trim(text.substr(1));
  while (!text.starts_with('}')) {
    if (!take_matcher(text)) return false;
    if (text.starts_with(',')) {
      text = trim(text.substr(1));
    } else if (!text.starts_with('}')) {
      return false;
    }
  }
  text = trim(text.substr(1));
  return true;
}

Wrong no_selector(const std::string& value, std::string hint) {
  return {
      "selector", fmt::format("'{}' is not an instant vector selector", value), {std::move(hint)}};
}

}  // namespace

std::optional<Wrong> check_any(const std::string& value) {
  if (value.empty())
    return Wrong{"type", "an empty text", {"take the key out, or give it a value"}};
  const bool control = std::ranges::any_of(
      value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (control) return Wrong{"type", "control characters in a text"};
  if (value.size() > 1000) return Wrong{"type", "a text of more than 1,000 bytes"};
  return std::nullopt;
}

std::optional<Wrong> check_name(const std::string& value) {
  if (is_name(value)) return std::nullopt;
  return Wrong{
      "names",
      fmt::format("'{}' cannot be a name", value),
      {"a letter or '_' first, then letters, digits, '_' and '-', at most 32: it becomes a "
       "label and a name in the router's configuration"}};
}

std::optional<Wrong> check_ident(const std::string& value) {
  if (is_ident(value) && value.size() <= 64) return std::nullopt;
  return Wrong{"names",
               fmt::format("'{}' cannot be the name of a protocol", value),
               {"a letter or '_' first, then letters, digits and '_'"}};
}

std::optional<Wrong> check_label(const std::string& value) {
  if (is_ident(value)) return std::nullopt;
  return Wrong{"names",
               fmt::format("'{}' cannot be a Prometheus label", value),
               {"a letter or '_' first, then letters, digits and '_'"}};
}

std::optional<Wrong> check_prefix(const std::string& value) {
  const auto prefix = Prefix::parse(value);
  if (!prefix) {
    return Wrong{"prefix",
                 fmt::format("'{}' is not an IPv4 or IPv6 prefix", value),
                 {"write it as 203.0.113.0/24 or 2001:db8::/48"}};
  }
  if (prefix->is_network()) return std::nullopt;
  return Wrong{"prefix",
               fmt::format("host bits are set; the network is {}", to_string(prefix->network())),
               {"we announce exactly what is written here, so we do not mask it silently"}};
}

std::optional<Wrong> check_url(const std::string& value) {
  const Wrong bad{"url",
                  fmt::format("'{}' is not a URL of a Prometheus server", value),
                  {"write https://prom-a.example.net:9090, with a path if it has one"}};
  const auto authority = url_authority(value);
  if (authority.find('@') != std::string_view::npos) {
    return Wrong{"secret",
                 "a user or a password in a URL",
                 {"use prometheus.basic: {username: NAME, password_file: PATH}"}};
  }
  if (!value.starts_with("http://") && !value.starts_with("https://")) return bad;
  const auto parts = host_port(authority);
  const bool clean = std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7F; });
  if (!clean || !parts || parts->host.empty()) return bad;
  if (value.find_first_of("?#") != std::string::npos) return bad;
  if (parts->bracketed && !Address::parse(parts->host)) return bad;
  if (parts->port && !port(*parts->port)) {
    return Wrong{"port",
                 fmt::format("'{}' is not a port", *parts->port),
                 {"expected a number from 1 to 65535"}};
  }
  return std::nullopt;
}

std::string url_host(std::string_view url) {
  const auto parts = host_port(url_authority(url));
  return parts ? std::string{parts->host} : std::string{};
}

std::optional<Wrong> check_listen(const std::string& value) {
  const auto parts = host_port(value);
  const bool is_address = parts && Address::parse(parts->host) &&
                          parts->bracketed == (parts->host.find(':') != std::string_view::npos);
  if (!is_address || !parts->port) {
    return Wrong{"listen",
                 fmt::format("'{}' is not an address and a port", value),
                 {"write 127.0.0.1:9477 or \"[::1]:9477\""}};
  }
  if (port(*parts->port)) return std::nullopt;
  return Wrong{"port",
               fmt::format("'{}' is not a port", *parts->port),
               {"expected a number from 1 to 65535"}};
}

std::optional<Wrong> check_selector(const std::string& value) {
  auto rest = trim(value);
  const auto name_char = [](char c) { return is_word(c) || c == ':'; };
  const auto end =
      static_cast<std::size_t>(std::ranges::find_if_not(rest, name_char) - rest.begin());
  if (end == 0 || is_digit(rest.front())) {
    return no_selector(value, "begin with the metric's name, as in probe_success{job=\"icmp\"}");
  }
  rest = trim(rest.substr(end));
  if (rest.starts_with('(')) {
    return no_selector(value, "no functions: the statistics are made here, from the raw samples");
  }
  if (rest.starts_with('{') && !take_matchers(rest)) {
    return no_selector(value, "matchers are written {job=\"icmp\",phase=\"rtt\"}");
  }
  if (rest.starts_with('[')) {
    return no_selector(value, "no range: its length is evidence.window");
  }
  if (!rest.empty()) return no_selector(value, "nothing may follow the metric and its matchers");
  return std::nullopt;
}

std::optional<Wrong> check_zone(const std::string& value) {
  try {
    (void)date::locate_zone(value);
    return std::nullopt;
  } catch (const std::exception&) {
  }
  std::string hint = "a name of the time zone database, as Asia/Shanghai";
  try {
    std::vector<std::string> names;
    for (const auto& zone : date::get_tzdb().zones) names.push_back(zone.name());
    const auto close = nearest(value, names);
    if (!close.empty()) hint = fmt::format("did you mean '{}'?", close);
  } catch (const std::exception&) {
    hint = "this host has no time zone database (package tzdata)";
  }
  return Wrong{"window-zone", fmt::format("unknown time zone '{}'", value), {hint}};
}

}  // namespace anycast::config
