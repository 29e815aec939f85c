#pragma once

#include <string>

#include "controller/base/time.hpp"
#include "controller/model/inside.hpp"

namespace anycast {

/// A virtual service of IPVS in front of a service's real servers.
struct Lvs {
  ServerKey address = {};  ///< where users reach it
  Protocol protocol = Protocol::tcp;
  std::string scheduler = "wlc";
  Forwarding forwarding = Forwarding::nat;
  Duration persistent = {};  ///< a client stays on its real server so long; 0: it need not
  enum class Owner { anycastd, keepalived };
  Owner owner = Owner::anycastd;  ///< another's is read and never written

  ServiceKey key() const {
    return {.protocol = protocol, .address = address.address, .port = address.port};
  }
};

}  // namespace anycast
