#pragma once

#include <optional>
#include <string>

#include "controller/model/config.hpp"
#include "controller/model/effect.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/seen.hpp"

namespace anycast::core {

/// What the users of a carrier feel, in the fast and in the main window; nothing where nobody pings
/// the anycast address for them, lately and often enough.
struct Felt {
  std::optional<Users> fast = {};
  std::optional<Users> main = {};
};
Felt felt(const Config& config, const Seen& seen, const std::string& carrier);
Users users(const Estimate& estimate);

/// Median RTT + 20 ms per % loss + jitter/2. Without any reply the RTT counts as a second.
Duration score(const Users& users);

/// The change of the score with its one-sided 95 % bounds: the errors of both medians, and the
/// standard error of the difference of two shares for the loss.
Bounded<Duration> change(const Users& before, const Users& after);

/// "-114ms", "+1ms".
std::string signed_ms(Duration d);

}  // namespace anycast::core
