#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace anycast {

/// All times and durations are whole microseconds: a replay on another machine gives the same plan.
using Duration = std::chrono::microseconds;
using Time = std::chrono::sys_time<Duration>;

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// A share in parts per million, 0 to 1,000,000. Loss is one.
using Ppm = std::int64_t;
inline constexpr Ppm kAll = 1'000'000;

/// Milliseconds with no more digits than matter: "0.4ms", "38ms".
std::string format_ms(Duration d);
/// "0.3%", "12%".
std::string format_share(Ppm share);
/// The two largest units: "41ms", "6s", "3m 14s", "2h", "12d 4h".
std::string format_age(Duration d);
/// RFC 3339 in UTC with milliseconds: "2026-06-01T12:20:20.000Z".
std::string format_utc(Time t);
/// Time of day in UTC: "12:20:20".
std::string format_clock(Time t);
std::optional<Time> parse_utc(std::string_view text);

/// "45s", "200ms", "10m", "2h", "1d", "250us", "1m30s", "0.18s". A number without a unit is not a
/// duration.
std::optional<Duration> parse_duration(std::string_view text);
/// "3%", "0.5%" or a plain number from 0 to 1 ("0.03").
std::optional<Ppm> parse_share(std::string_view text);
/// The form that `parse_duration` reads and a person would have written: "45s", "10m", "1m30s".
std::string print_duration(Duration d);
std::string print_share(Ppm share);

inline double to_seconds(Duration d) { return static_cast<double>(d.count()) / 1e6; }
inline double to_ratio(Ppm share) { return static_cast<double>(share) / 1e6; }
inline double to_unix(Time t) { return to_seconds(t.time_since_epoch()); }

}  // namespace anycast
