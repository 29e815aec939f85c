#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/base/time.hpp"
#include "controller/ports/http.hpp"

namespace anycast {

/// HTTP/1.1 on a unix socket and on a TCP port, one handler for both, inside the caller's event
/// loop and thread: nothing here blocks and no thread is started. What `Gate` refuses (and too
/// large bodies, 413) never reaches the handler; HEAD reaches it as GET. Errors of its own are
/// {"api", "kind": "Error", "text"}.
class HttpServer {
 public:
  struct Options {
    std::string socket = {};  ///< path of the unix socket; empty: none
    std::string group = {};   ///< its group, whose members may write
    unsigned mode = 0660;
    std::string listen = {};              ///< "127.0.0.1:9477"; empty: none
    std::vector<std::string> hosts = {};  ///< more names that TCP clients may ask for (this host's)
    std::size_t max_body = 64U << 10U;
    unsigned max_connections = 256;  ///< for each of the two; 16 KiB of memory each
    unsigned max_streams = 32;       ///< of those; one more is answered with 503
    Duration idle_timeout = seconds{5};
    Duration request_timeout = seconds{15};  ///< for one whole request, however slowly it drips in
  };

  /// Both sockets accept from here on, but nothing is answered before `run`.
  static Result<std::unique_ptr<HttpServer>> open(const Options& options, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Descriptors that become readable when there is something to do for `run`; they do not change.
  std::vector<int> fds() const;
  /// `run` wants to be called no later than this from now; nothing where it has no time-out
  /// pending. Ask again after each `run`.
  std::optional<Duration> next_timeout() const;
  /// Does whatever can be done without waiting.
  void run();

  /// Sends an event ("data: ...", ended by an empty line) to all streams. Never waits: a reader
  /// that is still busy with an earlier event gets the newest next, a slow one is cut off.
  void push(std::string event);
  std::size_t streams() const;

  /// Where TCP listens; 0 without TCP.
  std::uint16_t tcp_port() const;

 private:
  struct Inside;
  explicit HttpServer(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace anycast
