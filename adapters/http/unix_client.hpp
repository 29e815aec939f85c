#pragma once

#include <map>
#include <string>

#include "controller/base/error.hpp"
#include "controller/base/time.hpp"
#include "controller/ports/http.hpp"

namespace anycast {

/// Why there is no answer; the command line turns it into its exit code.
struct HttpFailure {
  enum class Kind {
    no_daemon,      ///< nothing listens there (exit 69)
    not_permitted,  ///< the socket's mode keeps us out (exit 77)
    no_answer,      ///< connected, but no whole answer in time (exit 69)
    failed,         ///< anything else
  };
  Kind kind;
  Error error;
};

/// HTTP over a unix socket, one request at a time; what the command line asks its daemon with.
class UnixHttpClient {
 public:
  explicit UnixHttpClient(std::string socket) : socket_{std::move(socket)} {}

  /// `path` is what stands in the request line, with its query already encoded (`with_query`). Any
  /// status is an answer; waits at most `timeout`.
  tl::expected<HttpResponse, HttpFailure> request(const std::string& method,
                                                  const std::string& path, const std::string& body,
                                                  Duration timeout) const;

 private:
  std::string socket_;
};

/// "/v1/history?n=20&upstream=cmi", percent-encoded.
std::string with_query(const std::string& path, const std::map<std::string, std::string>& query);

}  // namespace anycast
