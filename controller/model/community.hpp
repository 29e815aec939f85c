#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/stance.hpp"

namespace anycast {

/// An entry of an upstream's dictionary: what it does with a route that carries the community.
struct Community {
  enum class Does {
    prepend_to,    ///< prepends its own AS `count` times toward the carrier
    local_pref,    ///< prefers the route less than all others of the carrier
    no_export_to,  ///< does not tell the carrier of it
    blackhole,     ///< drops the traffic (RFC 7999); never asked for by automation
  };
  std::string value = {};  ///< in the form of `canonical_community`
  Does does;
  int count = 0;             ///< 1 to 10 with Does::prepend_to, else 0
  std::string carrier = {};  ///< toward whom; empty: toward all that the upstream carries
  bool tested = false;       ///< somebody has seen that it works; automation uses no other
  std::string notes = {};
};
/// "prepend_to", "local_pref", "no_export_to", "blackhole".
std::string to_string(Community::Does does);
/// What a stance can ask for by such an entry; nothing with Does::blackhole.
std::optional<Ask> ask_of(const Community& community);

/// "64501:1001" (RFC 1997) or "4200000000:1:2" (RFC 8092) without signs and leading zeros, or
/// nothing.
std::optional<std::string> canonical_community(std::string_view text);
/// Why a community in canonical form belongs to no operator, or empty: RFC 1997's well-known range,
/// RFC 8092's reserved administrators. "65535:666" is RFC 7999's BLACKHOLE and free.
std::string reserved_community(std::string_view community);

struct Upstream;

/// The entry by which the upstream can be asked to do so toward the carrier: one for this carrier
/// before one for all; null where there is none. An entry for all serves a carrier alone only where
/// the upstream leads to no other.
const Community* find_community(const Upstream& upstream, const std::string& carrier,
                                const Ask& ask);

/// What automation may ask of the upstream to make the path less attractive for the carrier alone,
/// mildest first: tested, and never no_export_to, which would take the carrier's way altogether.
std::vector<Ask> levers(const Upstream& upstream, const std::string& carrier);

/// What has to be attached to a route so that the upstream hears what the stance asks, sorted, each
/// once. An error where its dictionary has no word for something.
Result<std::vector<std::string>> communities_for(const Upstream& upstream, const Stance& stance);

}  // namespace anycast
