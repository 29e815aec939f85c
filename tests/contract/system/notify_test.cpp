#include "adapters/system/notify.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

/// A service manager that listens on an abstract socket of its own.
class Manager {
 public:
  Manager() {
    const auto name = fmt::format("anycastd-notify-{}", ::getpid());
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto length = offsetof(sockaddr_un, sun_path) + 1 + name.size();
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(length)) == 0);
    ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  }
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
  }
  std::string heard() const {
    char buffer[512];
    const auto got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return got < 0 ? "" : std::string(buffer, static_cast<std::size_t>(got));
  }

 private:
  int fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

}  // namespace

TEST_CASE("the service manager hears each word") {
  const Manager manager;
  notify_ready("RUN, 9 of 9 probes");
  CHECK(manager.heard() == "READY=1\nSTATUS=RUN, 9 of 9 probes");
  notify_status("BLIND\nMAINPID=1");
  CHECK(manager.heard() == "STATUS=BLIND?MAINPID=1");
  notify_watchdog();
  CHECK(manager.heard() == "WATCHDOG=1");
  notify_stopping();
  CHECK(manager.heard() == "STOPPING=1");
  notify_reloading();
  CHECK(manager.heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
}

TEST_CASE("without a service manager the words go nowhere") {
  ::unsetenv("NOTIFY_SOCKET");
  notify_ready("x");
  SUCCEED();
}

TEST_CASE("the watchdog wants a sign twice in its time, and only from the process it watches") {
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  CHECK(watchdog_interval() == Duration{seconds{15}});
  ::setenv("WATCHDOG_PID", "1", 1);
  CHECK(watchdog_interval() == std::nullopt);
  ::unsetenv("WATCHDOG_PID");
  ::unsetenv("WATCHDOG_USEC");
  CHECK(watchdog_interval() == std::nullopt);
}
