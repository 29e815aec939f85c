#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <stdexcept>
#include <vector>

#include "adapters/system/fd.hpp"
#include "controller/model/health.hpp"

namespace anycast::test {

inline ServerKey loopback(std::uint16_t port) { return {*Address::parse("127.0.0.1"), port}; }

/// A TCP port on loopback. The kernel takes the connections; nobody reads them.
class Port {
 public:
  enum class Manner { accepts, refuses, hangs };

  explicit Port(Manner manner, const std::string& address = "127.0.0.1")
      : address_{*Address::parse(address)} {
    const bool v6 = address_.family == Address::Family::v6;
    listener_ = Fd{::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    bind_to(0);
    if (manner == Manner::accepts) accept();
    if (manner == Manner::hangs) hang();
  }
  ServerKey endpoint() const { return {address_, port_}; }
  void accept() { ::listen(listener_.get(), 4096); }

 private:
  void bind_to(std::uint16_t port) {
    sockaddr_in6 v6 = {};
    sockaddr_in v4 = {};
    const void* address = &v4;
    socklen_t size = sizeof v4;
    if (address_.family == Address::Family::v6) {
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(port);
      std::memcpy(&v6.sin6_addr, address_.bytes.data(), 16);
      address = &v6;
      size = sizeof v6;
    } else {
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port);
      std::memcpy(&v4.sin_addr, address_.bytes.data(), 4);
    }
    if (::bind(listener_.get(), static_cast<const sockaddr*>(address), size) != 0)
      throw std::runtime_error{"cannot bind"};
    sockaddr_in6 bound = {};
    socklen_t length = sizeof bound;
    ::getsockname(listener_.get(), static_cast<sockaddr*>(static_cast<void*>(&bound)), &length);
    port_ = ntohs(bound.sin6_port);  // at the same place in both forms
  }
  /// A queue that is full: the kernel drops what asks for more.
  void hang() {
    ::listen(listener_.get(), 0);
    for (int i = 0; i < 4; ++i) {
      waiting_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      sockaddr_in there = {};
      there.sin_family = AF_INET;
      there.sin_port = htons(port_);
      there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      ::connect(waiting_.back().get(), static_cast<sockaddr*>(static_cast<void*>(&there)),
                sizeof there);
    }
  }

  Address address_;
  Fd listener_ = {};
  std::uint16_t port_ = 0;
  std::vector<Fd> waiting_ = {};
};

}  // namespace anycast::test
