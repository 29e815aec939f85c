#include "controller/model/stance.hpp"

#include <fmt/format.h>

#include <charconv>

namespace anycast {

std::string to_string(const Stance& stance) {
  switch (stance.kind) {
    case Stance::Kind::announce: return "announce";
    case Stance::Kind::prepend: return fmt::format("prepend {}", stance.prepend);
    case Stance::Kind::drain: return "drain";
    case Stance::Kind::withdraw: return "withdraw";
  }
  return "?";
}

std::string state_word(const Stance& stance) {
  switch (stance.kind) {
    case Stance::Kind::announce: return "announced";
    case Stance::Kind::prepend: return fmt::format("prepended {}", stance.prepend);
    case Stance::Kind::drain: return "drained";
    case Stance::Kind::withdraw: return "withdrawn";
  }
  return "?";
}

std::string encode(const Stance& stance) {
  return stance.kind == Stance::Kind::prepend ? fmt::format("prepend={}", stance.prepend)
                                              : to_string(stance);
}

std::optional<Stance> parse_stance(std::string_view text) {
  if (text == "announce" || text == "announced") return Stance{};
  if (text == "drain" || text == "drained") return Stance{.kind = Stance::Kind::drain};
  if (text == "withdraw" || text == "withdrawn") return Stance{.kind = Stance::Kind::withdraw};
  constexpr std::string_view kPrepend = "prepend=";
  if (!text.starts_with(kPrepend)) return std::nullopt;
  text.remove_prefix(kPrepend.size());
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 1 || count > 10)
    return std::nullopt;
  return Stance{.kind = Stance::Kind::prepend, .prepend = count};
}

}  // namespace anycast
