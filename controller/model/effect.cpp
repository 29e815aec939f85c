#include "controller/model/effect.hpp"

namespace anycast {

std::string to_string(Effect effect) {
  switch (effect) {
    case Effect::open: return "open";
    case Effect::unmeasured: return "unmeasured";
    case Effect::unclear: return "unclear";
    case Effect::sufficient: return "sufficient";
    case Effect::none: return "none";
    case Effect::harmful: return "harmful";
  }
  return "?";
}

}  // namespace anycast
