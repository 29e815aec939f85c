#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "adapters/system/fd.hpp"
#include "controller/base/error.hpp"

namespace anycast {

/// A listening unix socket with its file. A lock file beside it ("<path>.lock", left in place) says
/// whose the path is: a socket file that a killed daemon left is replaced, one on which somebody
/// still answers is an error. The process that opened it removes the file at the end.
class UnixListener {
 public:
  struct Options {
    std::string path;
    std::string group = {};  ///< owner group of the file; empty: the process's own
    mode_t mode = 0660;
  };
  static Result<UnixListener> open(const Options& options);

  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();

  int fd() const { return socket_.get(); }
  /// Group whose members may write, where `Options::group` named one.
  std::optional<gid_t> group() const { return group_; }

 private:
  UnixListener() = default;
  Result<void> clear_path();
  Result<void> bind(const Options& options);

  std::string path_;
  Fd lock_;
  Fd socket_;
  std::optional<gid_t> group_;
  pid_t owner_ = 0;  ///< process that bound the file; 0: none did
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct TcpListener {
  Fd socket;
  std::string host;        ///< the address alone
  std::uint16_t port = 0;  ///< the real one, where 0 was asked for
};
/// `listen` is "127.0.0.1:9477" or "[::1]:9477"; an address, never a name.
Result<TcpListener> listen_tcp(const std::string& listen);

}  // namespace anycast
