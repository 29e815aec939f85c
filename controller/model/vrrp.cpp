#include "controller/model/vrrp.hpp"

namespace anycast {

std::string to_string(VrrpState state) {
  switch (state) {
    case VrrpState::unknown: return "unknown";
    case VrrpState::master: return "MASTER";
    case VrrpState::backup: return "BACKUP";
    case VrrpState::fault: return "FAULT";
    case VrrpState::stop: return "STOP";
  }
  return {};
}

}  // namespace anycast
