#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace anycast {

/// What an upstream can be asked to do toward one carrier, through its action communities.
enum class Verb { prepend_to, local_pref, no_export_to };
/// "prepend_to", "local_pref", "no_export_to".
std::string to_string(Verb verb);
std::optional<Verb> parse_verb(std::string_view text);

struct Ask {
  Verb verb;
  int count = 0;  ///< 1 to 10 with prepend_to: so many times the upstream prepends; else 0
  auto operator<=>(const Ask&) const = default;
};
/// "prepend_to 2", "no_export_to".
std::string to_string(const Ask& ask);

/// What one session says about our prefixes. The order is only there to sort and to compare; how
/// much less attractive a stance is for whom, says `handicap`.
struct Stance {
  enum class Kind {
    announce,  ///< plain
    prepend,   ///< our ASN `prepend` more times in front of the path
    drain,     ///< GRACEFUL_SHUTDOWN 65535:0 (RFC 8326): lowest preference, still reachable
    withdraw,  ///< nothing
  };
  Kind kind = Kind::announce;
  int prepend = 0;  ///< 1 to 10 with Kind::prepend, else 0
  /// What the upstream is asked toward single carriers, by carrier; empty with Kind::withdraw.
  std::map<std::string, Ask> asks = {};
  auto operator<=>(const Stance&) const = default;

  bool announces() const { return kind != Kind::withdraw; }
};

/// "announce", "prepend 2", "announce, mobile: prepend_to 2", "drain", "withdraw".
std::string to_string(const Stance& stance);
/// "announced", "prepended 2", "announced, mobile: prepend_to 2", "drained", "withdrawn": the state
/// that a table shows.
std::string state_word(const Stance& stance);
/// The form that `parse_stance` reads: "prepend=2",
/// "announce;mobile=prepend_to:2;unicom=local_pref".
std::string encode(const Stance& stance);
/// Reads "announce|announced", "prepend=2", "drain|drained", "withdraw|withdrawn", each but the
/// last followed by any number of ";carrier=verb" or ";carrier=prepend_to:2", every carrier once.
std::optional<Stance> parse_stance(std::string_view text);

/// How much less attractive than a plain announcement the stance is for the carrier's users: 0
/// plain; prepends of ours and of the upstream add up, 10 each up to four and 1 each beyond that,
/// 49 at most; 50 local_pref, 60 drain, 70 no_export_to, 100 withdraw. BGP compares local-pref
/// before the length of the path (RFC 4271 9.1), hence no number of prepends reaches 50.
int handicap(const Stance& stance, const std::string& carrier);

}  // namespace anycast
