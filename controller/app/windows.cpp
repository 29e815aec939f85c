#include "controller/app/windows.hpp"

#include <date/tz.h>

#include <algorithm>
#include <exception>
#include <optional>

namespace anycast {
namespace {

bool on_day(const Window& window, date::local_days day) {
  const auto weekday = static_cast<int>(date::weekday{day}.c_encoding());
  return window.days.empty() || std::ranges::find(window.days, weekday) != window.days.end();
}

/// When the window that began on `day` closes, if `local` lies in it.
std::optional<date::local_time<Duration>> closes(const Window& window, date::local_days day,
                                                 date::local_time<Duration> local) {
  if (!on_day(window, day)) return std::nullopt;
  const auto from = day + window.from;
  const auto to = day + window.to + (window.to <= window.from ? Duration{hours{24}} : Duration{0});
  if (local < from || local >= to) return std::nullopt;
  return to;
}

std::optional<OpenWindow> open(const Window& window, Time now) {
  const auto* zone = date::locate_zone(window.timezone);
  const auto local = zone->to_local(now);
  const auto today = date::floor<date::days>(local);
  for (const auto day : {today, today - date::days{1}}) {
    if (const auto end = closes(window, day, local)) {
      return OpenWindow{window.name, Time{zone->to_sys(*end, date::choose::earliest)}};
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<OpenWindow> open_windows(const std::vector<Window>& windows, Time now) {
  std::vector<OpenWindow> out;
  for (const auto& window : windows) {
    try {
      if (auto found = open(window, now)) out.push_back(*std::move(found));
    } catch (const std::exception&) {
      continue;
    }
  }
  return out;
}

}  // namespace anycast
