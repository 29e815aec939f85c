#include "tests/support/traffic.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <vector>

#include "controller/base/text.hpp"
#include "tests/support/net_space.hpp"
#include "tests/support/process.hpp"

namespace anycast::test {
namespace {

constexpr std::uint16_t kPort = 80;
constexpr std::chrono::milliseconds kCrowdsPatience{400};
constexpr std::chrono::milliseconds kCrowdsPace{50};
/// So many that nobody has to wait for an answer before his next request is due.
constexpr int kCrowd = 20;

/// Answers through the director what was translated, and the client itself what came with the
/// service's own address.
void real_server(const std::string& name, const std::string& last) {
  join_wire(name, fmt::format("192.0.2.{}/24", last), fmt::format("2001:db8:1::{}/64", last));
  const auto at = "-n " + name + " ";
  ip(at + "route add default via 192.0.2.1");
  ip(at + "-6 route add default via 2001:db8:1::1");
  ip(at + "route add local 198.51.100.0/24 dev lo");
  ip(at + "-6 route add local 2001:db8:f::/64 dev lo");
  ip(at + "rule add from 198.51.100.0/24 table 7");
  ip(at + "-6 rule add from 2001:db8:f::/64 table 7");
  ip(at + "route add 203.0.113.0/24 dev eth0 table 7");
  ip(at + "-6 route add 2001:db8:2::/64 dev eth0 table 7");
  ip(at + "link set dev tunl0 up");
  ip(at + "link set dev ip6tnl0 up");
  // The client is on the same link, and IPv6 knows no way to forbid a router to say so: what was
  // translated would go to it untranslated.
  set_in(name, "ipv6/conf/eth0/accept_redirects", "0");
}

}  // namespace

void enter_space(const std::string& name) {
  const Fd fd{::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd || ::setns(fd.get(), CLONE_NEWNET) != 0) throw std::runtime_error("no space " + name);
}

void ip(const std::string& words) {
  auto all = split("ip " + words, ' ');
  if (run_program({all.begin(), all.end()}) != 0) throw std::runtime_error("ip " + words);
}

void set_in(const std::string& space, const std::string& name, const std::string& value) {
  std::thread{[&] {
    enter_space(space);
    std::ofstream{"/proc/sys/net/" + name} << value;
  }}.join();
}

std::string printed_in(const std::string& space, const std::string& command) {
  std::string out;
  std::thread{[&] {
    enter_space(space);
    out = printed(command);
  }}.join();
  return out;
}

void join_wire(const std::string& name, const std::string& v4, const std::string& v6) {
  ip("netns add " + name);
  ip("-n " + name + " link set dev lo up");
  ip(fmt::format("-n wire-room link add w-{} type veth peer name eth0 netns {}", name, name));
  ip(fmt::format("-n wire-room link set dev w-{} master wire up", name));
  ip("-n " + name + " link set dev eth0 up");
  ip(fmt::format("-n {} address add {} dev eth0", name, v4));
  ip(fmt::format("-n {} address add {} dev eth0 nodad", name, v6));
}

void lay_wire() {
  if (std::filesystem::exists("/run/netns/wire-room")) return;
  // A namespace without a process or a name is gone, and the wire with it.
  ip("netns add wire-room");
  enter_space("wire-room");
  ip("link add wire type bridge");
  ip("link set dev wire up");
  join_wire("client", "203.0.113.2/24", "2001:db8:2::2/64");
  join_wire("director", "192.0.2.1/24", "2001:db8:1::1/64");
  ip("-n director address add 203.0.113.1/24 dev eth0");
  ip("-n director address add 2001:db8:2::1/64 dev eth0 nodad");
  ip("-n client route add default via 203.0.113.1");
  ip("-n client -6 route add default via 2001:db8:2::1");
  real_server("r1", "11");
  real_server("r2", "12");
  set_in("director", "ipv4/ip_forward", "1");
  set_in("director", "ipv6/conf/all/forwarding", "1");
  set_in("director", "ipv4/conf/all/send_redirects", "0");
  set_in("director", "ipv4/conf/eth0/send_redirects", "0");
}

Responder::Responder(std::string space) : space_{std::move(space)} {
  if (::pipe2(stop_, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  thread_ = std::thread{[this] { serve(); }};
  while (!listening_) std::this_thread::yield();
}

Responder::~Responder() {
  ::close(stop_[1]);
  thread_.join();
  ::close(stop_[0]);
}

void Responder::serve() {
  enter_space(space_);
  const Fd listener{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(kPort);
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 ||
      ::listen(listener.get(), 128) != 0)
    throw std::runtime_error("cannot listen in " + space_);
  listening_ = true;
  std::vector<pollfd> waits{{stop_[0], POLLIN, 0}, {listener.get(), POLLIN, 0}};
  for (;;) {
    ::poll(waits.data(), waits.size(), -1);
    if (waits[0].revents != 0) break;
    for (std::size_t i = 2; i < waits.size(); ++i) {
      if (waits[i].revents != 0 && !answer(waits[i].fd)) waits[i].fd = -1;
    }
    std::erase_if(waits, [](const pollfd& w) { return w.fd < 0; });
    if (waits[1].revents != 0)
      waits.push_back({::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), POLLIN, 0});
  }
  for (std::size_t i = 2; i < waits.size(); ++i) ::close(waits[i].fd);
}

bool Responder::answer(int fd) const {
  char byte = 0;
  if (::read(fd, &byte, 1) == 1 && ::send(fd, space_.data(), space_.size(), MSG_NOSIGNAL) > 0)
    return true;
  ::close(fd);
  return false;
}

Connection::Connection(const Address& to, std::chrono::milliseconds patience)
    : fd_{::socket(to.family == Address::Family::v4 ? AF_INET : AF_INET6,
                   SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  const timeval limit{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (to.family == Address::Family::v4) {
    sockaddr_in there{};
    there.sin_family = AF_INET;
    there.sin_port = htons(kPort);
    std::memcpy(&there.sin_addr, to.bytes.data(), sizeof there.sin_addr);
    up_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&there), sizeof there) == 0;
  } else {
    sockaddr_in6 there{};
    there.sin6_family = AF_INET6;
    there.sin6_port = htons(kPort);
    std::memcpy(&there.sin6_addr, to.bytes.data(), sizeof there.sin6_addr);
    up_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&there), sizeof there) == 0;
  }
}

std::string Connection::ask() {
  char answer[16] = {};
  if (!up_ || ::send(fd_.get(), "?", 1, MSG_NOSIGNAL) != 1) return "failed";
  const auto got = ::read(fd_.get(), answer, sizeof answer);
  return got > 0 ? std::string{answer, static_cast<std::size_t>(got)} : "failed";
}

std::string to_string(const Answers& answers) {
  std::vector<std::string> out;
  for (const auto& [who, times] : answers) out.push_back(fmt::format("{} {}", times, who));
  return join(out, ", ");
}

Answers requests(const Address& to, int count) {
  Answers out;
  std::thread{[&] {
    enter_space("client");
    for (int i = 0; i < count; ++i) ++out[Connection{to}.ask()];
  }}.join();
  return out;
}

Users::Users(Address to)
    : to_{to}, thread_{[this] {
        enter_space("client");
        while (!over_) {
          const auto who = Connection{to_}.ask();
          ++answers_[who];
          if (who == "failed") ++failed_;
          ++asked_;
          // Others have to run, too, on a machine of one processor.
          std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
      }} {}

Users::~Users() { end(); }

void Users::wait_for(int more) const {
  for (const int until = asked_ + more; asked_ < until;)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
}

Answers Users::end() {
  over_ = true;
  if (thread_.joinable()) thread_.join();
  return answers_;
}

Crowd::Crowd(Address to) : to_{to} {
  const auto now = std::chrono::steady_clock::now();
  for (int i = 0; i < kCrowd; ++i)
    threads_.emplace_back([this, first = now + i * kCrowdsPace] { ask(first); });
}

Crowd::~Crowd() {
  over_ = true;
  for (auto& thread : threads_) thread.join();
}

void Crowd::ask(Time first) {
  enter_space("client");
  for (auto due = first; !over_; due += kCrowd * kCrowdsPace) {
    std::this_thread::sleep_until(due);
    const auto began = std::chrono::steady_clock::now();
    const bool good = Connection{to_, kCrowdsPatience}.ask() != "failed";
    const std::scoped_lock lock{mutex_};
    answered_[began] = good;
  }
}

Crowd::Loss Crowd::lost(Time from, Time to) const {
  const std::scoped_lock lock{mutex_};
  Loss out;
  std::optional<Time> first;
  Time last;
  for (auto at = answered_.lower_bound(from); at != answered_.end() && at->first < to; ++at) {
    if (at->second) continue;
    ++out.requests;
    last = at->first;
    if (!first) first = last;
  }
  if (!first) return out;
  const auto good = std::find_if(answered_.upper_bound(last), answered_.end(),
                                 [](const auto& one) { return one.second; });
  const auto end = good == answered_.end() ? to : good->first;
  out.ms = std::chrono::duration_cast<std::chrono::milliseconds>(end - *first).count();
  return out;
}

bool Crowd::answered(Time since) const {
  const std::scoped_lock lock{mutex_};
  return std::any_of(answered_.upper_bound(since), answered_.end(),
                     [](const auto& one) { return one.second; });
}

}  // namespace anycast::test
