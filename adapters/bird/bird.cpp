#include "adapters/bird/bird.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "adapters/system/file.hpp"
#include "adapters/system/lock.hpp"
#include "controller/base/text.hpp"

namespace anycast::bird {
namespace {

// A reconfiguration that shuts protocols down answers 0004; a peer that has to hear a NOTIFICATION
// takes some hundred milliseconds.
constexpr int kSettleInTimeouts = 4;
constexpr auto kPollEvery = milliseconds{10};
// BIRD derives the times that it prints from a monotonic clock; they move by milliseconds.
constexpr Duration kSameReconfiguration = seconds{1};
constexpr Duration kForLife = hours{24 * 365 * 50};

}  // namespace

Result<void> BirdSpeaker::lock() {
  if (lock_) return {};
  auto fd = lock_beside(settings_.fragment);
  if (!fd) return tl::unexpected(fd.error());
  lock_ = std::move(*fd);
  return {};
}

void BirdSpeaker::listen() {
  if (!held_) return;
  const bool usable = held_->usable();
  for (auto& line : held_->take_asynchronous()) heard_.push_back(std::move(line));
  if (!usable) held_.reset();
}

Result<Client*> BirdSpeaker::held() {
  listen();
  if (!held_) {
    auto client = Client::connect(settings_.socket, settings_.timeout, kForLife);
    if (!client) return tl::unexpected(client.error());
    held_ = std::move(*client);
  }
  return &*held_;
}

Result<Reply> BirdSpeaker::ask(const std::string& command) {
  const auto client = held();
  if (!client) return tl::unexpected(client.error());
  auto reply = (*client)->ask(command);
  listen();
  return reply;
}

Result<std::optional<std::uint32_t>> BirdSpeaker::running_revision() {
  return ask("eval ANYCASTD_REVISION").and_then(read_revision);
}

Result<bool> BirdSpeaker::unconfirmed() {
  return ask("configure status").and_then(read_unconfirmed);
}

/// Waits until the reconfiguration that `reply` reports is through: 0003 is, 0004 (in progress) and
/// 0005 (queued) are not yet.
Result<void> BirdSpeaker::settled(const std::string& command, const Reply& reply) {
  if (reply.code() == 8002) return tl::unexpected(configuration_error(reply));
  if (reply.code() != 3 && reply.code() != 4 && reply.code() != 5) {
    return tl::unexpected(unexpected(command, reply));
  }
  const auto deadline = deadline_in(settings_.timeout * kSettleInTimeouts);
  for (bool through = reply.code() == 3; !through;) {
    if (std::chrono::steady_clock::now() > deadline) {
      return fail(Remedy::wait, "bird does not finish the reconfiguration in time");
    }
    std::this_thread::sleep_for(kPollEvery);
    const auto status = ask("configure status");
    if (!status) return tl::unexpected(status.error());
    through = status->has(3);
  }
  // BIRD 2.0.12 may keep UPDATEs back for 3 s until something happens on a socket.
  for (int i = 0; i < 2; ++i) {
    if (auto poke = ask("show status"); !poke) return tl::unexpected(poke.error());
  }
  return {};
}

/// When BIRD read the files of what it runs; an undo is a reconfiguration that reads none.
std::optional<Time> BirdSpeaker::loaded_at(const Status& status) const {
  const auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  const auto since = reconfigured_at(status, now);
  const bool undone =
      since && went_back_ && std::chrono::abs(*since - went_back_->at) < kSameReconfiguration;
  return undone ? went_back_->loaded : since;
}

void BirdSpeaker::gone_back(const std::optional<Time>& loaded) {
  const auto status = ask("show status").and_then(read_status);
  const auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  const auto at = status ? reconfigured_at(*status, now) : std::nullopt;
  if (at && loaded) went_back_ = WentBack{*at, *loaded};
}

Result<void> BirdSpeaker::put_back(const std::optional<std::string>& previous) {
  return previous ? replace_file(settings_.fragment, *previous) : remove_file(settings_.fragment);
}

}  // namespace anycast::bird
