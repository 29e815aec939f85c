#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/http/http_server.hpp"
#include "adapters/system/events.hpp"
#include "adapters/system/fd.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folder.hpp"

namespace anycast {

/// A server on a temporary unix socket and a free loopback port, run by a thread of its own with
/// the event loop that also runs it in the daemon.
class Running {
 public:
  explicit Running(HttpHandler handler, HttpServer::Options options = {}) {
    options.socket = socket();
    options.listen = "127.0.0.1:0";
    auto server = HttpServer::open(options, std::move(handler));
    if (!server) FAIL(server.error().text);
    server_ = std::move(*server);
    loop_ = EventLoop::open().value();
    for (const int fd : server_->fds()) REQUIRE(loop_->watch(fd, [this] { server_->run(); }));
    timer_ = loop_->timer([this] { server_->run(); }).value();
    REQUIRE(loop_->before_sleep([this] {
      const auto wait = server_->next_timeout();
      wait ? timer_.arm(*wait) : timer_.disarm();
    }));
    loop_->on_wake([this] {
      const std::lock_guard lock{mutex_};
      server_->push(std::exchange(event_, {}));
    });
    thread_ = std::jthread([this] { static_cast<void>(loop_->run()); });
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { loop_->stop(); }

  std::string socket() const { return folder_.path("ctl.sock"); }
  std::uint16_t port() const { return server_->tcp_port(); }
  /// Has the server's thread push an event, as the daemon does after a cycle.
  void push(std::string event) {
    {
      const std::lock_guard lock{mutex_};
      event_ = std::move(event);
    }
    loop_->wake();
  }
  /// Only for the handler, which the server's own thread calls.
  HttpServer& server() const { return *server_; }

 private:
  Folder folder_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<EventLoop> loop_;
  EventLoop::Timer timer_;
  std::mutex mutex_;
  std::string event_;
  std::jthread thread_;
};

/// A client that says exactly what it is told to.
class Raw {
 public:
  static Raw unix_socket(const std::string& path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return Raw{AF_UNIX, address};
  }
  static Raw tcp(std::uint16_t port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return Raw{AF_INET, address};
  }

  /// False where the server has hung up.
  bool say(std::string_view text) const {
    while (!text.empty()) {
      const auto sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Everything until `wanted` has come or the server hangs up.
  std::string hear_until(std::string_view wanted) const {
    std::string all;
    char byte = 0;
    while (all.find(wanted) == std::string::npos && ::recv(fd_.get(), &byte, 1, 0) == 1)
      all += byte;
    return all;
  }
  /// Whether so much comes before the server hangs up.
  bool swallow(std::size_t bytes) const {
    std::vector<char> buffer(64U << 10U);
    while (bytes > 0) {
      const auto got = ::recv(fd_.get(), buffer.data(), std::min(buffer.size(), bytes), 0);
      if (got <= 0) return false;
      bytes -= static_cast<std::size_t>(got);
    }
    return true;
  }
  /// Everything until the server hangs up, at most 10 s of silence.
  std::string hear() const {
    std::string all;
    char buffer[4096];
    for (;;) {
      const auto got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (got <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(got));
    }
  }
  /// The answer to a request that ends the connection.
  std::string ask(std::string_view text) const {
    say(text);
    return hear();
  }

 private:
  template <class A>
  Raw(int family, const A& address) : fd_{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const timeval limit = {.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  Fd fd_;
};

/// Status of an answer, or 0 where there is none.
inline int status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

inline std::string body_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

}  // namespace anycast
