#include "adapters/system/events.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>

#include "adapters/system/fd.hpp"

namespace anycast {
namespace {

struct Unref {
  void operator()(sd_event* event) const { ::sd_event_unref(event); }
  void operator()(sd_event_source* source) const { ::sd_event_source_disable_unref(source); }
};
using Source = std::unique_ptr<sd_event_source, Unref>;

// 0 lets sd-event move a timer by up to 250 ms to save wake-ups; a time-out may be 1 ms late.
constexpr std::uint64_t kAccuracyUs = 1000;

std::uint64_t to_us(Duration d) {
  return static_cast<std::uint64_t>(std::max(Duration{0}, d).count());
}

tl::unexpected<Error> failed(const char* what, int code) {
  return fail(Remedy::look_at_host,
              fmt::format("event loop: {}: {}", what, std::strerror(code < 0 ? -code : code)));
}

}  // namespace

struct EventLoop::Inside {
  /// What a callback of sd-event finds behind its user data; its address never changes.
  struct Watch {
    int fd = -1;
    Duration period = {};
    Callback call = {};
    Callback prepare = {};
    std::function<void(int)> on_signal = {};
    Source source = {};
  };

  std::unique_ptr<sd_event, Unref> event = {};
  Fd wake_fd = {};
  std::atomic<bool> stopping = false;
  Callback on_wake = [] {};
  std::list<Watch> watches = {};

  static int io(sd_event_source* /*source*/, int /*fd*/, std::uint32_t /*events*/,
                void* data) noexcept {
    // The callback may forget its own descriptor, so it must not live inside of what goes then.
    const auto call = static_cast<Watch*>(data)->call;
    call();
    return 0;
  }
  static int prepare(sd_event_source* /*source*/, void* data) noexcept {
    static_cast<Watch*>(data)->prepare();
    return 0;
  }
  static int once(sd_event_source* /*source*/, std::uint64_t /*time_us*/, void* data) noexcept {
    static_cast<Watch*>(data)->call();
    return 0;
  }
  static int again(sd_event_source* source, std::uint64_t /*time_us*/, void* data) noexcept {
    auto& watch = *static_cast<Watch*>(data);
    watch.call();
    ::sd_event_source_set_time_relative(source, to_us(watch.period));
    ::sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
  }
  static int signal(sd_event_source* /*source*/, const signalfd_siginfo* info,
                    void* data) noexcept {
    static_cast<Watch*>(data)->on_signal(static_cast<int>(info->ssi_signo));
    return 0;
  }
};

EventLoop::EventLoop(std::unique_ptr<Inside> inside) : inside_{std::move(inside)} {}
EventLoop::~EventLoop() = default;

Result<std::unique_ptr<EventLoop>> EventLoop::open() {
  auto inside = std::make_unique<Inside>();
  sd_event* event = nullptr;
  if (const int code = ::sd_event_new(&event); code < 0) return failed("sd_event_new", code);
  inside->event.reset(event);
  inside->wake_fd = Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!inside->wake_fd) return failed("eventfd", errno);
  std::unique_ptr<EventLoop> loop{new EventLoop(std::move(inside))};
  auto* const in = loop->inside_.get();
  const auto watched = loop->watch(in->wake_fd.get(), [in] {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(in->wake_fd.get(), &count, sizeof count);
    if (in->stopping) {
      ::sd_event_exit(in->event.get(), 0);
    } else {
      in->on_wake();
    }
  });
  if (!watched) return tl::unexpected(watched.error());
  return loop;
}

Result<void> EventLoop::watch(int fd, Callback on_readable) {
  auto& watch = inside_->watches.emplace_back();
  watch.fd = fd;
  watch.call = std::move(on_readable);
  sd_event_source* source = nullptr;
  const int code =
      ::sd_event_add_io(inside_->event.get(), &source, fd, EPOLLIN, &Inside::io, &watch);
  if (code < 0) {
    inside_->watches.pop_back();
    return failed("cannot watch a descriptor", code);
  }
  watch.source.reset(source);
  return {};
}

void EventLoop::forget(int fd) {
  inside_->watches.remove_if([&](const auto& watch) { return watch.fd == fd; });
}

Result<EventLoop::Timer> EventLoop::timer(Callback on_time) {
  auto& watch = inside_->watches.emplace_back();
  watch.call = std::move(on_time);
  sd_event_source* source = nullptr;
  const int code = ::sd_event_add_time_relative(inside_->event.get(), &source, CLOCK_MONOTONIC, 0,
                                                kAccuracyUs, &Inside::once, &watch);
  if (code < 0) return failed("cannot add a timer", code);
  watch.source.reset(source);
  Timer timer;
  timer.source_ = source;
  timer.disarm();
  return timer;
}

void EventLoop::Timer::arm(Duration after) {
  auto* const source = static_cast<sd_event_source*>(source_);
  ::sd_event_source_set_time_relative(source, to_us(after));
  ::sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void EventLoop::Timer::disarm() {
  ::sd_event_source_set_enabled(static_cast<sd_event_source*>(source_), SD_EVENT_OFF);
}

Result<void> EventLoop::every(Duration period, Callback on_time) {
  auto& watch = inside_->watches.emplace_back();
  watch.period = period;
  watch.call = std::move(on_time);
  sd_event_source* source = nullptr;
  const int code = ::sd_event_add_time_relative(inside_->event.get(), &source, CLOCK_MONOTONIC,
                                                to_us(period), kAccuracyUs, &Inside::again, &watch);
  if (code < 0) return failed("cannot add a timer", code);
  watch.source.reset(source);
  return {};
}

Result<void> EventLoop::on_signals(std::initializer_list<int> signals,
                                   std::function<void(int)> on_signal) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) ::sigaddset(&set, signal);
  if (const int code = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); code != 0)
    return failed("pthread_sigmask", code);
  for (const int signal : signals) {
    auto& watch = inside_->watches.emplace_back();
    watch.on_signal = on_signal;
    sd_event_source* source = nullptr;
    const int code =
        ::sd_event_add_signal(inside_->event.get(), &source, signal, &Inside::signal, &watch);
    if (code < 0) return failed("cannot take a signal", code);
    watch.source.reset(source);
  }
  return {};
}

void EventLoop::on_wake(Callback callback) { inside_->on_wake = std::move(callback); }

Result<void> EventLoop::before_sleep(Callback callback) {
  // sd-event calls "prepare" of every source that is switched on before it waits; the wake-up
  // descriptor is the first source and always on.
  auto& watch = inside_->watches.front();
  watch.prepare = std::move(callback);
  const int code = ::sd_event_source_set_prepare(watch.source.get(), &Inside::prepare);
  if (code < 0) return failed("cannot add a hook", code);
  return {};
}

void EventLoop::wake() {
  const std::uint64_t one = 1;
  // Fails only where the counter is full, and then the loop wakes anyway.
  [[maybe_unused]] const auto written = ::write(inside_->wake_fd.get(), &one, sizeof one);
}

void EventLoop::stop() {
  inside_->stopping = true;
  wake();
}

Result<void> EventLoop::run() {
  const int code = ::sd_event_loop(inside_->event.get());
  if (code < 0) return failed("sd_event_loop", code);
  return {};
}

}  // namespace anycast
