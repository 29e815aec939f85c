#include "adapters/frr/vty.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "controller/base/text.hpp"

namespace anycast::frr {
namespace {

// FRR 8.4 never answers a command of 4,095 bytes and reads the end of a longer one as another
// command; 10.7 has twice the room (lib/vty.h, VTY_BUFSIZ).
constexpr std::size_t kMaxCommand = 999;
constexpr std::size_t kTail = 4;

std::string_view word_of(int status) {
  switch (status) {
    case 1: return "a warning";
    case 2: return "no such command";
    case 3: return "ambiguous";
    case 4: return "incomplete";
    case 12: return "suspended";
    case 13: return "refused";
    case 14: return "no such instance";
    default: return "an unknown status";
  }
}

}  // namespace

Result<std::optional<Reply>> ReplyReader::feed(std::string_view bytes) {
  if (tail_.empty()) {
    const auto end = std::min(bytes.find('\0'), bytes.size());
    text_ += bytes.substr(0, end);
    bytes.remove_prefix(end);
  }
  tail_ += bytes.substr(0, kTail);
  if (text_.size() > kMaxBytes) {
    return fail(Remedy::look_at_peer, fmt::format("a reply of more than {} bytes", kMaxBytes));
  }
  const auto zeros = std::min(tail_.size(), kTail - 1);
  const bool broken = tail_.find_first_not_of('\0') < zeros;
  if (broken || tail_.size() > kTail || bytes.size() > kTail) {
    return fail(Remedy::look_at_peer, "a reply that does not end with three NULs and a status");
  }
  if (tail_.size() < kTail) return std::nullopt;
  Reply out{.text = std::exchange(text_, {}), .status = static_cast<unsigned char>(tail_.back())};
  tail_.clear();
  return out;
}

Result<Vty> Vty::connect(const std::string& socket, Duration timeout, Duration budget) {
  auto stream = UnixStream::connect(socket, deadline_in(timeout));
  if (!stream) return tl::unexpected(stream.error());
  auto name = std::filesystem::path{socket}.stem().string();
  Vty vty{std::move(*stream), std::move(name), timeout, deadline_in(budget)};
  // A session begins without the right to see a configuration; whoever may open the socket gets it.
  if (auto ok = vty.told("enable"); !ok) return tl::unexpected(ok.error());
  return vty;
}

Result<Reply> Vty::exchange(const std::string& command) {
  const auto deadline = std::min(deadline_in(timeout_), end_);
  if (auto sent = stream_.write(command + '\0', deadline); !sent) {
    return tl::unexpected(sent.error());
  }
  ReplyReader reader;
  for (;;) {
    const auto bytes = stream_.read_some(deadline);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto reply = reader.feed(*bytes);
    if (!reply) {
      auto error = reply.error();
      error.text = fmt::format("{} sends {}", daemon_, error.text);
      return tl::unexpected(std::move(error));
    }
    if (*reply) return **reply;
  }
}

Result<Reply> Vty::ask(const std::string& command) {
  if (broken_) return fail(Remedy::report, fmt::format("the session with {} is broken", daemon_));
  const bool clean = std::ranges::all_of(command, [](char c) { return c >= ' ' && c <= '~'; });
  if (command.empty() || command.size() > kMaxCommand || !clean) {
    return fail(Remedy::fix_value,
                fmt::format("'{}' is not sent to {}, expected 1 to {} printable characters",
                            clip(printable(command), 60), daemon_, kMaxCommand));
  }
  auto reply = exchange(command);
  if (!reply) {
    broken_ = true;
    reply.error().notes.push_back(fmt::format("the command was '{}'", command));
  }
  return reply;
}

Result<std::string> Vty::told(const std::string& command) {
  auto reply = ask(command);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->status == 0) return std::move(reply->text);
  const auto words = clip(printable(trim(reply->text)), 200);
  return fail(Remedy::look_at_peer, fmt::format("{} answers '{}' ({}) to '{}'", daemon_, words,
                                                word_of(reply->status), command));
}

Result<void> Vty::configure(const std::vector<std::string>& commands) {
  if (commands.empty()) return {};
  if (auto ok = told("configure terminal"); !ok) return tl::unexpected(ok.error());
  for (const auto& command : commands) {
    auto done = told(command);
    if (done) continue;
    // The session may be asked for more; what it is in the middle of is left.
    if (!broken_) (void)told("end");
    return tl::unexpected(std::move(done.error()));
  }
  if (auto ok = told("end"); !ok) return tl::unexpected(ok.error());
  return {};
}

}  // namespace anycast::frr
