#include "controller/config/table_services.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/config/scalars.hpp"
#include "controller/config/table_parts.hpp"

namespace anycast::config {
namespace {

constexpr auto* kEndpointPattern = R"(^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$)";
constexpr auto* kPathPattern = "^/[!-~]*$";
constexpr auto* kHostPattern = "^[A-Za-z0-9.-]{1,253}$";

bool visible(const std::string& value) {
  return std::ranges::all_of(value, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::optional<Wrong> check_path(const std::string& value) {
  if (value.starts_with('/') && visible(value)) return std::nullopt;
  return Wrong{"path",
               fmt::format("'{}' is not a path", printable(value)),
               {"write what stands in the request: /healthz or /status?brief=1"}};
}

std::optional<Wrong> check_host(const std::string& value) {
  const bool known = std::ranges::all_of(value, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-';
  });
  if (known && !value.empty() && value.size() <= 253) return std::nullopt;
  return Wrong{"host",
               fmt::format("'{}' is not the name of a host", printable(value)),
               {"write the name alone: www.example.net"}};
}

std::optional<Wrong> check_body(const std::string& value) {
  if (!value.empty() && value.size() <= 200 && printable(value) == value) return std::nullopt;
  return Wrong{"range", "a text to look for has 1 to 200 bytes in one line"};
}

Scalar endpoint(ServerKey& target) {
  return {.shape = {.pattern = kEndpointPattern},
          .read = [&target](const std::string& value) -> std::optional<Wrong> {
            const auto read = parse_server(value);
            if (read) {
              target = *read;
              return std::nullopt;
            }
            const auto alone = Address::parse(value);
            return Wrong{"address",
                         fmt::format("'{}' is not an address with a port", value),
                         {alone ? "write " + to_string(ServerKey{*alone, 80})
                                : std::string{"write 192.0.2.11:80 or [2001:db8::11]:80"}}};
          },
          .write = [&target]() -> std::optional<std::string> { return to_string(target); }};
}

Table real(Service::Real& r) {
  return {{{"address", "where it listens, with the port", {endpoint(r.endpoint)}, kRequired},
           {"weight",
            "its share of the service; 0: does not count, is still asked",
            {count(r.weight, 0, 65'535)}}}};
}

Table lvs(Lvs& l) {
  const auto set_protocol = [&l](int i) { l.protocol = static_cast<Protocol>(i); };
  const auto protocol = [&l] { return static_cast<int>(l.protocol); };
  const auto set_owner = [&l](int i) { l.owner = static_cast<Lvs::Owner>(i); };
  const auto owner = [&l] { return static_cast<int>(l.owner); };
  const auto set_forwarding = [&l](int i) { l.forwarding = static_cast<Forwarding>(i); };
  const auto forwarding = [&l] { return static_cast<int>(l.forwarding); };
  return {{{"address",
            "where users reach it, one of the prefixes' vips with a port",
            {endpoint(l.address)},
            kRequired},
           {"protocol", "of the users", {choice(set_protocol, protocol, {"tcp", "udp", "sctp"})}},
           {"scheduler",
            "which real server gets the next connection",
            {word(l.scheduler, {"rr", "wrr", "lc", "wlc", "sh", "dh", "mh"})}},
           {"forwarding",
            "how a packet gets to a real server",
            {choice(set_forwarding, forwarding, {"nat", "dr", "tunnel"})}},
           {"persistent",
            "a client stays on its real server for so long; 0s: it need not",
            {duration(l.persistent, seconds{0}, hours{24})}},
           {"owner",
            "who keeps it; of keepalived's it is only read what it is",
            {choice(set_owner, owner, {"anycastd", "keepalived"})}}}};
}

Table check(anycast::Check& c) {
  const auto set = [&c](int i) { c.kind = static_cast<anycast::Check::Kind>(i); };
  const auto get = [&c] { return static_cast<int>(c.kind); };
  return {
      {{"kind", "what has to work", {choice(set, get, {"tcp", "http", "https"})}},
       {"interval",
        "between two tries of one real server",
        {duration(c.interval, milliseconds{100}, hours{1})}},
       {"fast_interval",
        "the same while its verdict is unknown or about to change",
        {duration(c.fast_interval, milliseconds{20}, hours{1})}},
       {"timeout", "for a whole try", {duration(c.timeout, milliseconds{10}, minutes{1})}},
       {"rise", "good tries in a row until it counts as up", {count(c.rise, 1, 100)}},
       {"fall", "failed tries in a row until it counts as down", {count(c.fall, 1, 100)}},
       {"source", "our address of the connection", {optional_address(c.source)}},
       {"path", "what is asked for, with http and https", {text(c.path, check_path, kPathPattern)}},
       {"host",
        "name in the Host header and in TLS; default: the real server's address",
        {text(c.host, check_host, kHostPattern)}},
       {"status", "answers that are good",
        list(c.status, [](int& status) { return count(status, 100, 599); })},
       {"body", "has to be in the first 64 KiB of the answer", {text(c.body, check_body)}},
       {"redirects", "followed, to the same address and port only", {count(c.redirects, 0, 10)}},
       {"ca_file",
        "certificates that the real server's one is checked against",
        {text(c.ca_file, check_any)}},
       {"verify", "whether the certificate is checked", {flag(c.verify)}}}};
}

}  // namespace

Table service(Service& s) {
  return {{{"check", "how a real server is asked whether it serves", {check(s.check)}},
           {"servers", "its real servers", list(s.servers, real), kRequired},
           {"high", "so much of it, by weight, has to be up before it comes up", {share(s.high)}},
           {"low", "with less the node turns less attractive", {share(s.low)}},
           {"lvs", "virtual services in this host's kernel in front of the real servers",
            list(s.lvs, lvs)}}};
}

}  // namespace anycast::config
