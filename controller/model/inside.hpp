#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/base/net.hpp"
#include "controller/base/time.hpp"
#include "controller/model/ecmp.hpp"

namespace anycast {

/// An address on a link of this host. What is wanted is a host route, /32 or /128; what the kernel
/// has may be of any length.
struct Vip {
  Prefix prefix;
  std::string link = "lo";
  auto operator<=>(const Vip&) const = default;
};

enum class Protocol { tcp, udp, sctp };
std::string to_string(Protocol protocol);

/// What makes a virtual service of IPVS that one and no other: protocol, address and port, or a
/// firewall mark and a family.
struct ServiceKey {
  Protocol protocol = Protocol::tcp;
  Address address = {};    ///< with a mark only its family counts, and the rest is zero
  std::uint16_t port = 0;  ///< 0: every port, which only a persistent service can have
  std::uint32_t mark = 0;  ///< 0: none
  auto operator<=>(const ServiceKey&) const = default;

  static ServiceKey of_mark(Address::Family family, std::uint32_t mark);
};

/// What the kernel calls the flags of a service; the scheduler says what `first` to `third` mean:
/// of sh and mh `first` is "fallback" and `second` is "port".
enum class ServiceFlag { one_packet, first, second, third };

/// Connections of one client stay on one real server.
struct Persistence {
  seconds timeout{300};     ///< that of ipvsadm where none is named
  int mask = 32;            ///< clients that share this many bits count as one; 128 with IPv6
  std::string engine = {};  ///< "sip", or empty
  bool operator==(const Persistence&) const = default;
};

struct ServiceSettings {
  std::string scheduler = "wlc";
  std::set<ServiceFlag> flags = {};
  std::optional<Persistence> persistence = {};
  bool operator==(const ServiceSettings&) const = default;
};

/// How a packet gets to a real server: translated, with the real server's link address, or inside
/// of another packet.
enum class Forwarding { nat, dr, tunnel };

struct Tunnel {
  enum class Kind { ipip, gue, gre };
  enum class Checksum { none, full, remote };
  Kind kind = Kind::ipip;
  std::uint16_t port = 0;  ///< of gue
  Checksum checksum = Checksum::none;
  bool operator==(const Tunnel&) const = default;
};

struct ServerKey {
  Address address = {};
  std::uint16_t port = 0;
  auto operator<=>(const ServerKey&) const = default;
};

struct RealServer {
  Forwarding forwarding = Forwarding::nat;
  int weight = 1;           ///< 0: no new connections
  std::uint32_t upper = 0;  ///< from so many connections on it gets no more; 0: any number
  std::uint32_t lower = 0;  ///< and does again below so many; 0: three quarters of `upper`
  Tunnel tunnel = {};       ///< of Forwarding::tunnel
  bool operator==(const RealServer&) const = default;
};

struct VirtualService {
  ServiceSettings settings = {};
  std::map<ServerKey, RealServer> servers = {};
  bool operator==(const VirtualService&) const = default;
};

/// The node's own inside, as it should be or as the kernel has it.
struct Inside {
  std::set<Vip> vips = {};
  std::map<ServiceKey, VirtualService> services = {};
  std::map<RouteKey, Multipath> routes = {};  ///< of our own protocol number alone, as the rules
  std::set<RouteRule> rules = {};
  bool operator==(const Inside&) const = default;
};

/// Entries of the kernel that are ours: what the configuration names or has named. Only these are
/// ever removed. It must be written down before the changes that it comes with are carried out.
struct InsideOurs {
  std::set<Vip> vips = {};
  /// Real servers by service, and since when each of them drains.
  std::map<ServiceKey, std::map<ServerKey, std::optional<Time>>> services = {};
  std::set<std::uint32_t> tables = {};  ///< with routes that carry our protocol number
  bool operator==(const InsideOurs&) const = default;
};

/// "tcp 198.51.100.1:80", "fwmark 7", "fwmark 7 (IPv6)".
std::string to_string(const ServiceKey& key);
/// "192.0.2.11:8080", "[2001:db8::11]:8080".
std::string to_string(const ServerKey& key);

/// Commands of `ip` and `ipvsadm` that would make all of it on an empty kernel, one per line; the
/// services as `ipvsadm -Sn` prints them.
std::string text_of(const Inside& inside);

}  // namespace anycast
