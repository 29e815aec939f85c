#include "controller/model/health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "controller/base/number.hpp"
#include "controller/base/text.hpp"

namespace anycast {
namespace {

/// So many tries may be missing before a verdict is no longer one.
constexpr int kMissing = 5;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto port = parse_number<std::uint16_t>(text);
  return port && text.front() != '0' ? port : std::nullopt;
}

}  // namespace

std::optional<ServerKey> parse_server(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
  auto host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = Address::parse(host);
  const auto port = parse_port(text.substr(colon + 1));
  if (!address || !port || brackets != (address->family == Address::Family::v6))
    return std::nullopt;
  return ServerKey{*address, *port};
}

std::string to_string(Check::Kind kind) {
  switch (kind) {
    case Check::Kind::tcp: return "tcp";
    case Check::Kind::http: return "http";
    case Check::Kind::https: return "https";
  }
  return "?";
}

std::string to_string(Alive alive) {
  switch (alive) {
    case Alive::unknown: return "unknown";
    case Alive::up: return "up";
    case Alive::down: return "down";
  }
  return "?";
}

std::string to_string(Level level) {
  switch (level) {
    case Level::unknown: return "unknown";
    case Level::up: return "up";
    case Level::low: return "low";
    case Level::down: return "down";
  }
  return "?";
}

RealState after(const Check& check, RealState state, const Answer& answer, Time at) {
  if (answer.kind == Answer::Kind::late) {
    if (!answer.why.empty()) state.why = answer.why;
    return state;
  }
  const bool good = answer.kind == Answer::Kind::good;
  ++state.tries;
  state.heard = at;
  state.took = answer.took;
  state.why = good ? std::string{} : answer.why;
  if (!good) ++state.failures;
  const auto said = good ? Alive::up : Alive::down;
  if (state.alive == said) {
    state.streak = 0;
    return state;
  }
  const bool turned = good ? state.streak < 0 : state.streak > 0;
  state.streak = (turned ? 0 : state.streak) + (good ? 1 : -1);
  if (std::abs(state.streak) < (good ? check.rise : check.fall)) return state;
  state.alive = said;
  state.since = at;
  state.streak = 0;
  return state;
}

Duration pace(const Check& check, const RealState& state) {
  const bool settled = state.alive != Alive::unknown && state.streak == 0;
  return settled ? check.interval : std::min(check.interval, check.fast_interval);
}

Duration first_wait(std::string_view service, const ServerKey& endpoint, Duration interval) {
  // Neighbouring addresses differ in their last bits only, which FNV alone spreads badly.
  const auto low = hash32(fmt::format("{} {}", to_string(endpoint), service));
  const auto mixed = (std::uint64_t{low} * 0x9E37'79B9'7F4A'7C15U) >> 32U;
  return Duration{static_cast<std::int64_t>(mixed % static_cast<std::uint64_t>(interval.count()))};
}

bool stale(const Check& check, const RealState& state, Time now) {
  return now - state.heard > kMissing * (check.interval + check.timeout);
}

}  // namespace anycast
