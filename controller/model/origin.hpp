#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/net.hpp"
#include "controller/base/time.hpp"

namespace anycast {

/// What one ROA authorises: this AS may originate the prefix and all in it up to `max_length` bits
/// (a validated ROA payload, RFC 6811 2).
struct Roa {
  Prefix prefix;
  int max_length = 0;
  Asn asn = 0;  ///< 0: nobody (RFC 6483 4)
  auto operator<=>(const Roa&) const = default;
};
/// "203.0.113.0/24-24 AS64500".
std::string to_string(const Roa& roa);
/// The form of `to_string`.
std::optional<Roa> parse_roa(std::string_view text);
/// A ROA that can be: no host bits, `max_length` from the prefix's own length to the family's.
bool is_whole(const Roa& roa);

/// RFC 6811 2; unknown where nothing that may be used says anything.
enum class OriginState { unknown, valid, not_found, invalid };
/// "unknown", "valid", "not_found", "invalid".
std::string to_string(OriginState state);

struct Origin {
  OriginState state = OriginState::unknown;
  std::vector<Roa> roas = {};  ///< those that cover an invalid one, sorted
  bool operator==(const Origin&) const = default;
};
/// The state of a prefix that this AS originates, by all ROAs that cover it. Others among them do
/// no harm.
Origin judge_origin(const Prefix& prefix, Asn asn, std::vector<Roa> roas);

/// One source's word about our prefixes.
struct OriginView {
  std::map<Prefix, Origin> prefixes = {};
  /// When its data was known to be whole; nothing where the source sees to that itself.
  std::optional<Time> as_of = {};
  bool operator==(const OriginView&) const = default;
};

}  // namespace anycast
