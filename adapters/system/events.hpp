#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "controller/base/error.hpp"
#include "controller/base/time.hpp"

namespace anycast {

/// The loop of the serve thread, over sd-event. Everything is called from that thread, except
/// `wake` and `stop`, which any thread may call while the object lives. Callbacks must not throw.
class EventLoop {
 public:
  using Callback = std::function<void()>;

  /// A timer that rings once per `arm`; lives no longer than its loop.
  class Timer {
   public:
    /// Rings `after` from now, in place of whatever it was armed for.
    void arm(Duration after);
    void disarm();

   private:
    friend class EventLoop;
    void* source_ = nullptr;
  };

  static Result<std::unique_ptr<EventLoop>> open();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Calls back as long as there is something to read. The descriptor stays the caller's and must
  /// outlive the loop or be forgotten first.
  Result<void> watch(int fd, Callback on_readable);
  void forget(int fd);
  /// Not armed yet.
  Result<Timer> timer(Callback on_time);
  /// First after one `period`. Rounds that were missed while a callback ran are not made up for.
  Result<void> every(Duration period, Callback on_time);
  /// Blocks the signals in the calling thread, so call it before any other thread is started: they
  /// inherit the mask, and the signal cannot hit them.
  Result<void> on_signals(std::initializer_list<int> signals, std::function<void(int)> on_signal);
  /// Called once for any number of `wake`s that came since the last call.
  void on_wake(Callback callback);
  /// Called before the loop goes to sleep, each time: the place to arm a timer anew.
  Result<void> before_sleep(Callback callback);

  /// Thread safe.
  void wake();
  /// Thread safe; `run` returns after the callback that is running. Before `run`: it returns at
  /// once.
  void stop();
  /// Until `stop`.
  Result<void> run();

 private:
  struct Inside;
  explicit EventLoop(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace anycast
