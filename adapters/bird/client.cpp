#include "adapters/bird/client.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"

namespace anycast::bird {
namespace {

// BIRD's receive buffer takes 1,024 bytes (sysdep/unix/main.c, cli_connect); a longer line resets
// the connection, one of more than 4,094 bytes makes the daemon spin for ever.
constexpr std::size_t kMaxCommand = 999;
constexpr int kTriesWhenCut = 4;
constexpr int kCutShort = 8004;

}  // namespace

std::string quote(const std::string& text) { return fmt::format("\"{}\"", text); }

Result<Client> Client::connect(const std::string& socket, Duration timeout, Duration budget) {
  const auto deadline = deadline_in(timeout);
  auto stream = UnixStream::connect(socket, deadline);
  if (!stream) return tl::unexpected(stream.error());
  Client client{std::move(*stream), timeout, deadline_in(budget)};
  auto greeting = client.read_reply(deadline);
  if (!greeting) return tl::unexpected(greeting.error());
  const auto words = split(greeting->text(1).value_or(""), ' ');
  if (words.size() < 2 || words[0] != "BIRD") {
    return fail(Remedy::look_at_peer,
                fmt::format("'{}' does not greet like bird, expected '0001 BIRD <version> ready.'",
                            socket));
  }
  client.version_ = words[1];
  return client;
}

Result<Reply> Client::read_reply(Deadline deadline) {
  for (;;) {
    auto line = stream_.read_line(deadline);
    if (!line) {
      broken_ = true;
      return tl::unexpected(line.error());
    }
    const auto progress = parser_.feed(*line);
    if (!progress) {
      broken_ = true;
      return tl::unexpected(progress.error());
    }
    if (*progress == ReplyParser::Progress::complete) return parser_.take();
  }
}

Result<Reply> Client::exchange(const std::string& command) {
  if (broken_) return fail(Remedy::report, "the connection to bird is broken");
  const auto deadline = std::min(deadline_in(timeout_), end_);
  if (auto sent = stream_.write(command + "\n", deadline); !sent) {
    broken_ = true;
    return tl::unexpected(sent.error());
  }
  return read_reply(deadline);
}

Result<Reply> Client::ask(const std::string& command) {
  const bool clean = std::ranges::all_of(command, [](char c) { return c >= ' ' && c <= '~'; });
  if (command.empty() || command.size() > kMaxCommand || !clean) {
    return fail(Remedy::fix_value,
                fmt::format("'{}' is not sent to bird, expected 1 to {} printable characters",
                            clip(printable(command), 60), kMaxCommand));
  }
  for (int tries = 1;; ++tries) {
    auto reply = exchange(command);
    if (!reply) {
      reply.error().notes.push_back(fmt::format("the command was '{}'", command));
      return reply;
    }
    if (reply->code() != kCutShort) return reply;
    if (tries == kTriesWhenCut) {
      return fail(Remedy::wait,
                  fmt::format("bird reconfigures all the time, no answer to '{}'", command));
    }
  }
}

Result<void> Client::restrict_rights() {
  const auto reply = ask("restrict");
  if (!reply) return tl::unexpected(reply.error());
  if (reply->code() == 16) return {};
  return fail(Remedy::look_at_peer, "bird did not restrict the connection that only reads");
}

bool Client::usable() {
  // An asynchronous line may wait to be read; the end of the stream reads as an error.
  while (!broken_ && stream_.readable()) {
    const auto line = stream_.read_line(deadline_in(milliseconds{50}));
    broken_ = !line || !line->starts_with('+') || !parser_.feed(*line);
  }
  return !broken_;
}

}  // namespace anycast::bird
