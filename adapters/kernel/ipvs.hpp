#pragma once

#include <optional>
#include <utility>

#include "adapters/kernel/netlink.hpp"
#include "controller/model/inside_change.hpp"
#include "controller/model/inside_view.hpp"

namespace anycast::kernel {

/// Messages of the kernel's generic netlink family IPVS (linux/ip_vs.h). `family` is the number
/// that this kernel gave it.
Message service_message(int family, const ServiceChange& change);
Message server_message(int family, const ServerChange& change);
/// The question for all services, and that for all real servers of one.
Message services_question(int family);
Message servers_question(int family, const ServiceKey& service);

struct ServiceEntry {
  ServiceKey key = {};
  ServiceSettings settings = {};
  TrafficCount count = {};
};
struct ServerEntry {
  ServerKey key = {};
  RealServer settings = {};
  ServerLoad load = {};
};
/// What an answer says, or nothing where it is not one. What we have no word for (a forwarding
/// method, a netmask with holes) is told as a setting that nobody can want.
std::optional<ServiceEntry> read_service(const nlmsghdr& message);
std::optional<ServerEntry> read_server(const nlmsghdr& message, const ServiceKey& service);

}  // namespace anycast::kernel
