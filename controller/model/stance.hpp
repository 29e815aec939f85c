#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace anycast {

/// What one session says about our prefixes, from the most to the least attractive.
struct Stance {
  enum class Kind {
    announce,  ///< plain
    prepend,   ///< our ASN `prepend` more times in front of the path
    drain,     ///< GRACEFUL_SHUTDOWN 65535:0 (RFC 8326): lowest preference, still reachable
    withdraw,  ///< nothing
  };
  Kind kind = Kind::announce;
  int prepend = 0;  ///< 1 to 10 with Kind::prepend, else 0
  auto operator<=>(const Stance&) const = default;

  bool announces() const { return kind != Kind::withdraw; }
};

/// "announce", "prepend 2", "drain", "withdraw".
std::string to_string(const Stance& stance);
/// "announced", "prepended 2", "drained", "withdrawn": the state that a table shows.
std::string state_word(const Stance& stance);
/// The form that `parse_stance` reads: "prepend=2".
std::string encode(const Stance& stance);
/// Reads "announce|announced", "prepend=2", "drain|drained", "withdraw|withdrawn".
std::optional<Stance> parse_stance(std::string_view text);

}  // namespace anycast
