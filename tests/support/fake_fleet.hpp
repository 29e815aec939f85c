#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tests/support/fake_http.hpp"

namespace anycast::test {

/// Answers a FakeHttp's requests as a Prometheus would that scrapes some daemons all the time and
/// whose probes of them all fare well: upstream "isp", carrier "telecom", region "beijing", two
/// samples a second. Who needs it links adapter_http.
class FakeFleet {
 public:
  /// The control socket of each node's daemon, which need not be there.
  explicit FakeFleet(std::map<std::string, std::string> sockets) : sockets_{std::move(sockets)} {}
  FakeReply operator()(const FakeRequest& request) const;

 private:
  nlohmann::json fleet(double at) const;
  nlohmann::json probes(const std::string& name, double at) const;

  std::map<std::string, std::string> sockets_;
};

}  // namespace anycast::test
