#include "adapters/http/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "controller/base/net.hpp"
#include "controller/base/text.hpp"

namespace anycast {
namespace {

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_loopback(const Address& address) {
  if (address.family == Address::Family::v4) return address.bytes[0] == 127;
  return address == Address::parse("::1");
}

bool is_wildcard(const Address& address) {
  return std::ranges::all_of(address.bytes, [](auto byte) { return byte == 0; });
}

// Browsers send scheme, host and port; only our own page on our own address is at home here.
bool same_host(std::string_view origin, std::string_view host) {
  return lower(origin) == "http://" + lower(host);
}

std::string quote(std::string_view text) { return "'" + clip(printable(text), 80) + "'"; }

}  // namespace

std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return lower(authority);
    return lower(authority.substr(1, end - 1));
  }
  const auto colon = authority.find(':');
  // More than one colon and no brackets is an IPv6 address without a port.
  if (colon != std::string_view::npos && authority.find(':', colon + 1) == std::string_view::npos)
    authority = authority.substr(0, colon);
  return lower(authority);
}

std::vector<std::string> names_of(const std::string& host, std::string_view hosts_file) {
  std::vector<std::string> out = {host, host.substr(0, host.find('.'))};
  for (const auto& line : split(hosts_file, '\n')) {
    std::istringstream words{line.substr(0, line.find('#'))};
    std::string word;
    words >> word;  // the address
    std::vector<std::string> names;
    while (words >> word) names.push_back(word);
    const bool ours = std::ranges::any_of(names, [&](const auto& name) {
      return lower(name) == lower(out[0]) || lower(name) == lower(out[1]);
    });
    if (ours) out.insert(out.end(), names.begin(), names.end());
  }
  return out;
}

bool Gate::knows(std::string_view host) const {
  const auto name = host_of(host);
  if (name == "localhost" || name == host_of(listen_host)) return true;
  if (std::ranges::any_of(hosts, [&](const auto& known) { return lower(known) == name; }))
    return true;
  const auto address = Address::parse(name);
  if (!address) return false;
  const auto ours = Address::parse(listen_host);
  return is_loopback(*address) || (ours && (*ours == *address || is_wildcard(*ours)));
}

Rejection Gate::too_large() const {
  return {413, fmt::format("the body is too large, expected at most {} bytes", max_body)};
}

std::optional<Rejection> Gate::refuses(const RequestHead& head) const {
  const bool reads = head.method == "GET" || head.method == "HEAD";
  if (!head.local && !head.host)
    return Rejection{403, "no Host header, expected this node's address"};
  if (!head.local && !knows(*head.host)) {
    return Rejection{
        403, fmt::format("{} is not this node, expected as Host localhost, the address that "
                         "anycastd listens on, or a name that /etc/hosts has for it",
                         quote(*head.host))};
  }
  if (head.origin && !same_host(*head.origin, head.host.value_or(""))) {
    return Rejection{403, fmt::format("the page {} may not ask this node", quote(*head.origin))};
  }
  if (!head.local && !reads) {
    return Rejection{403,
                     fmt::format("{} is taken on the control socket only, expected GET or HEAD",
                                 quote(head.method))};
  }
  if (!head.has_body()) return std::nullopt;
  if (head.method != "POST") {
    return Rejection{
        400, fmt::format("{} with a body, expected one with POST only", quote(head.method))};
  }
  if (head.content_length.value_or(0) > max_body) return too_large();
  return std::nullopt;
}

}  // namespace anycast
