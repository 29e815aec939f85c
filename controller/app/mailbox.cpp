#include "controller/app/mailbox.hpp"

#include <utility>

namespace anycast {
namespace {
constexpr std::size_t kRepliesKept = 256;
}

std::uint64_t Mailbox::post(Order order) {
  const std::lock_guard lock{mutex_};
  order.id = next_ticket_++;
  post_.orders.push_back(std::move(order));
  posted_.notify_one();
  return next_ticket_ - 1;
}

void Mailbox::post(std::shared_ptr<const core::Setup> setup) {
  const std::lock_guard lock{mutex_};
  post_.setup = std::move(setup);
  posted_.notify_one();
}

void Mailbox::stop() {
  const std::lock_guard lock{mutex_};
  post_.stop = true;
  posted_.notify_one();
}

void Mailbox::wake(News news) {
  const std::lock_guard lock{mutex_};
  post_.woken = true;
  post_.pressing |= news == News::pressing;
  posted_.notify_one();
}

bool Mailbox::pressing() const {
  const std::lock_guard lock{mutex_};
  return post_.pressing;
}

Mailbox::Post Mailbox::wait(Time now, Time deadline) {
  std::unique_lock lock{mutex_};
  const auto anything = [&] {
    return post_.stop || post_.woken || post_.setup || !post_.orders.empty();
  };
  // By the monotonic clock: a step of the host's clock must not make a cycle wait for hours.
  if (deadline > now) posted_.wait_for(lock, deadline - now, anything);
  const bool stop = post_.stop;
  auto out = std::exchange(post_, Post{});
  post_.stop = stop;
  return out;
}

void Mailbox::answer(const std::vector<OrderReply>& replies) {
  const std::lock_guard lock{mutex_};
  for (const auto& reply : replies) replies_[reply.id] = reply;
  while (replies_.size() > kRepliesKept) replies_.erase(replies_.begin());
}

std::optional<OrderReply> Mailbox::reply(std::uint64_t ticket) const {
  const std::lock_guard lock{mutex_};
  const auto found = replies_.find(ticket);
  if (found == replies_.end()) return std::nullopt;
  return found->second;
}

}  // namespace anycast
