#pragma once

#include <netlink/msg.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/system/fd.hpp"
#include "controller/base/error.hpp"
#include "controller/base/net.hpp"

namespace anycast::kernel {

struct FreeMessage {
  void operator()(nl_msg* message) const { ::nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

/// AF_INET or AF_INET6.
std::uint16_t family_number(const Address& address);
/// Empty where there is no such link any more.
std::string link_name(std::uint32_t index);

/// One netlink socket, in the network namespace of the thread that opened it. The kernel answers
/// within two seconds, or the exchange is an error.
class Netlink {
 public:
  /// `protocol` is NETLINK_ROUTE or NETLINK_GENERIC.
  static Result<Netlink> open(int protocol);

  /// Sends them in as few datagrams as there are hundreds of them, each carried out by the kernel
  /// in order, also behind one that it refuses. The errno of each, 0 where it was done.
  Result<std::vector<int>> carry_out(const std::vector<Message>& messages);

  using Each = std::function<void(const nlmsghdr&)>;
  /// Asks for a whole table and hands over each of its entries. The error has the kernel's errno;
  /// 0 is none. A table that changes meanwhile is asked for again.
  Result<int> dump(const Message& question, const Each& each);
  /// Asks for one thing.
  Result<int> ask(const Message& question, const Each& each);

  int fd() const { return fd_.get(); }

 private:
  explicit Netlink(Fd fd) : fd_{std::move(fd)} {}
  Result<void> send(const void* bytes, std::size_t size);
  /// The next datagram; its bytes are in `buffer_`.
  Result<std::size_t> receive();
  Result<void> carry_out(const std::vector<Message>& messages, std::size_t from, std::size_t to,
                         std::vector<int>& errors);
  struct Answer {
    std::vector<std::string> entries = {};
    int error = 0;
    bool whole = true;
  };
  Result<Answer> exchange(const Message& question, int flags);

  Fd fd_;
  std::uint32_t sequence_ = 0;
  std::vector<char> buffer_ = std::vector<char>(64U << 10U);
};

}  // namespace anycast::kernel
