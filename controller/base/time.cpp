#include "controller/base/time.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>

namespace anycast {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t us;
};
// Longest names first where one is the beginning of another ("ms" before "m").
constexpr std::array kUnits = {
    Unit{"us", 1},         Unit{"ms", 1'000},        Unit{"s", 1'000'000},
    Unit{"m", 60'000'000}, Unit{"h", 3'600'000'000}, Unit{"d", 86'400'000'000}};

/// Reads a plain decimal ("12", "0.5"); no sign, no exponent, at most 15 digits.
std::optional<double> take_decimal(std::string_view& text) {
  const auto end = text.find_first_not_of("0123456789.");
  const auto digits = text.substr(0, end);
  double value = 0;
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value,
                                           std::chars_format::fixed);
  if (digits.size() > 15 || digits.starts_with('.') || digits.ends_with('.')) return std::nullopt;
  if (error != std::errc{} || at != digits.data() + digits.size()) return std::nullopt;
  text.remove_prefix(digits.size());
  return value;
}

std::tm utc(Time t) {
  const auto secs = std::chrono::floor<seconds>(t).time_since_epoch().count();
  const auto when = static_cast<std::time_t>(secs);
  std::tm out{};
  gmtime_r(&when, &out);
  return out;
}

}  // namespace

std::string format_ms(Duration d) {
  const double ms = static_cast<double>(d.count()) / 1000.0;
  return std::abs(ms) < 10 ? fmt::format("{:.1f}ms", ms) : fmt::format("{:.0f}ms", ms);
}

std::string format_share(Ppm share) {
  const double percent = static_cast<double>(share) / 1e4;
  return percent < 99.95 ? fmt::format("{:.1f}%", percent) : fmt::format("{:.0f}%", percent);
}

std::string format_age(Duration d) {
  if (d < Duration{0}) return "-" + format_age(-d);
  if (d < seconds{1}) return fmt::format("{}ms", d.count() / 1000);
  const auto s = std::chrono::duration_cast<seconds>(d).count();
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return s % 60 ? fmt::format("{}m {}s", s / 60, s % 60) : fmt::format("{}m", s / 60);
  const auto m = s / 60;
  if (m < 24 * 60) {
    return m % 60 ? fmt::format("{}h {}m", m / 60, m % 60) : fmt::format("{}h", m / 60);
  }
  const auto h = m / 60;
  return h % 24 ? fmt::format("{}d {}h", h / 24, h % 24) : fmt::format("{}d", h / 24);
}

std::string format_utc(Time t) {
  const auto whole = std::chrono::floor<seconds>(t);
  const auto ms = std::chrono::duration_cast<milliseconds>(t - whole).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc(t), ms);
}

std::string format_clock(Time t) {
  const auto whole = std::chrono::floor<seconds>(t);
  auto left = (whole - std::chrono::floor<std::chrono::days>(whole)).count();
  std::string out = "00:00:00";
  for (const std::size_t digits : {6U, 3U, 0U}) {
    out[digits] = static_cast<char>('0' + left % 60 / 10);
    out[digits + 1] = static_cast<char>('0' + left % 60 % 10);
    left /= 60;
  }
  return out;
}

std::optional<Time> parse_utc(std::string_view text) {
  std::tm parts{};
  const std::string owned{text};
  const char* rest = strptime(owned.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  std::string_view tail{rest};
  std::int64_t us = 0;
  if (tail.starts_with('.')) {
    std::int64_t scale = 100'000;
    tail.remove_prefix(1);
    while (!tail.empty() && tail.front() >= '0' && tail.front() <= '9') {
      us += (tail.front() - '0') * scale;
      scale /= 10;
      tail.remove_prefix(1);
    }
  }
  if (tail != "Z") return std::nullopt;
  return Time{seconds{timegm(&parts)}} + Duration{us};
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Duration total{0};
  while (!text.empty()) {
    const auto number = take_decimal(text);
    if (!number) return std::nullopt;
    const auto name = text.substr(0, text.find_first_of("0123456789."));
    std::int64_t us = 0;
    for (const auto& unit : kUnits) {
      if (unit.name == name) us = unit.us;
    }
    if (us == 0) return std::nullopt;
    const double value = *number * static_cast<double>(us);
    if (value > 1e17) return std::nullopt;
    total += Duration{std::llround(value)};
    text.remove_prefix(name.size());
  }
  return total;
}

std::optional<Ppm> parse_share(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  const auto number = take_decimal(text);
  if (!number || !text.empty()) return std::nullopt;
  const double share = percent ? *number / 100.0 : *number;
  if (share > 1.0) return std::nullopt;
  return std::llround(share * 1e6);
}

std::string print_duration(Duration d) {
  if (d.count() == 0) return "0s";
  std::string out;
  auto rest = d.count();
  for (const std::size_t i : {5U, 4U, 3U, 2U, 1U, 0U}) {
    const auto& unit = kUnits.at(i);
    if (rest < unit.us) continue;
    out += fmt::format("{}{}", rest / unit.us, unit.name);
    rest %= unit.us;
  }
  return out;
}

std::string print_share(Ppm share) { return fmt::format("{}%", static_cast<double>(share) / 1e4); }

}  // namespace anycast
