#include "adapters/health/tcp.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace anycast::health {
namespace {

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  const sockaddr* get() const {
    return static_cast<const sockaddr*>(static_cast<const void*>(&storage));
  }
};

template <class T>
SocketAddress wrap(const T& address) {
  SocketAddress out{.size = sizeof address};
  std::memcpy(&out.storage, &address, sizeof address);
  return out;
}

SocketAddress socket_address(const Address& address, std::uint16_t port) {
  if (address.family == Address::Family::v6) {
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::ranges::copy(address.bytes, std::begin(v6.sin6_addr.s6_addr));
    return wrap(v6);
  }
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
  return wrap(v4);
}

/// Whether the fault lies with this host: then nothing is known of the other side.
bool ours(int error) {
  switch (error) {
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case EAFNOSUPPORT:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EACCES:
    case EPERM: return true;
    default: return false;
  }
}

}  // namespace

Answer failed(int error) {
  const auto text = std::generic_category().message(error);
  if (ours(error)) return {.kind = Answer::Kind::late, .why = "could not be tried: " + text};
  switch (error) {
    case ECONNREFUSED: return {.kind = Answer::Kind::failed, .why = "refused the connection"};
    case ECONNRESET: return {.kind = Answer::Kind::failed, .why = "reset the connection"};
    case ETIMEDOUT: return {.kind = Answer::Kind::failed, .why = "took no connection"};
    default: return {.kind = Answer::Kind::failed, .why = "cannot be reached: " + text};
  }
}

Answer timed_out(const Check& check, Duration held_up, std::string_view what) {
  if (held_up > check.timeout / 4) return {};
  return {.kind = Answer::Kind::failed,
          .why = fmt::format("{} within {}", what, print_duration(check.timeout))};
}

std::variant<Fd, Answer> connect_to(const ServerKey& endpoint,
                                    const std::optional<Address>& source) {
  const int family = endpoint.address.family == Address::Family::v6 ? AF_INET6 : AF_INET;
  Fd socket{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) return failed(errno);
  if (source) {
    // The port is chosen with the connection, so that one source has all ports for each real
    // server.
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const auto ours_end = socket_address(*source, 0);
    if (::bind(socket.get(), ours_end.get(), ours_end.size) != 0) return failed(errno);
  }
  const auto there = socket_address(endpoint.address, endpoint.port);
  if (::connect(socket.get(), there.get(), there.size) == 0) {
    drop(socket);
    return Answer{.kind = Answer::Kind::good};
  }
  if (errno != EINPROGRESS) return failed(errno);
  return socket;
}

Answer connected(const Fd& socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? Answer{.kind = Answer::Kind::good} : failed(error);
}

void drop(Fd& socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket.reset();
}

}  // namespace anycast::health
