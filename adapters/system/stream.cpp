#include "adapters/system/stream.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace anycast {
namespace {

tl::unexpected<Error> fail_stream(std::string_view doing, const std::string& path, int code) {
  const bool local = code == EACCES || code == EPERM || code == EMFILE || code == ENFILE;
  return fail(local ? Remedy::look_at_host : Remedy::wait,
              fmt::format("cannot {} '{}': {}", doing, path, std::strerror(code)));
}

int left_ms(Deadline deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

}  // namespace

Deadline deadline_in(Duration timeout) { return std::chrono::steady_clock::now() + timeout; }

Result<UnixStream> UnixStream::connect(const std::string& path, Deadline deadline) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) {
    return fail(Remedy::fix_value, fmt::format("'{}' cannot be the path of a socket, expected 1 to "
                                               "{} bytes",
                                               path, sizeof name.sun_path - 1));
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return fail_stream("make a socket for", path, errno);
  // A full backlog says EAGAIN at once and gives nothing to poll for (unix(7)).
  for (;;) {
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) break;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return fail_stream("connect to", path, errno);
    if (left_ms(deadline) == 0) {
      return fail(Remedy::wait, fmt::format("'{}' accepts no connection in time", path));
    }
    std::this_thread::sleep_for(milliseconds{2});
  }
  return UnixStream{std::move(fd), path};
}

Result<void> UnixStream::wait(short events, Deadline deadline) const {
  for (;;) {
    pollfd item{.fd = fd_.get(), .events = events, .revents = 0};
    const auto ready = ::poll(&item, 1, left_ms(deadline));
    if (ready > 0) return {};
    if (ready == 0) return fail(Remedy::wait, fmt::format("no answer from '{}' in time", path_));
    if (errno != EINTR) return fail_stream("wait for", path_, errno);
  }
}

Result<void> UnixStream::write(std::string_view text, Deadline deadline) {
  while (!text.empty()) {
    if (auto ok = wait(POLLOUT, deadline); !ok) return ok;
    const auto sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent < 0) return fail_stream("write to", path_, errno);
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<void> UnixStream::receive(Deadline deadline) {
  for (;;) {
    if (auto ok = wait(POLLIN, deadline); !ok) return ok;
    std::array<char, 16384> chunk{};
    const auto got = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return fail_stream("read from", path_, errno);
    if (got == 0) return fail(Remedy::wait, fmt::format("'{}' hung up", path_));
    buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    return {};
  }
}

Result<std::string> UnixStream::read_line(Deadline deadline, std::size_t max_bytes) {
  for (;;) {
    const auto end = buffer_.find('\n', scanned_);
    if (end != std::string::npos && end <= max_bytes) {
      auto line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      scanned_ = 0;
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    scanned_ = buffer_.size();
    if (scanned_ > max_bytes) {
      return fail(Remedy::look_at_peer,
                  fmt::format("a line of more than {} bytes from '{}'", max_bytes, path_));
    }
    if (auto ok = receive(deadline); !ok) return tl::unexpected(ok.error());
  }
}

Result<std::string> UnixStream::read_some(Deadline deadline) {
  if (buffer_.empty()) {
    if (auto ok = receive(deadline); !ok) return tl::unexpected(ok.error());
  }
  scanned_ = 0;
  return std::exchange(buffer_, {});
}

bool UnixStream::readable() const {
  pollfd item{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return !buffer_.empty() || ::poll(&item, 1, 0) > 0;
}

int UnixStream::peer_pid() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return 0;
  return peer.pid;
}

}  // namespace anycast
