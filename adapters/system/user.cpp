#include "adapters/system/user.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace anycast {
namespace {

// sysconf(_SC_GETPW_R_SIZE_MAX) is a hint only; a group with very many members wants more.
constexpr std::size_t kFirstBuffer = 1024;
constexpr std::size_t kLargestBuffer = 1U << 20U;

}  // namespace

std::string user_name(uid_t uid) {
  for (auto size = kFirstBuffer; size <= kLargestBuffer; size *= 4) {
    std::vector<char> buffer(size);
    passwd entry = {};
    passwd* found = nullptr;
    const int code = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    if (code == ERANGE) continue;
    if (code == 0 && found != nullptr) return found->pw_name;
    break;
  }
  return fmt::format("uid {}", uid);
}

Result<gid_t> group_id(const std::string& name) {
  for (auto size = kFirstBuffer; size <= kLargestBuffer; size *= 4) {
    std::vector<char> buffer(size);
    group entry = {};
    group* found = nullptr;
    const int code = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (code == ERANGE) continue;
    if (code == 0 && found != nullptr) return found->gr_gid;
    break;
  }
  return fail(
      Remedy::fix_value,
      fmt::format("there is no group \"{}\" on this host, expected one of /etc/group", name));
}

bool Peer::is_in(gid_t group) const {
  return gid == group || std::ranges::find(groups, group) != groups.end();
}

Result<Peer> peer_of(int socket) {
  const auto failed = [](const char* option) {
    return fail(Remedy::look_at_host,
                fmt::format("the kernel does not name the peer of a unix socket ({}): {}", option,
                            std::strerror(errno)));
  };
  ucred credentials = {};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    return failed("SO_PEERCRED");
  Peer peer{.uid = credentials.uid, .gid = credentials.gid};
  // socket(7): a buffer that is too small fails with ERANGE and says the size; the groups of a
  // connection do not change, so the second call fits.
  length = 0;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nullptr, &length) == 0) return peer;
  if (errno != ERANGE) return failed("SO_PEERGROUPS");
  peer.groups.resize(length / sizeof(gid_t));
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &length) != 0)
    return failed("SO_PEERGROUPS");
  return peer;
}

}  // namespace anycast
