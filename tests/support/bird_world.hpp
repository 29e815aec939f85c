#pragma once

#include <string>

namespace anycast::test {

/// A node's BIRD with the sessions of `bird_config()` to upstreams that keep what they hear in the
/// tables t_cmi, t_ntt and t_ntt6 (received by the protocols from_cmi, from_ntt, from_ntt6).
class BirdWorld {
 public:
  virtual ~BirdWorld() = default;
  virtual std::string name() const = 0;
  virtual std::string socket() const = 0;
  virtual std::string upstream_socket() const = 0;
  /// The operator's file; its folder holds "run/bird.conf", our fragment.
  virtual std::string operator_config() const = 0;
  virtual void kill() = 0;    ///< as SIGKILL: the socket's file stays
  virtual void start() = 0;   ///< after `kill`
  virtual void freeze() = 0;  ///< as SIGSTOP
  virtual void thaw() = 0;

  std::string folder() const { return operator_config().substr(0, operator_config().rfind('/')); }
  std::string fragment() const { return folder() + "/run/bird.conf"; }
};

/// The operator's own file for the fragment `include`, a path or a pattern.
std::string operator_text(const std::string& include);

}  // namespace anycast::test
