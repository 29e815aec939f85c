#include "tests/support/net_space.hpp"

#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "tests/support/process.hpp"

namespace anycast::test {

bool enter_own_space() {
  // A root of its own makes namespaces where the machine lets everybody do so.
  if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  return run_program({"ip", "link", "set", "dev", "lo", "up"}) == 0 &&
         run_program({"ip", "link", "add", "vip0", "type", "veth", "peer", "name", "far"}) == 0 &&
         run_program({"ip", "link", "set", "dev", "vip0", "up"}) == 0;
}

bool has_ipvs() { return std::getenv("ANYCASTD_IPVS") != nullptr; }

std::string printed(const std::string& command) {
  std::string out;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 4096> part = {};
  while (const auto size = std::fread(part.data(), 1, part.size(), pipe))
    out.append(part.data(), size);
  return ::pclose(pipe) == 0 ? out : std::string{};
}

}  // namespace anycast::test
