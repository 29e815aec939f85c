#pragma once

#include <string>
#include <vector>

#include "controller/model/router.hpp"

namespace anycast::test {

/// A node's bgpd with the sessions of `frr_config()` to upstreams that keep what they hear in the
/// tables t_cmi, t_ntt and t_ntt6.
class FrrWorld {
 public:
  virtual ~FrrWorld() = default;
  virtual bool is_real() const = 0;
  virtual std::string socket() const = 0;
  /// The operator's file; its folder holds "run/frr.conf", our fragment.
  virtual std::string operator_config() const = 0;
  virtual void kill() = 0;    ///< bgpd, as SIGKILL: the socket's file stays
  virtual void start() = 0;   ///< after `kill`, with the operator's file alone
  virtual void freeze() = 0;  ///< as SIGSTOP
  virtual void thaw() = 0;
  /// What an upstream has in the table, with the AS that eBGP adds.
  virtual std::vector<Export> heard(const std::string& table) const = 0;
  /// A text that changes with what is news to the table. bgpd sends the routes of a changed
  /// route-map once more when its delay timer ends, as they are: that is none.
  virtual std::string news(const std::string& table) const = 0;
};

/// The operator's own frr.conf, with things of his own that we must not touch.
std::string frr_operator_text();

}  // namespace anycast::test
