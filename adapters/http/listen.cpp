#include "adapters/http/listen.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "adapters/http/gate.hpp"
#include "adapters/system/user.hpp"
#include "controller/base/net.hpp"

namespace anycast {
namespace {

constexpr int kBacklog = 128;

tl::unexpected<Error> failed(const std::string& path, std::string_view what) {
  return fail(Remedy::look_at_host,
              fmt::format("control socket {}: {}: {}", path, what, std::strerror(errno)));
}

tl::unexpected<Error> taken(const std::string& path) {
  return fail(Remedy::look_at_host,
              fmt::format("control socket {}: another anycastd answers there already", path));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

template <class A>
const sockaddr* generic(const A& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool answers(const std::string& path) {
  const Fd probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const auto address = address_of(path);
  // EAGAIN is a full queue (unix(7)): somebody listens, however slowly.
  return ::connect(probe.get(), generic(address), sizeof address) == 0 || errno == EAGAIN;
}

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t length = 0;
};

SocketAddress socket_address(const Address& address, std::uint16_t port) {
  SocketAddress out;
  if (address.family == Address::Family::v4) {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
    std::memcpy(&out.storage, &v4, out.length = sizeof v4);
  } else {
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
    std::memcpy(&out.storage, &v6, out.length = sizeof v6);
  }
  return out;
}

std::uint16_t port_of(int socket) {
  sockaddr_storage storage = {};
  socklen_t length = sizeof storage;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &length);
  sockaddr_in v4 = {};
  std::memcpy(&v4, &storage, sizeof v4);
  return ntohs(v4.sin_port);  // sin6_port has the same place
}

}  // namespace

UnixListener::UnixListener(UnixListener&& other) noexcept
    : path_{std::move(other.path_)},
      lock_{std::move(other.lock_)},
      socket_{std::move(other.socket_)},
      group_{other.group_},
      owner_{std::exchange(other.owner_, 0)},
      device_{other.device_},
      inode_{other.inode_} {}

UnixListener::~UnixListener() {
  // A forked child holds copies of all this; the file is not its own.
  if (owner_ == 0 || owner_ != ::getpid()) return;
  struct stat info = {};
  if (::lstat(path_.c_str(), &info) != 0) return;
  if (info.st_dev == device_ && info.st_ino == inode_) ::unlink(path_.c_str());
}

Result<UnixListener> UnixListener::open(const Options& options) {
  UnixListener listener;
  listener.path_ = options.path;
  const auto& path = options.path;
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(Remedy::fix_value,
                fmt::format("control socket '{}' has {} bytes, expected a path of 1 to {}", path,
                            path.size(), sizeof(sockaddr_un::sun_path) - 1));
  }
  if (!options.group.empty()) {
    const auto group = group_id(options.group);
    if (!group) return tl::unexpected(group.error());
    listener.group_ = *group;
  }
  const auto lock = path + ".lock";
  listener.lock_ = Fd{::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!listener.lock_) return failed(path, fmt::format("cannot open {}", lock));
  if (::flock(listener.lock_.get(), LOCK_EX | LOCK_NB) != 0) return taken(path);
  if (const auto cleared = listener.clear_path(); !cleared) return tl::unexpected(cleared.error());
  if (const auto bound = listener.bind(options); !bound) return tl::unexpected(bound.error());
  return listener;
}

Result<void> UnixListener::clear_path() {
  struct stat info = {};
  if (::lstat(path_.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return failed(path_, "cannot look at it");
  }
  if (!S_ISSOCK(info.st_mode)) {
    return fail(Remedy::look_at_host,
                fmt::format("control socket {}: something else is there, expected a socket or "
                            "nothing",
                            path_));
  }
  if (answers(path_)) return taken(path_);
  if (::unlink(path_.c_str()) != 0) return failed(path_, "cannot remove the old one");
  return {};
}

Result<void> UnixListener::bind(const Options& options) {
  socket_ = Fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket_) return failed(path_, "socket");
  const auto address = address_of(path_);
  if (::bind(socket_.get(), generic(address), sizeof address) != 0) return failed(path_, "bind");
  struct stat info = {};
  if (::lstat(path_.c_str(), &info) != 0) return failed(path_, "cannot look at it");
  owner_ = ::getpid();
  device_ = info.st_dev;
  inode_ = info.st_ino;
  // Nobody can connect before `listen`, so there is no moment with the wrong mode.
  if (group_ && ::chown(path_.c_str(), static_cast<uid_t>(-1), *group_) != 0)
    return failed(path_, fmt::format("cannot give it to group {}", options.group));
  if (::chmod(path_.c_str(), options.mode) != 0) return failed(path_, "cannot set its mode");
  if (::listen(socket_.get(), kBacklog) != 0) return failed(path_, "listen");
  return {};
}

Result<TcpListener> listen_tcp(const std::string& listen) {
  const auto colon = listen.rfind(':');
  const auto host = host_of(listen);
  const auto address = Address::parse(host);
  std::uint16_t port = 0;
  const char* const end = listen.data() + listen.size();
  const auto digits = colon == std::string::npos
                          ? std::from_chars_result{end, std::errc::invalid_argument}
                          : std::from_chars(listen.data() + colon + 1, end, port);
  if (!address || digits.ec != std::errc{} || digits.ptr != end) {
    return fail(Remedy::fix_value,
                fmt::format("cannot listen on '{}', expected an address and a port like "
                            "127.0.0.1:9477 or [::1]:9477",
                            listen));
  }
  const bool v4 = address->family == Address::Family::v4;
  Fd socket{::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const int on = 1;
  const auto target = socket_address(*address, port);
  const bool listens = socket &&
                       ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                       ::bind(socket.get(), generic(target.storage), target.length) == 0 &&
                       ::listen(socket.get(), kBacklog) == 0;
  if (!listens) {
    return fail(Remedy::look_at_host,
                fmt::format("cannot listen on {}: {}", listen, std::strerror(errno)));
  }
  const auto bound = port_of(socket.get());
  return TcpListener{.socket = std::move(socket), .host = host, .port = bound};
}

}  // namespace anycast
