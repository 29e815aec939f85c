#include "adapters/kernel/netlink.hpp"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace anycast::kernel {
namespace {

// Only refusals are answered one by one. So many of them fit the receive buffer that every kernel
// gives a socket (208 KiB), at the 768 bytes and more that it charges for each.
constexpr std::size_t kBatch = 128;
constexpr timeval kDeadline{.tv_sec = 2, .tv_usec = 0};
constexpr int kTries = 5;

tl::unexpected<Error> broken(const char* what) {
  if (errno == EAGAIN || errno == EWOULDBLOCK)
    return fail(Remedy::look_at_host, "the kernel did not answer over netlink within 2s");
  return fail(Remedy::look_at_host, fmt::format("netlink: {}: {}", what, std::strerror(errno)));
}

/// Of NLMSG_ERROR, and of NLMSG_DONE where a dump could not be made: both begin with the number.
int error_of(const nlmsghdr& header) {
  int error = 0;
  if (::nlmsg_datalen(&header) >= static_cast<int>(sizeof error))
    std::memcpy(&error, ::nlmsg_data(&header), sizeof error);
  return -error;
}

}  // namespace

std::uint16_t family_number(const Address& address) {
  return address.family == Address::Family::v4 ? AF_INET : AF_INET6;
}

std::string link_name(std::uint32_t index) {
  std::array<char, IF_NAMESIZE> name = {};
  return ::if_indextoname(index, name.data()) == nullptr ? std::string{} : name.data();
}

Result<Netlink> Netlink::open(int protocol) {
  Fd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)};
  if (!fd) return broken("no socket");
  // What was asked is known here; the kernel need not send it back with a refusal.
  const int on = 1;
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  // A dump is of what was asked for (Linux 4.20), not of the whole table.
  if (protocol == NETLINK_ROUTE)
    ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kDeadline, sizeof kDeadline) != 0 ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kDeadline, sizeof kDeadline) != 0)
    return broken("no deadline");
  return Netlink{std::move(fd)};
}

Result<void> Netlink::send(const void* bytes, std::size_t size) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const auto sent = ::sendto(fd_.get(), bytes, size, 0, reinterpret_cast<const sockaddr*>(&kernel),
                             sizeof kernel);
  if (sent != static_cast<ssize_t>(size)) return broken("cannot send");
  return {};
}

Result<std::size_t> Netlink::receive() {
  for (;;) {
    sockaddr_nl from{};
    socklen_t length = sizeof from;
    const auto got = ::recvfrom(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return broken("cannot receive");
    if (static_cast<std::size_t>(got) > buffer_.size())
      return fail(Remedy::report, fmt::format("netlink: an answer of {} bytes is too long", got));
    // Other processes may send to any netlink socket; the kernel's own port is 0.
    if (from.nl_pid == 0) return static_cast<std::size_t>(got);
  }
}

Result<std::vector<int>> Netlink::carry_out(const std::vector<Message>& messages) {
  std::vector<int> errors(messages.size(), 0);
  for (std::size_t from = 0; from < messages.size(); from += kBatch) {
    const auto to = std::min(messages.size(), from + kBatch);
    if (auto done = carry_out(messages, from, to, errors); !done)
      return tl::unexpected(std::move(done.error()));
  }
  return errors;
}

Result<void> Netlink::carry_out(const std::vector<Message>& messages, std::size_t from,
                                std::size_t to, std::vector<int>& errors) {
  std::string bytes;
  const auto first = sequence_ + 1;
  for (auto i = from; i < to; ++i) {
    auto* header = ::nlmsg_hdr(messages[i].get());
    header->nlmsg_seq = ++sequence_;
    header->nlmsg_flags |= NLM_F_REQUEST;
    // The kernel answers in order: the answer to the last one says that all of them are through.
    if (i + 1 == to) header->nlmsg_flags |= NLM_F_ACK;
    bytes.append(reinterpret_cast<const char*>(header), header->nlmsg_len);
    bytes.resize(NLMSG_ALIGN(bytes.size()));
  }
  if (auto sent = send(bytes.data(), bytes.size()); !sent) return sent;
  for (;;) {
    auto got = receive();
    if (!got) return tl::unexpected(std::move(got.error()));
    auto left = static_cast<int>(*got);
    for (auto* h = reinterpret_cast<nlmsghdr*>(buffer_.data()); ::nlmsg_ok(h, left);
         h = ::nlmsg_next(h, &left)) {
      if (h->nlmsg_type != NLMSG_ERROR) continue;
      const auto at = h->nlmsg_seq - first;  // what an earlier exchange left behind wraps around
      if (at >= to - from) continue;
      errors[from + at] = error_of(*h);
      if (at + 1 == to - from) return {};
    }
  }
}

Result<int> Netlink::dump(const Message& question, const Each& each) {
  for (int tries = 0; tries < kTries; ++tries) {
    const auto answer = exchange(question, NLM_F_DUMP);
    if (!answer) return tl::unexpected(answer.error());
    if (answer->error != 0) return answer->error;
    if (!answer->whole) continue;
    for (const auto& entry : answer->entries)
      each(*reinterpret_cast<const nlmsghdr*>(entry.data()));
    return 0;
  }
  return fail(Remedy::wait, "the kernel's table changed each time while it was read");
}

Result<int> Netlink::ask(const Message& question, const Each& each) {
  const auto answer = exchange(question, NLM_F_ACK);
  if (!answer) return tl::unexpected(answer.error());
  for (const auto& entry : answer->entries) each(*reinterpret_cast<const nlmsghdr*>(entry.data()));
  return answer->error;
}

Result<Netlink::Answer> Netlink::exchange(const Message& question, int flags) {
  auto* header = ::nlmsg_hdr(question.get());
  header->nlmsg_seq = ++sequence_;
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  if (auto sent = send(header, header->nlmsg_len); !sent)
    return tl::unexpected(std::move(sent.error()));
  Answer out;
  for (;;) {
    auto got = receive();
    if (!got) return tl::unexpected(std::move(got.error()));
    auto left = static_cast<int>(*got);
    for (auto* h = reinterpret_cast<nlmsghdr*>(buffer_.data()); ::nlmsg_ok(h, left);
         h = ::nlmsg_next(h, &left)) {
      if (h->nlmsg_seq != sequence_) continue;
      if ((h->nlmsg_flags & NLM_F_DUMP_INTR) != 0) out.whole = false;
      if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
        out.error = error_of(*h);
        return out;
      }
      out.entries.emplace_back(reinterpret_cast<const char*>(h), h->nlmsg_len);
    }
  }
}

}  // namespace anycast::kernel
