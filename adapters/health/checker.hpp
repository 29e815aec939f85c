#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "controller/ports/ports.hpp"

namespace anycast::health {

using Services = std::map<std::string, Service>;

/// Asks all real servers of all services, thousands at once, in one thread of its own. An answer
/// that comes while the thread itself was held up (a busy or a suspended machine) can be a good
/// one, but no timeout.
class Checker final : public HealthSource {
 public:
  /// A verdict has turned, or it was the one by which nothing of its service is up any more.
  enum class Turn { one, last };
  struct Settings {
    Services services = {};
    Health known = {};                       ///< from before a reload; the verdicts stay
    std::function<void(Turn)> changed = {};  ///< called in the thread of the checks
  };
  static Result<std::unique_ptr<Checker>> start(Settings settings);
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;
  ~Checker() override;

  Result<Health> health() override;
  CheckStats stats() const;

 private:
  class Rounds;
  explicit Checker(std::unique_ptr<Rounds> rounds);
  std::unique_ptr<Rounds> rounds_;
  std::thread thread_;
};

}  // namespace anycast::health
