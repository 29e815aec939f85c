#include "controller/model/choice.hpp"

namespace anycast {

std::string to_string(const SessionKey& place) { return place.node + " " + place.upstream; }

std::string to_string(Role role) {
  switch (role) {
    case Role::primary: return "primary";
    case Role::secondary: return "secondary";
    case Role::backup: return "backup";
    case Role::unranked: return "unranked";
  }
  return "?";
}

}  // namespace anycast
