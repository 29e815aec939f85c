#include "controller/app/text_parts.hpp"

#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "controller/base/text.hpp"

namespace anycast::text {
namespace {

const Json kNull = nullptr;
const std::vector<Json> kNothing = {};

std::tm broken_down(Time t, const Look& look) {
  const auto when =
      static_cast<std::time_t>(std::chrono::floor<seconds>(t).time_since_epoch().count());
  std::tm out{};
  if (look.utc) {
    gmtime_r(&when, &out);
  } else {
    localtime_r(&when, &out);
  }
  return out;
}

Duration duration(double value) { return Duration{std::llround(value * 1e6)}; }

/// ", mobile: prepend_to 2", or empty.
std::string asked(const Json& stance) {
  const auto& asks = at(stance, "asks");
  std::string out;
  if (!asks.is_object()) return out;
  for (const auto& [carrier, ask] : asks.items())
    out += fmt::format(", {}: {}", printable(carrier), str(ask));
  return out;
}

Tone diff_tone(std::string_view line) {
  if (line.starts_with("+++") || line.starts_with("---")) return Tone::strong;
  if (line.starts_with('+')) return Tone::good;
  if (line.starts_with('-')) return Tone::bad;
  return line.starts_with("@@") ? Tone::dim : Tone::plain;
}

}  // namespace

const Json& at(const Json& object, const char* key) {
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

const Json& at(const Json& object, const char* key, const char* inner) {
  return at(at(object, key), inner);
}

const std::vector<Json>& items(const Json& array) {
  return array.is_array() ? array.get_ref<const Json::array_t&>() : kNothing;
}

std::string str(const Json& value) {
  if (value.is_string()) return printable(value.get_ref<const std::string&>());
  return value.is_null() ? std::string{} : value.dump();
}

std::vector<std::string> strings(const Json& array) {
  std::vector<std::string> out;
  for (const auto& item : items(array)) out.push_back(str(item));
  return out;
}

std::optional<double> number(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::int64_t count(const Json& value) { return std::llround(number(value).value_or(0)); }

bool truth(const Json& value) { return value.is_boolean() && value.get<bool>(); }

std::optional<Time> time(const Json& value) {
  return value.is_string() ? parse_utc(value.get_ref<const std::string&>()) : std::nullopt;
}

std::string ms(const Json& seconds) {
  const auto n = number(seconds);
  return n ? format_ms(duration(*n)) : "-";
}

std::string share(const Json& ratio) {
  const auto n = number(ratio);
  return n ? format_share(std::llround(*n * 1e6)) : "-";
}

std::string age(const Json& seconds) {
  const auto n = number(seconds);
  return n ? format_age(duration(*n)) : "-";
}

std::string ago(const Json& report, const Json& since) {
  const auto now = time(at(report, "time"));
  const auto from = time(since);
  // The epoch stands for "never" in the values that are published.
  if (!now || !from || *from == Time{}) return "-";
  // A cycle's time is aligned to its interval and so may lie before the start of the process.
  return *now < *from + seconds{1} ? "0s" : format_age(*now - *from);
}

std::string clock(const Json& report, const Json& t, const Look& look) {
  const auto when = time(t);
  if (!when) return "-";
  const auto shown = broken_down(*when, look);
  const auto now = time(at(report, "time"));
  const auto today = now ? broken_down(*now, look) : shown;
  const auto hour = fmt::format("{:02}:{:02}:{:02}", shown.tm_hour, shown.tm_min, shown.tm_sec);
  if (today.tm_year == shown.tm_year && today.tm_yday == shown.tm_yday) return hour;
  return fmt::format("{:04}-{:02}-{:02} {}", shown.tm_year + 1900, shown.tm_mon + 1, shown.tm_mday,
                     hour);
}

std::string zone(const Json& t, const Look& look) {
  const auto when = time(t);
  if (look.utc || !when) return "UTC";
  const auto offset = broken_down(*when, look).tm_gmtoff / 60;
  return fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', std::abs(offset) / 60,
                     std::abs(offset) % 60);
}

std::string state_of(const Json& stance) {
  const auto word = str(at(stance, "state"));
  const auto prepends = count(at(stance, "prepend"));
  return (word == "prepended" ? fmt::format("prepended {}", prepends) : word) + asked(stance);
}

std::string action_of(const Json& stance) {
  const auto word = str(at(stance, "state"));
  const auto asks = asked(stance);
  if (word == "announced") return "announce" + asks;
  if (word == "prepended") return fmt::format("prepend {}", count(at(stance, "prepend"))) + asks;
  if (word == "drained") return "drain" + asks;
  return word == "withdrawn" ? "withdraw" : word;
}

Cell verdict(const Json& state) {
  const auto word = str(state);
  if (word == "bad") return {"BAD", Tone::bad};
  if (word == "warn") return {word, Tone::warn};
  return {word, word == "ok" ? Tone::good : Tone::plain};
}

std::string notices(const Json& report, const Look& look) {
  std::string out;
  for (const char* level : {"error", "warning", "info"}) {
    for (const auto& notice : items(at(report, "notices"))) {
      if (str(at(notice, "level")) != level) continue;
      const bool info = std::string_view{level} == "info";
      out += fold(info ? "- " : "! ", str(at(notice, "text")), look.width);
    }
  }
  return out;
}

std::string labelled(const std::string& label, const std::string& text, int margin,
                     const Look& look) {
  return fold(pad(label, margin), text, look.width);
}

std::string record(const std::vector<std::string>& fields) {
  std::string out;
  for (const auto& field : fields) {
    if (!out.empty()) out += '\t';
    out += field.empty() ? "-" : printable(field);
  }
  return out + "\n";
}

std::string diff_text(const Json& text, const Look& look) {
  std::string out;
  if (!text.is_string()) return out;
  for (const auto& line : split(text.get_ref<const std::string&>(), '\n')) {
    if (line.empty()) continue;
    out += paint(clip(printable(line), look.width), diff_tone(line), look) + "\n";
  }
  return out;
}

}  // namespace anycast::text
