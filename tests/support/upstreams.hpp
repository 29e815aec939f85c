#pragma once

#include <sys/types.h>

#include <string>

namespace anycast::test {

/// Two network namespaces without names that end with this process, joined by a veth pair: one for
/// a node with the sessions of `bird_config()`, one with a real BIRD that plays all upstreams and
/// keeps what it hears in the tables t_cmi, t_ntt and t_ntt6; where ANYCAST_UPSTREAMS says "gobgp",
/// a real GoBGP, which shares no code with either daemon of a node.
class Upstreams {
 public:
  /// The socket and the configuration of the upstreams' BIRD are made in `folder`.
  explicit Upstreams(std::string folder) : folder_{std::move(folder)} {}
  Upstreams(const Upstreams&) = delete;
  Upstreams& operator=(const Upstreams&) = delete;
  ~Upstreams();

  /// Empty, or why this machine cannot have them.
  std::string start();
  std::string socket() const;
  /// Whether the socket is a GoBGP's.
  static bool is_gobgp(const std::string& socket) { return socket.ends_with(".gobgp"); }
  /// Whether cmi and ntt offer a route to users of a carrier, 198.51.100.128/25 by AS 64510: BIRD
  /// does. Who imports nothing does not notice.
  static bool lead_to_users();
  pid_t node_space() const { return node_space_; }

 private:
  std::string folder_;
  pid_t node_space_ = 0;
  pid_t upstream_space_ = 0;
  pid_t daemon_ = 0;
};

}  // namespace anycast::test
