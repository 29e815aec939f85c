#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/health/timers.hpp"
#include "controller/model/health.hpp"

namespace anycast::health {

/// Tries over HTTP and HTTPS, any number at once in the thread of the caller: libcurl's multi
/// interface on an epoll of the caller's. Each try is a connection of its own to exactly the
/// endpoint, whatever name or redirect the other side gives; no proxy, no DNS, at most 64 KiB read.
class HttpTries {
 public:
  using Done = std::function<void(std::size_t slot, const Answer& answer)>;
  /// Sockets are added to `epoll` with the data `tag | socket`.
  HttpTries(int epoll, std::uint64_t tag, Done done);
  HttpTries(const HttpTries&) = delete;
  HttpTries& operator=(const HttpTries&) = delete;
  ~HttpTries();

  void begin(std::size_t slot, const ServerKey& endpoint, const Check& check);
  /// Something happened on a socket; `events` as of epoll.
  void on_socket(int socket, std::uint32_t events);
  /// When libcurl wants to be called without an event.
  std::optional<Steady> next() const { return next_; }
  void on_time(Steady now);
  /// Tells what has ended; the caller has been held up for so long since it last looked.
  void collect(Duration held_up);

 private:
  struct Try;
  struct Curl;  ///< libcurl's callbacks

  std::unique_ptr<Try> take_idle();
  void prepare(Try& one, const ServerKey& endpoint, const Check& check);

  int epoll_;
  std::uint64_t tag_;
  Done done_;
  void* multi_;
  std::optional<Steady> next_ = {};
  std::vector<std::unique_ptr<Try>> tries_;  ///< under way, by slot
  std::vector<std::unique_ptr<Try>> idle_;
};

/// "http://192.0.2.11:8080/healthz"; with a `host` that in place of the endpoint's address.
std::string url_of(const ServerKey& endpoint, const Check& check);

}  // namespace anycast::health
