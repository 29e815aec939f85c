#include "adapters/system/events.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

std::unique_ptr<EventLoop> open_loop() {
  auto loop = EventLoop::open();
  REQUIRE(loop.has_value());
  return std::move(*loop);
}

struct Pair {
  int ends[2] = {-1, -1};
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); }
  ~Pair() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
};

/// Puts the thread's signal mask back.
struct Mask {
  sigset_t before;
  Mask() { ::pthread_sigmask(SIG_SETMASK, nullptr, &before); }
  ~Mask() { ::pthread_sigmask(SIG_SETMASK, &before, nullptr); }
};

}  // namespace

TEST_CASE("a descriptor with something to read calls back, and no more once forgotten") {
  const auto loop = open_loop();
  const Pair pair;
  int calls = 0;
  REQUIRE(loop->watch(pair.ends[0], [&] {
    if (++calls < 3) return;
    loop->forget(pair.ends[0]);
    loop->stop();
  }));
  REQUIRE(::write(pair.ends[1], "x", 1) == 1);
  REQUIRE(loop->run());
  CHECK(calls == 3);
}

TEST_CASE("a descriptor that is not open is an error") {
  CHECK_FALSE(open_loop()->watch(-1, [] {}).has_value());
}

TEST_CASE("a timer rings once for each time it is armed, and not after it was disarmed") {
  const auto loop = open_loop();
  int rings = 0;
  auto never = loop->timer([] { FAIL("a disarmed timer rang"); }).value();
  never.arm(milliseconds{1});
  never.disarm();
  EventLoop::Timer timer;
  timer = loop->timer([&] {
                if (++rings == 2) return loop->stop();
                timer.arm(milliseconds{1});
              })
              .value();
  timer.arm(milliseconds{1});
  REQUIRE(loop->run());
  CHECK(rings == 2);
}

TEST_CASE("a periodic timer rings until the loop stops") {
  const auto loop = open_loop();
  int rings = 0;
  REQUIRE(loop->every(milliseconds{2}, [&] {
    if (++rings == 5) loop->stop();
  }));
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(loop->run());
  CHECK(rings == 5);
  CHECK(std::chrono::steady_clock::now() - start >= milliseconds{9});
}

TEST_CASE("signals come one by one through the loop") {
  const Mask mask;
  const auto loop = open_loop();
  std::vector<int> seen;
  REQUIRE(loop->on_signals({SIGHUP, SIGTERM}, [&](int signal) {
    seen.push_back(signal);
    if (signal == SIGTERM) return loop->stop();
    ::kill(::getpid(), SIGTERM);
  }));
  ::kill(::getpid(), SIGHUP);
  REQUIRE(loop->run());
  CHECK(seen == std::vector<int>{SIGHUP, SIGTERM});
}

TEST_CASE("other threads wake and stop the loop, and no wake is lost") {
  const auto loop = open_loop();
  int posted = 0;
  int seen = 0;
  std::mutex mutex;
  loop->on_wake([&] {
    const std::lock_guard lock{mutex};
    seen = posted;
    if (seen == 4000) loop->stop();
  });
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        {
          const std::lock_guard lock{mutex};
          ++posted;
        }
        loop->wake();
      }
    });
  }
  REQUIRE(loop->run());
  CHECK(seen == 4000);
}

TEST_CASE("a loop that was stopped before it ran returns at once") {
  const auto loop = open_loop();
  loop->stop();
  CHECK(loop->run());
}

TEST_CASE("the hook before sleep runs before each wait") {
  const auto loop = open_loop();
  int hooks = 0;
  int wakes = 0;
  REQUIRE(loop->before_sleep([&] { ++hooks; }));
  loop->on_wake([&] {
    if (++wakes == 3) return loop->stop();
    loop->wake();
  });
  loop->wake();
  REQUIRE(loop->run());
  CHECK(wakes == 3);
  CHECK(hooks >= 3);
}
