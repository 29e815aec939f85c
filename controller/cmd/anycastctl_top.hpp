#pragma once

#include "controller/cmd/anycastctl.hpp"

namespace anycast::cmd {

/// The status of the fleet on the whole screen, until a person leaves.
int top(const Options& options);

}  // namespace anycast::cmd
