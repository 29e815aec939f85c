#pragma once

#include <map>
#include <optional>
#include <string>

#include "controller/model/health.hpp"
#include "controller/ports/ports.hpp"

namespace anycast::test {

/// Real servers whose answers a test says; each look at it is one more try of every one of them.
class FakeHealth : public HealthSource {
 public:
  explicit FakeHealth(std::map<std::string, Service> services) : services_{std::move(services)} {}

  /// From now on; without it a real server is not tried.
  void answers(const ServerKey& endpoint, Answer answer) { answers_[endpoint] = std::move(answer); }
  void breaks(Error error) { error_ = std::move(error); }
  Time now = *parse_utc("2026-06-01T12:00:00.000Z");

  Result<Health> health() override {
    if (error_) return tl::unexpected(*error_);
    now += seconds{1};
    for (const auto& [name, service] : services_) {
      for (const auto& real : service.servers) {
        auto& state = known_[name][real.endpoint];
        const auto answer = answers_.find(real.endpoint);
        if (answer != answers_.end()) state = after(service.check, state, answer->second, now);
      }
    }
    return known_;
  }

 private:
  std::map<std::string, Service> services_;
  std::map<ServerKey, Answer> answers_ = {};
  std::optional<Error> error_ = {};
  Health known_ = {};
};

}  // namespace anycast::test
