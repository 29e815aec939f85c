#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace anycast {

/// One request, complete. `local` is true on the unix socket only; uid is the peer's (SO_PEERCRED)
/// there.
struct HttpRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> query = {};
  std::string body = {};
  bool local = false;
  bool may_write =
      false;  ///< local, and root, the daemon's own user or a member of the socket's group
  std::uint32_t uid = 0;
  std::string user = {};  ///< name of the uid, or "uid 1004"
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  /// The body is the first event of a stream: the answer stays open for what is pushed later.
  bool stream = false;
};

/// Called on the serve thread; must not block.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

}  // namespace anycast
