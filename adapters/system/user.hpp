#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "controller/base/error.hpp"

namespace anycast {

/// The user's name, or "uid 1004" where there is none.
std::string user_name(uid_t uid);

Result<gid_t> group_id(const std::string& name);

/// Who is at the other end of a unix socket, as the kernel saw it when the connection was made: the
/// peer cannot lie about it, and no user data base is asked.
struct Peer {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups = {};  ///< supplementary
  bool is_in(gid_t group) const;
};
Result<Peer> peer_of(int socket);

}  // namespace anycast
