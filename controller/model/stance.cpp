#include "controller/model/stance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "controller/base/number.hpp"
#include "controller/base/text.hpp"

namespace anycast {
namespace {

constexpr std::array kVerbs = {Verb::prepend_to, Verb::local_pref, Verb::no_export_to};

std::optional<int> times(std::string_view text) {
  const auto count = parse_number<int>(text);
  return count && *count >= 1 && *count <= 10 ? count : std::nullopt;
}

std::string with_asks(std::string text, const Stance& stance) {
  for (const auto& [carrier, ask] : stance.asks)
    text += fmt::format(", {}: {}", carrier, to_string(ask));
  return text;
}

std::optional<Stance> parse_kind(std::string_view text) {
  if (text == "announce" || text == "announced") return Stance{};
  if (text == "drain" || text == "drained") return Stance{.kind = Stance::Kind::drain};
  if (text == "withdraw" || text == "withdrawn") return Stance{.kind = Stance::Kind::withdraw};
  constexpr std::string_view kPrepend = "prepend=";
  if (!text.starts_with(kPrepend)) return std::nullopt;
  const auto count = times(text.substr(kPrepend.size()));
  if (!count) return std::nullopt;
  return Stance{.kind = Stance::Kind::prepend, .prepend = *count};
}

/// "prepend_to:2", "no_export_to".
std::optional<Ask> parse_ask(std::string_view text) {
  const auto colon = text.find(':');
  const auto verb = parse_verb(text.substr(0, colon));
  if (!verb || (*verb == Verb::prepend_to) != (colon != std::string_view::npos))
    return std::nullopt;
  if (*verb != Verb::prepend_to) return Ask{.verb = *verb};
  const auto count = times(text.substr(colon + 1));
  if (!count) return std::nullopt;
  return Ask{.verb = *verb, .count = *count};
}

/// So many prepends as a handicap.
int prepends(int count) {
  constexpr int kFull = 4;
  constexpr int kMost = 49;
  return std::min(10 * std::min(count, kFull) + std::max(count - kFull, 0), kMost);
}

}  // namespace

std::string to_string(Verb verb) {
  switch (verb) {
    case Verb::prepend_to: return "prepend_to";
    case Verb::local_pref: return "local_pref";
    case Verb::no_export_to: return "no_export_to";
  }
  return "?";
}

std::optional<Verb> parse_verb(std::string_view text) {
  const auto* found =
      std::ranges::find(kVerbs, text, [](Verb verb) -> std::string { return to_string(verb); });
  return found == kVerbs.end() ? std::nullopt : std::optional{*found};
}

std::string to_string(const Ask& ask) {
  return ask.verb == Verb::prepend_to ? fmt::format("{} {}", to_string(ask.verb), ask.count)
                                      : to_string(ask.verb);
}

std::string to_string(const Stance& stance) {
  switch (stance.kind) {
    case Stance::Kind::announce: return with_asks("announce", stance);
    case Stance::Kind::prepend: return with_asks(fmt::format("prepend {}", stance.prepend), stance);
    case Stance::Kind::drain: return with_asks("drain", stance);
    case Stance::Kind::withdraw: return "withdraw";
  }
  return "?";
}

std::string state_word(const Stance& stance) {
  switch (stance.kind) {
    case Stance::Kind::announce: return with_asks("announced", stance);
    case Stance::Kind::prepend:
      return with_asks(fmt::format("prepended {}", stance.prepend), stance);
    case Stance::Kind::drain: return with_asks("drained", stance);
    case Stance::Kind::withdraw: return "withdrawn";
  }
  return "?";
}

std::string encode(const Stance& stance) {
  auto text = stance.kind == Stance::Kind::prepend ? fmt::format("prepend={}", stance.prepend)
                                                   : to_string(Stance{.kind = stance.kind});
  for (const auto& [carrier, ask] : stance.asks) {
    text += fmt::format(";{}={}", carrier, to_string(ask.verb));
    if (ask.verb == Verb::prepend_to) text += fmt::format(":{}", ask.count);
  }
  return text;
}

std::optional<Stance> parse_stance(std::string_view text) {
  const auto parts = split(text, ';');
  auto out = parse_kind(parts.front());
  if (!out || (parts.size() > 1 && !out->announces())) return std::nullopt;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string_view part = parts[i];
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || !is_name(part.substr(0, equals))) return std::nullopt;
    const auto ask = parse_ask(part.substr(equals + 1));
    if (!ask || !out->asks.emplace(part.substr(0, equals), *ask).second) return std::nullopt;
  }
  return out;
}

int handicap(const Stance& stance, const std::string& carrier) {
  if (stance.kind == Stance::Kind::withdraw) return 100;
  int worst = stance.kind == Stance::Kind::drain ? 60 : 0;
  int count = stance.prepend;
  if (const auto ask = stance.asks.find(carrier); ask != stance.asks.end()) {
    switch (ask->second.verb) {
      case Verb::prepend_to: count += ask->second.count; break;
      case Verb::local_pref: worst = std::max(worst, 50); break;
      case Verb::no_export_to: worst = std::max(worst, 70); break;
    }
  }
  return std::max(worst, prepends(count));
}

}  // namespace anycast
