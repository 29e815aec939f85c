#pragma once

#include <string>
#include <variant>

#include "controller/model/inside.hpp"

namespace anycast {

enum class InsideVerb { add, edit, remove };

struct VipChange {
  InsideVerb verb;  ///< never edit
  Vip vip;
  bool operator==(const VipChange&) const = default;
};

/// Removing a service removes all of its real servers.
struct ServiceChange {
  InsideVerb verb;
  ServiceKey service;
  ServiceSettings settings = {};
  bool operator==(const ServiceChange&) const = default;
};

struct ServerChange {
  InsideVerb verb;
  ServiceKey service;
  ServerKey server;
  RealServer settings = {};
  bool operator==(const ServerChange&) const = default;
};

struct RouteChange {
  InsideVerb verb;
  RouteKey route;
  Multipath paths = {};
  bool operator==(const RouteChange&) const = default;
};

struct RuleChange {
  InsideVerb verb;  ///< never edit
  RouteRule rule;
  bool operator==(const RuleChange&) const = default;
};

/// One thing that the kernel is asked to do.
using InsideChange = std::variant<VipChange, ServiceChange, ServerChange, RouteChange, RuleChange>;

/// The command of `ip` or `ipvsadm` that does it: "ip address add 198.51.100.1/32 dev lo",
/// "ipvsadm -a -t 198.51.100.1:80 -r 192.0.2.11:8080 -m -w 1".
std::string to_string(const InsideChange& change);

}  // namespace anycast
