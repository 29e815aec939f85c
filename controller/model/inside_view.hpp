#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "controller/base/error.hpp"
#include "controller/model/inside.hpp"

namespace anycast {

/// What IPVS has counted since the entry was made (or since somebody zeroed it).
struct TrafficCount {
  std::uint64_t connections = 0;
  std::uint64_t packets_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  bool operator==(const TrafficCount&) const = default;
};

struct ServerLoad {
  std::uint32_t active = 0;  ///< established connections
  std::uint32_t inactive = 0;
  std::uint32_t persistent = 0;
  TrafficCount count = {};
  bool operator==(const ServerLoad&) const = default;
};

struct ServiceLoad {
  TrafficCount count = {};
  std::map<ServerKey, ServerLoad> servers = {};
  bool operator==(const ServiceLoad&) const = default;
};

/// What the kernel says now, asked from it, never remembered.
struct InsideView {
  Inside inside = {};
  std::map<ServiceKey, ServiceLoad> load = {};
  std::optional<Error> no_services = {};  ///< why it could not be asked for services; they are none
};

}  // namespace anycast
