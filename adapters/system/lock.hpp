#pragma once

#include <string>

#include "adapters/system/fd.hpp"
#include "controller/base/error.hpp"

namespace anycast {

/// Takes "<file>.lock" for as long as the descriptor lives, so that no second process writes `file`
/// and the daemon that it belongs to. Never waits.
Result<Fd> lock_beside(const std::string& file);

}  // namespace anycast
