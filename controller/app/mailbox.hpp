#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "controller/base/time.hpp"
#include "controller/core/step.hpp"
#include "controller/model/order.hpp"

namespace anycast {

/// The one thing, besides the published status, that the two threads share: orders and a new setup
/// go to the cycle thread, replies come back. Every call is short.
class Mailbox {
 public:
  struct Post {
    std::vector<Order> orders = {};
    std::shared_ptr<const core::Setup> setup = {};  ///< a reload, or none
    bool stop = false;
    bool woken = false;     ///< something of this node's has changed
    bool pressing = false;  ///< and it cannot wait for anybody
  };

  /// Returns the ticket under which the reply will be found.
  std::uint64_t post(Order order);
  void post(std::shared_ptr<const core::Setup> setup);
  void stop();
  enum class News { usual, pressing };
  /// Something of this node's has changed.
  void wake(News news);
  /// Whether there is pressing news that nobody has taken yet.
  bool pressing() const;

  /// Waits for post or until `deadline`, whichever is first, and takes everything.
  Post wait(Time now, Time deadline);
  void answer(const std::vector<OrderReply>& replies);
  /// None while the order waits for its cycle; replies are kept for the newest few hundred orders.
  std::optional<OrderReply> reply(std::uint64_t ticket) const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable posted_;
  Post post_;
  std::uint64_t next_ticket_ = 1;
  std::map<std::uint64_t, OrderReply> replies_;
};

}  // namespace anycast
