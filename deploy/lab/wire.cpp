// anycast-wire: cables with delay, jitter and loss per address block, for kernels without netem.
//
// Both ends of every cable are veth peers in this process's network namespace. It carries frames
// between them; an IPv4 packet from or to a block that has a rule on its cable is delayed and lost
// by that rule, everything else (ARP, BGP between link addresses) passes at once.
//
//   anycast-wire SOCKET        takes commands on this unix stream socket, one a line:
//     link NAME INTERFACE_A INTERFACE_B
//     rule NAME BLOCK [delay MS] [jitter MS] [loss PERCENT]   sets the whole rule; each direction
//     stat                                                    counters, one line per rule
// Each command is answered by its output and "ok", or by "error: ...". The client ends its input
// (shutdown) and reads to the end.
//
// Delay is `delay` plus a uniform share of -jitter..+jitter; packets of one rule and direction do
// not overtake each other. Loss is independent from packet to packet.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "adapters/system/fd.hpp"

namespace {

using anycast::Fd;
using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, the clock of the timerfd
using Time = Clock::time_point;
using Span = Clock::duration;

// sizeof(virtio_net_hdr); <linux/virtio_net.h> has a member called `class` and is no C++.
constexpr std::size_t kOffloadHeader = 10;

struct Block {
  std::uint32_t address = 0;  // host byte order
  std::uint32_t mask = 0;
  auto operator<=>(const Block&) const = default;
  bool contains(std::uint32_t other) const { return (other & mask) == address; }
};

std::optional<Block> parse_block(const std::string& text) {
  const auto slash = text.find('/');
  int length = -1;
  in_addr address{};
  if (slash == std::string::npos ||
      inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) != 1 ||
      std::from_chars(text.data() + slash + 1, text.data() + text.size(), length).ptr !=
          text.data() + text.size() ||
      length < 1 || length > 32)
    return std::nullopt;
  const std::uint32_t mask = ~std::uint32_t{0} << (32 - length);
  return Block{.address = ntohl(address.s_addr) & mask, .mask = mask};
}

struct Direction {
  Time last_due = {};
  std::uint64_t carried = 0;
  std::uint64_t lost = 0;
};

struct Rule {
  Span delay = {};
  Span jitter = {};
  double loss = 0;  // 0 to 1
  std::array<Direction, 2> directions = {};
};

/// One end of a cable: a packet socket on its interface, and what leads away from it.
struct End {
  Fd socket;
  int other = -1;        // the socket of the far end
  std::size_t side = 0;  // index into Rule::directions
  std::map<Block, Rule>* rules = nullptr;
};

struct Cable {
  std::array<End, 2> ends;
  std::map<Block, Rule> rules;
};

struct Frame {
  Time due;
  std::uint64_t number;  // frames that are due together leave in the order they came
  int socket;
  std::vector<char> bytes;
};

bool later(const Frame& a, const Frame& b) {
  return std::tie(a.due, a.number) > std::tie(b.due, b.number);
}

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Fd open_interface(const std::string& name) {
  Fd fd{socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) fail("packet socket");
  // The virtio header keeps checksum and segmentation offload intact across the cable.
  for (const int option : {PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING, PACKET_QDISC_BYPASS}) {
    const int on = 1;
    if (setsockopt(fd.get(), SOL_PACKET, option, &on, sizeof on) != 0) fail("packet option");
  }
  const int buffer = 4 << 20;
  for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE})
    setsockopt(fd.get(), SOL_SOCKET, option, &buffer, sizeof buffer);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(name.c_str()));
  if (address.sll_ifindex == 0 ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail("interface '" + name + "'");
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = address.sll_ifindex;
  promiscuous.mr_type = PACKET_MR_PROMISC;
  if (setsockopt(fd.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) !=
      0)
    fail("interface '" + name + "'");
  return fd;
}

class Wire {
 public:
  explicit Wire(int epoll) : epoll_{epoll} {}

  void link(const std::string& name, const std::string& a, const std::string& b);
  /// True if there is such a cable.
  bool set_rule(const std::string& name, const Block& block, const Rule& rule);
  std::string statistics() const;

  /// Takes what has arrived at one end.
  void receive(End& end);
  /// Sends what is due.
  void deliver(Time now);
  std::optional<Time> next_due() const;

 private:
  Rule* rule_for(const End& end, const char* frame, std::size_t size);
  double uniform() { return std::uniform_real_distribution<>{0, 1}(random_); }

  int epoll_;
  std::map<std::string, Cable> cables_ = {};
  std::vector<Frame> heap_ = {};
  std::uint64_t frames_ = 0;
  std::mt19937_64 random_{std::random_device{}()};
};

void Wire::link(const std::string& name, const std::string& a, const std::string& b) {
  std::array<Fd, 2> sockets = {open_interface(a), open_interface(b)};
  Cable& cable = cables_[name];
  for (std::size_t side : {0, 1}) {
    End& end = cable.ends[side];
    end.side = side;
    end.other = sockets[1 - side].get();
    end.rules = &cable.rules;
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &end}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, sockets[side].get(), &event) != 0) fail("epoll");
  }
  for (std::size_t side : {0, 1}) cable.ends[side].socket = std::move(sockets[side]);
}

bool Wire::set_rule(const std::string& name, const Block& block, const Rule& rule) {
  const auto cable = cables_.find(name);
  if (cable == cables_.end()) return false;
  Rule& mine = cable->second.rules[block];
  mine.delay = rule.delay;
  mine.jitter = rule.jitter;
  mine.loss = rule.loss;
  return true;
}

std::string Wire::statistics() const {
  std::ostringstream out;
  for (const auto& [name, cable] : cables_) {
    for (const auto& [block, rule] : cable.rules) {
      in_addr address{.s_addr = htonl(block.address)};
      std::array<char, INET_ADDRSTRLEN> text{};
      out << name << ' ' << inet_ntop(AF_INET, &address, text.data(), text.size());
      for (const Direction& d : rule.directions)
        out << " carried " << d.carried << " lost " << d.lost;
      out << '\n';
    }
  }
  return out.str();
}

Rule* Wire::rule_for(const End& end, const char* frame, std::size_t size) {
  constexpr std::size_t ip = kOffloadHeader + sizeof(ether_header);
  if (end.rules->empty() || size < ip + sizeof(iphdr)) return nullptr;
  ether_header ethernet;
  iphdr header;
  std::memcpy(&ethernet, frame + kOffloadHeader, sizeof ethernet);
  std::memcpy(&header, frame + ip, sizeof header);
  if (ntohs(ethernet.ether_type) != ETHERTYPE_IP) return nullptr;
  for (auto& [block, rule] : *end.rules)
    if (block.contains(ntohl(header.saddr)) || block.contains(ntohl(header.daddr))) return &rule;
  return nullptr;
}

void Wire::receive(End& end) {
  static std::array<char, 70'000> buffer;  // a whole 64 KiB segmentation-offload packet
  for (int budget = 64; budget > 0; --budget) {
    const ssize_t size = recv(end.socket.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) return;
    Time due = Clock::now();
    if (Rule* rule = rule_for(end, buffer.data(), static_cast<std::size_t>(size))) {
      Direction& direction = rule->directions[end.side];
      if (uniform() < rule->loss) {
        ++direction.lost;
        continue;
      }
      ++direction.carried;
      due += rule->delay + std::chrono::duration_cast<Span>((2 * uniform() - 1) * rule->jitter);
      due = direction.last_due = std::max(due, direction.last_due);
    }
    heap_.push_back({due, ++frames_, end.other, {buffer.data(), buffer.data() + size}});
    std::ranges::push_heap(heap_, later);
  }
}

void Wire::deliver(Time now) {
  while (!heap_.empty() && heap_.front().due <= now) {
    std::ranges::pop_heap(heap_, later);
    const Frame& frame = heap_.back();
    // A full queue drops the frame, as any cable would.
    static_cast<void>(send(frame.socket, frame.bytes.data(), frame.bytes.size(), MSG_DONTWAIT));
    heap_.pop_back();
  }
}

std::optional<Time> Wire::next_due() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

Span milliseconds(double value) {
  return std::chrono::duration_cast<Span>(std::chrono::duration<double, std::milli>(value));
}

std::string rule_command(Wire& wire, std::istringstream& words) {
  std::string name;
  std::string block_text;
  words >> name >> block_text;
  const auto block = parse_block(block_text);
  if (!block) return "error: '" + block_text + "' is not an IPv4 block like 198.51.100.0/26\n";
  Rule rule;
  std::string key;
  while (words >> key) {
    double value = -1;
    words >> value;
    if (!words || value < 0) return "error: '" + key + "' wants a number, 0 or more\n";
    if (key == "delay")
      rule.delay = milliseconds(value);
    else if (key == "jitter")
      rule.jitter = milliseconds(value);
    else if (key == "loss")
      rule.loss = value / 100;
    else
      return "error: '" + key + "' is none of delay, jitter, loss\n";
  }
  if (!wire.set_rule(name, *block, rule)) return "error: no cable '" + name + "'\n";
  return "ok\n";
}

std::string command(Wire& wire, const std::string& line) {
  std::istringstream words(line);
  std::string verb;
  words >> verb;
  if (verb == "rule") return rule_command(wire, words);
  if (verb == "stat") return wire.statistics() + "ok\n";
  if (verb != "link") return "error: '" + verb + "' is none of link, rule, stat\n";
  std::string name;
  std::string a;
  std::string b;
  words >> name >> a >> b;
  try {
    wire.link(name, a, b);
  } catch (const std::system_error& error) {
    return std::string("error: ") + error.what() + "\n";
  }
  return "ok\n";
}

/// One client: reads its commands to the end and answers them. Clients are the lab's own and quick;
/// a silent one is given up after a second.
void serve(Wire& wire, int listener) {
  const Fd client{accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
  if (!client) return;
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  std::string input;
  std::array<char, 4096> buffer;
  ssize_t size = 0;
  while ((size = read(client.get(), buffer.data(), buffer.size())) > 0)
    input.append(buffer.data(), static_cast<std::size_t>(size));
  std::istringstream lines(input);
  std::string answer;
  for (std::string line; std::getline(lines, line);) answer += command(wire, line);
  static_cast<void>(send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL));
}

Fd listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    fail(path);
  }
  path.copy(address.sun_path, path.size());
  unlink(path.c_str());
  Fd listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!listener ||
      bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener.get(), 8) != 0)
    fail(path);
  return listener;
}

void arm(int timer, std::optional<Time> due) {
  itimerspec when{};
  if (due) {
    const auto ns = std::max<Span>(due->time_since_epoch(), Span{1}).count();
    when.it_value = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  }
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr);
}

void run(const std::string& path) {
  prctl(PR_SET_TIMERSLACK, 1);
  const Fd epoll{epoll_create1(EPOLL_CLOEXEC)};
  const Fd timer{timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
  const Fd listener = listen_on(path);
  for (const Fd* fd : {&timer, &listener}) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = const_cast<Fd*>(fd)}};
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd->get(), &event) != 0) fail("epoll");
  }
  Wire wire(epoll.get());
  for (;;) {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) fail("epoll");
    for (int i = 0; i < count; ++i) {
      void* source = events[static_cast<std::size_t>(i)].data.ptr;
      if (source == &listener) {
        serve(wire, listener.get());
      } else if (source == &timer) {
        std::uint64_t expirations = 0;
        static_cast<void>(!read(timer.get(), &expirations, sizeof expirations));
      } else {
        wire.receive(*static_cast<End*>(source));
      }
    }
    wire.deliver(Clock::now());
    arm(timer.get(), wire.next_due());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: anycast-wire SOCKET\n");
    return 2;
  }
  try {
    run(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "anycast-wire: %s\n", error.what());
    return 1;
  }
}
