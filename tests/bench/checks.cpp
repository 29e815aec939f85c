// What it costs to ask thousands of real servers: a child process takes the connections, the
// figures are those of the process that asks.
//
// usage: bench_checks [SECONDS [SERVERS]]

#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "adapters/health/checker.hpp"
#include "adapters/system/fd.hpp"

using namespace anycast;

namespace {

constexpr int kPorts = 100;  ///< each is asked under many addresses of loopback
constexpr std::uint8_t kLoopback = 127;

Fd listening(std::uint16_t& port) {
  Fd out{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
  sockaddr_in any = {};
  any.sin_family = AF_INET;
  socklen_t size = sizeof any;
  auto* address = static_cast<sockaddr*>(static_cast<void*>(&any));
  const bool good = ::bind(out.get(), address, size) == 0 && ::listen(out.get(), 4096) == 0 &&
                    ::getsockname(out.get(), address, &size) == 0;
  if (!good) std::abort();
  port = ntohs(any.sin_port);
  return out;
}

/// Takes every connection and closes it, until the parent ends.
[[noreturn]] void serve(const std::vector<Fd>& ports) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const Fd epoll{::epoll_create1(0)};
  for (const auto& port : ports) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = port.get();
    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, port.get(), &event);
  }
  std::array<epoll_event, 128> events = {};
  for (;;) {
    const int count = ::epoll_wait(epoll.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      while (Fd{::accept4(events.at(static_cast<std::size_t>(i)).data.fd, nullptr, nullptr,
                          SOCK_NONBLOCK)}) {
      }
    }
  }
}

/// A figure of /proc/self/status: "VmHWM:   12345 kB".
long status(const std::string& name) {
  std::ifstream file{"/proc/self/status"};
  std::string word;
  long value = 0;
  while (file >> word) {
    if (word == name + ":" && file >> value) return value;
  }
  return 0;
}

double cpu_seconds() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds_of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  const int span = argc > 1 ? std::atoi(argv[1]) : 20;
  const int servers = argc > 2 ? std::atoi(argv[2]) : 10'000;
  std::vector<std::uint16_t> ports(kPorts);
  std::vector<Fd> listeners;
  for (auto& port : ports) listeners.push_back(listening(port));
  const pid_t child = ::fork();
  if (child == 0) serve(listeners);
  listeners.clear();

  Service service{.check = {.interval = seconds{2}, .timeout = seconds{1}}};
  for (int i = 0; i < servers; ++i) {
    const auto last = i / kPorts + 1;
    const auto high = static_cast<std::uint8_t>(last / 250);
    const auto low = static_cast<std::uint8_t>(last % 250 + 1);
    service.servers.push_back(
        {{{.bytes = {kLoopback, 0, high, low}}, ports.at(static_cast<std::size_t>(i % kPorts))}});
  }
  auto checker = health::Checker::start({.services = {{"web", std::move(service)}}});
  if (!checker) return std::cerr << checker.error().text << "\n", 1;
  // The first verdicts are made at the fast interval; what counts is the pace after that.
  std::this_thread::sleep_for(seconds{4});
  const auto before = (*checker)->stats();
  const double cpu = cpu_seconds();
  std::this_thread::sleep_for(seconds{span});
  const auto after = (*checker)->stats();
  const auto health = (*checker)->health();
  const auto up = std::ranges::count_if(
      health->at("web"), [](const auto& entry) { return entry.second.alive == Alive::up; });
  const auto tries = after.tries - before.tries;
  std::cout << fmt::format(
      "{} TCP checks each 2s for {}s: {} up, {} tries ({:.0f}/s), {} failed, {} said nothing, {} "
      "began late by over 200ms\n{:.1f}% of one core, {:.1f}us a try, {:.1f}MB at most, {} threads "
      "(one of them asks), {} tries under way at the end\n",
      servers, span, up, tries, static_cast<double>(tries) / span, after.failures - before.failures,
      after.late - before.late, after.missed - before.missed, (cpu_seconds() - cpu) * 100 / span,
      (cpu_seconds() - cpu) * 1e6 / static_cast<double>(std::max<std::uint64_t>(tries, 1)),
      static_cast<double>(status("VmHWM")) / 1024, status("Threads"), after.open);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return 0;
}
