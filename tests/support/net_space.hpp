#pragma once

#include <string>
#include <vector>

namespace anycast::test {

/// Gives this process an empty network namespace with "lo" up and a link "vip0"; false where
/// it has no right to one.
bool enter_own_space();

/// Whether the tests run on a kernel that is said to have IPVS (tests/vm).
bool has_ipvs();

/// What a program prints, all of it; empty where it fails.
std::string printed(const std::string& command);

}  // namespace anycast::test
