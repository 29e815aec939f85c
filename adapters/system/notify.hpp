#pragma once

#include <optional>
#include <string_view>

#include "controller/base/time.hpp"

namespace anycast {

/// Words to the service manager (sd_notify(3)). Without one they do nothing.
void notify_ready(std::string_view status);
/// Around a reload: this before, `notify_ready` after it.
void notify_reloading();
void notify_stopping();
/// The line that `systemctl status` shows.
void notify_status(std::string_view status);
void notify_watchdog();

/// How often `notify_watchdog` is wanted: half of WatchdogSec=, as sd_watchdog_enabled(3) advises.
/// Nothing where no watchdog watches this process.
std::optional<Duration> watchdog_interval();

}  // namespace anycast
