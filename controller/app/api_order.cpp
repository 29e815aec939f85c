#include "controller/app/api_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "controller/base/text.hpp"

namespace anycast {
namespace {

using Kind = Order::Kind;

constexpr std::size_t kLongestReason = 500;     // bytes; it goes into every journal line about it
constexpr double kLongest = 366.0 * 24 * 3600;  // seconds: a longer pin is "until taken back"
constexpr double kShortestConfirm = 5;          // seconds: below, nobody can look and answer
constexpr double kLongestConfirm = 3600;

const std::vector<std::string> kMembers = {"kind",   "upstream", "stance",   "for_seconds",
                                           "reason", "now",      "decision", "confirm_seconds",
                                           "force",  "host"};

tl::unexpected<Error> wrong(std::string text) { return fail(Remedy::fix_value, std::move(text)); }

/// Members that a kind takes beside kind and reason.
std::vector<std::string> taken(Kind kind) {
  switch (kind) {
    case Kind::drain: return {"for_seconds", "now", "force"};
    case Kind::freeze: return {"for_seconds"};
    case Kind::pin: return {"upstream", "stance", "for_seconds", "force"};
    case Kind::unpin: return {"upstream", "force"};
    case Kind::apply: return {"confirm_seconds", "force"};
    case Kind::undo: return {"decision", "force"};
    case Kind::undrain: return {"force"};
    case Kind::blackhole: return {"host", "upstream", "for_seconds"};
    case Kind::unblackhole: return {"host", "upstream"};
    case Kind::unfreeze:
    case Kind::confirm: return {};
  }
  return {};
}

Result<Kind> read_kind(const nlohmann::json& body) {
  const auto found = body.find("kind");
  if (found == body.end() || !found->is_string()) return wrong("'kind' is missing or no string");
  const auto word = found->get<std::string>();
  const auto kind = parse_order_kind(word);
  if (kind) return *kind;
  return wrong(fmt::format(
      "unknown kind '{}', expected drain, undrain, pin, unpin, freeze, unfreeze, apply, confirm, "
      "undo, blackhole or unblackhole",
      printable(word)));
}

Result<void> check_members(const nlohmann::json& body, Kind kind) {
  const auto allowed = taken(kind);
  for (const auto& [name, unused] : body.items()) {
    if (name == "kind" || name == "reason") continue;
    if (std::ranges::find(kMembers, name) == kMembers.end()) {
      const auto close = nearest(name, kMembers);
      return wrong(fmt::format("unknown member '{}'{}", printable(name),
                               close.empty() ? "" : fmt::format("; did you mean '{}'?", close)));
    }
    if (std::ranges::find(allowed, name) == allowed.end())
      return wrong(fmt::format("'{}' does not go with '{}'", name, to_string(kind)));
  }
  return {};
}

Result<std::string> read_reason(const nlohmann::json& body) {
  const auto found = body.find("reason");
  if (found == body.end() || !found->is_string())
    return wrong("'reason' is missing or no string: say why, it goes into the history");
  const auto reason = std::string{trim(printable(found->get<std::string>()))};
  if (reason.empty()) return wrong("'reason' is empty: say why, it goes into the history");
  if (reason.size() > kLongestReason)
    return wrong(
        fmt::format("'reason' has {} bytes, at most {} are taken", reason.size(), kLongestReason));
  return reason;
}

Result<std::optional<Duration>> read_seconds(const nlohmann::json& body, const char* name,
                                             double least, double most) {
  const auto found = body.find(name);
  if (found == body.end()) return std::optional<Duration>{};
  if (!found->is_number()) return wrong(fmt::format("'{}' is not a number of seconds", name));
  const double value = found->get<double>();
  if (!(value >= least && value <= most))
    return wrong(fmt::format("'{}' is {}, expected {} to {} seconds", name, value, least, most));
  return std::optional<Duration>{Duration{std::llround(value * 1e6)}};
}

Result<std::string> read_upstream(const nlohmann::json& body, const Config& config) {
  const auto found = body.find("upstream");
  if (found == body.end() || !found->is_string())
    return wrong("'upstream' is missing or no string");
  const auto name = found->get<std::string>();
  std::vector<std::string> known;
  for (const auto& [upstream, unused] : config.me().sessions) known.push_back(upstream);
  if (std::ranges::find(known, name) != known.end()) return name;
  const auto close = nearest(name, known);
  const auto what = fmt::format("node '{}' has no upstream '{}'", config.self, printable(name));
  if (!close.empty()) return wrong(fmt::format("{}; did you mean '{}'?", what, close));
  return wrong(fmt::format("{}, it has {}", what, join(known, ", ")));
}

Result<Stance> read_stance(const nlohmann::json& body, const Config& config,
                           const std::string& upstream) {
  const auto found = body.find("stance");
  if (found == body.end() || !found->is_string()) return wrong("'stance' is missing or no string");
  const auto word = found->get<std::string>();
  const auto stance = parse_stance(word);
  if (!stance)
    return wrong(
        fmt::format("'{}' is no stance, expected announced, prepend=N, drained or "
                    "withdrawn, with communities as in announced;mobile=prepend_to:2",
                    printable(word)));
  const int most = config.upstreams.at(upstream).prepend_max;
  if (stance->prepend > most)
    return wrong(fmt::format("prepend {} is more than upstreams.{}.prepend_max, which is {}",
                             stance->prepend, upstream, most));
  const auto asked = communities_for(config.upstreams.at(upstream), *stance);
  if (!asked) return wrong(fmt::format("{}: {}", upstream, asked.error().text));
  return *stance;
}

/// An address, or a prefix of full length.
Result<Prefix> read_host(const nlohmann::json& body) {
  const auto found = body.find("host");
  if (found == body.end() || !found->is_string()) return wrong("'host' is missing or no string");
  const auto word = found->get<std::string>();
  if (const auto address = Address::parse(word)) return Prefix{*address, address->bits()};
  const auto prefix = Prefix::parse(word);
  if (prefix && prefix->length == prefix->address.bits()) return *prefix;
  return wrong(
      fmt::format("'{}' is no host, expected an address, a /32 or a /128", printable(word)));
}

Result<void> read_blackhole(const nlohmann::json& body, const Config& config, Order& order) {
  if (order.kind != Kind::blackhole && order.kind != Kind::unblackhole) return {};
  const auto upstream = read_upstream(body, config);
  if (!upstream) return tl::unexpected(upstream.error());
  order.upstream = *upstream;
  const auto host = read_host(body);
  if (!host) return tl::unexpected(host.error());
  order.host = *host;
  if (order.kind == Kind::blackhole && !body.contains("for_seconds"))
    return wrong("'for_seconds' is missing: it has to end");
  return {};
}

Result<void> read_pin(const nlohmann::json& body, const Config& config, Order& order) {
  if (order.kind != Kind::pin && order.kind != Kind::unpin) return {};
  const auto upstream = read_upstream(body, config);
  if (!upstream) return tl::unexpected(upstream.error());
  order.upstream = *upstream;
  if (order.kind == Kind::unpin) return {};
  const auto stance = read_stance(body, config, *upstream);
  if (!stance) return tl::unexpected(stance.error());
  order.stance = *stance;
  return {};
}

Result<void> read_rest(const nlohmann::json& body, Order& order) {
  const auto lasts = read_seconds(body, "for_seconds", 1, kLongest);
  if (!lasts) return tl::unexpected(lasts.error());
  order.lasts = *lasts;
  const auto confirm = read_seconds(body, "confirm_seconds", kShortestConfirm, kLongestConfirm);
  if (!confirm) return tl::unexpected(confirm.error());
  order.confirm = *confirm;
  for (const auto& [name, target] : {std::pair{"now", &order.now}, {"force", &order.force}}) {
    const auto found = body.find(name);
    if (found == body.end()) continue;
    if (!found->is_boolean()) return wrong(fmt::format("'{}' is neither true nor false", name));
    *target = found->get<bool>();
  }
  if (const auto id = body.find("decision"); id != body.end()) {
    if (!id->is_number_unsigned()) return wrong("'decision' is not a whole number");
    order.decision = id->get<std::uint64_t>();
  }
  return {};
}

}  // namespace

Result<Order> parse_order(std::string_view text, const Config& config) {
  const auto body = nlohmann::json::parse(text, nullptr, false);
  if (body.is_discarded() || !body.is_object())
    return fail(Remedy::fix_text, "the body is not a JSON object");
  const auto kind = read_kind(body);
  if (!kind) return tl::unexpected(kind.error());
  if (const auto known = check_members(body, *kind); !known) return tl::unexpected(known.error());
  Order order{.kind = *kind};
  const auto reason = read_reason(body);
  if (!reason) return tl::unexpected(reason.error());
  order.reason = *reason;
  if (const auto pin = read_pin(body, config, order); !pin) return tl::unexpected(pin.error());
  if (const auto read = read_blackhole(body, config, order); !read)
    return tl::unexpected(read.error());
  if (const auto rest = read_rest(body, order); !rest) return tl::unexpected(rest.error());
  return order;
}

}  // namespace anycast
