#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/system/stream.hpp"

namespace anycast::frr {

/// A complete reply: text, and FRR's status (lib/command.h): 0 done, 1 a warning, 2 no such
/// command, 3 ambiguous, 4 incomplete, 13 configuration refused.
struct Reply {
  std::string text = {};
  int status = 0;
  bool operator==(const Reply&) const = default;
};

/// Puts a reply together from what comes over a vty socket: text, then three NULs and a byte of
/// status (lib/vty.c). There is no length, so bytes behind the status belong to no known question.
class ReplyReader {
 public:
  static constexpr std::size_t kMaxBytes = 8U << 20U;

  /// The reply once it is whole. An error where a NUL stands inside the text, something follows the
  /// status, or the reply grows beyond `kMaxBytes`.
  Result<std::optional<Reply>> feed(std::string_view bytes);

 private:
  std::string text_ = {};
  std::string tail_ = {};  ///< what has come of the three NULs and the status
};

/// One session on the vty socket of a FRR daemon, as vtysh has it. Commands one at a time, each
/// answered within the timeout. After an error the session is of no more use.
class Vty {
 public:
  /// `budget` bounds all exchanges of the session together.
  static Result<Vty> connect(const std::string& socket, Duration timeout, Duration budget);

  /// The whole reply, whatever its status. A command that a daemon would cut (1,000 bytes or more)
  /// or that has control characters is refused unsent.
  Result<Reply> ask(const std::string& command);
  /// The text of a reply with status 0; every other status is an error with the daemon's words.
  Result<std::string> told(const std::string& command);
  /// `configure terminal`, the commands and `end`; stops at the first that is refused.
  Result<void> configure(const std::vector<std::string>& commands);

  const std::string& daemon() const { return daemon_; }
  int peer_pid() const { return stream_.peer_pid(); }

 private:
  Vty(UnixStream stream, std::string daemon, Duration timeout, Deadline end)
      : stream_{std::move(stream)}, daemon_{std::move(daemon)}, timeout_{timeout}, end_{end} {}
  Result<Reply> exchange(const std::string& command);

  UnixStream stream_;
  std::string daemon_;  ///< "bgpd", by the name of the socket
  Duration timeout_;
  Deadline end_;
  bool broken_ = false;
};

}  // namespace anycast::frr
