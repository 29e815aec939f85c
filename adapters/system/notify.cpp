#include "adapters/system/notify.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <string>

#include "controller/base/text.hpp"

namespace anycast {
namespace {

// There is nobody to tell if telling fails; the manager's time-outs decide then.
void send(const std::string& words) { static_cast<void>(::sd_notify(0, words.c_str())); }

}  // namespace

// A line break in a status would start a new assignment.
void notify_ready(std::string_view status) {
  send(fmt::format("READY=1\nSTATUS={}", printable(status)));
}

void notify_reloading() {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1000));
}

void notify_stopping() { send("STOPPING=1"); }
void notify_status(std::string_view status) { send(fmt::format("STATUS={}", printable(status))); }
void notify_watchdog() { send("WATCHDOG=1"); }

std::optional<Duration> watchdog_interval() {
  std::uint64_t limit_us = 0;
  if (::sd_watchdog_enabled(0, &limit_us) <= 0) return std::nullopt;
  return Duration{static_cast<std::int64_t>(limit_us / 2)};
}

}  // namespace anycast
