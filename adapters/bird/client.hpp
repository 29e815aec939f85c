#pragma once

#include <string>
#include <vector>

#include "adapters/bird/reply.hpp"
#include "adapters/system/stream.hpp"

namespace anycast::bird {

/// One connection to BIRD's control socket. Commands one at a time, each answered within the
/// timeout. After an error the connection is of no more use: what it would say next belongs to no
/// known question.
class Client {
 public:
  /// `budget` bounds all exchanges of the connection together.
  static Result<Client> connect(const std::string& socket, Duration timeout, Duration budget);

  /// The complete reply, whatever its code; a reply of 8004 (cut short by a reconfiguration) is
  /// asked for again. A command that could kill the daemon's side of the socket (1,000 bytes or
  /// more, control characters) is refused unsent.
  Result<Reply> ask(const std::string& command);
  /// Gives up all rights to change anything, for the life of the connection.
  Result<void> restrict_rights();

  /// False where the other side hung up or something went wrong before.
  bool usable();
  const std::string& version() const { return version_; }
  int peer_pid() const { return stream_.peer_pid(); }
  /// Asynchronous lines since the last call.
  std::vector<std::string> take_asynchronous() { return parser_.take_asynchronous(); }

 private:
  Client(UnixStream stream, Duration timeout, Deadline end)
      : stream_{std::move(stream)}, timeout_{timeout}, end_{end} {}
  Result<Reply> read_reply(Deadline deadline);
  Result<Reply> exchange(const std::string& command);

  UnixStream stream_;
  Duration timeout_;
  Deadline end_;
  ReplyParser parser_ = {};
  std::string version_ = {};
  bool broken_ = false;
};

/// The pattern form of a protocol's name, which never clashes with a keyword: "\"cmi\"".
std::string quote(const std::string& text);

}  // namespace anycast::bird
