#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/system/fd.hpp"

namespace anycast::test {

struct FakeRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers = {};  ///< names in lower case
  std::map<std::string, std::string> form = {};     ///< decoded fields of the body
};

struct FakeReply {
  enum class Manner {
    complete,  ///< answers and keeps the connection
    silent,    ///< never answers
    drip,      ///< one byte each 2 ms
    cut,       ///< promises the whole body, sends half of it and closes
  };
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::string> headers = {};
  Manner manner = Manner::complete;
};

/// A small HTTP/1.1 server on a loopback port of its own, for tests of clients. Each connection has
/// a thread; all end with the object. The handler runs on those threads, one at a time.
class FakeHttp {
 public:
  using Handler = std::function<FakeReply(const FakeRequest&)>;

  explicit FakeHttp(Handler handler);
  FakeHttp(const FakeHttp&) = delete;
  FakeHttp& operator=(const FakeHttp&) = delete;
  ~FakeHttp();

  std::uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<FakeRequest> requests() const;
  int connections() const;

 private:
  void accept_all();
  void serve(const Fd& client);
  bool send_all(const Fd& client, const std::string& text) const;
  bool send_reply(const Fd& client, const FakeReply& reply) const;
  /// False once the server stops.
  bool wait(int fd, short events, int timeout_ms) const;

  Handler handler_;
  std::uint16_t port_ = 0;
  Fd listener_;
  Fd stop_;
  mutable std::mutex mutex_;
  std::vector<FakeRequest> requests_;
  int connections_ = 0;
  std::vector<std::jthread> clients_;
  std::jthread acceptor_;
};

/// A loopback port that was free a moment ago.
std::uint16_t free_port();

}  // namespace anycast::test
