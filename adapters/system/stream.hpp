#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "adapters/system/fd.hpp"
#include "controller/base/error.hpp"
#include "controller/base/time.hpp"

namespace anycast {

/// A moment on the monotonic clock after which an exchange has failed.
using Deadline = std::chrono::steady_clock::time_point;
Deadline deadline_in(Duration timeout);

/// A connected unix stream socket. No call blocks beyond its deadline; after an error the stream is
/// of no more use. Errors tell a daemon that is not there, one that does not answer in time and one
/// that hung up.
class UnixStream {
 public:
  static Result<UnixStream> connect(const std::string& path, Deadline deadline);

  Result<void> write(std::string_view text, Deadline deadline);
  /// The next line without its end ("\n" or "\r\n"). A line of more than `max_bytes` is an error,
  /// and so is the end of the stream, even after a last line without its end.
  Result<std::string> read_line(Deadline deadline, std::size_t max_bytes = 65536);
  /// What has come and nobody has read yet, at least one byte; the end of the stream is an error.
  Result<std::string> read_some(Deadline deadline);
  /// Whether something has come, or the other side has hung up, that nobody has read yet.
  bool readable() const;
  /// Process that listens there (SO_PEERCRED), 0 where it is not known.
  int peer_pid() const;

 private:
  UnixStream(Fd fd, std::string path) : fd_{std::move(fd)}, path_{std::move(path)} {}
  Result<void> wait(short events, Deadline deadline) const;
  Result<void> receive(Deadline deadline);

  Fd fd_;
  std::string path_;
  std::string buffer_ = {};
  std::size_t scanned_ = 0;  ///< bytes of the buffer that hold no line end
};

}  // namespace anycast
