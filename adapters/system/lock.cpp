#include "adapters/system/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

namespace anycast {

Result<Fd> lock_beside(const std::string& file) {
  const auto path = file + ".lock";
  Fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd) {
    return fail(Remedy::look_at_host,
                fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Remedy::look_at_host,
                fmt::format("another anycastd writes '{}' and holds '{}', expected to be the only "
                            "one",
                            file, path));
  }
  return fd;
}

}  // namespace anycast
