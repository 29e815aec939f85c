#include "controller/config/scalars.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tl/expected.hpp>

#include "controller/base/number.hpp"
#include "controller/base/text.hpp"
#include "controller/model/community.hpp"

namespace anycast::config {
namespace {

template <class T>
using Read = tl::expected<T, Wrong>;

tl::unexpected<Wrong> wrong(std::string rule, std::string text,
                            std::vector<std::string> hints = {}) {
  return tl::unexpected(
      Wrong{.rule = std::move(rule), .text = std::move(text), .hints = std::move(hints)});
}

template <class T, class Reader, class Writer>
Scalar scalar(T& target, Shape shape, Reader read, Writer write) {
  return {.shape = std::move(shape),
          .read = [&target, read](const std::string& text) -> std::optional<Wrong> {
            auto value = read(text);
            if (!value) return value.error();
            target = *value;
            return std::nullopt;
          },
          .write = [&target, write]() -> std::optional<std::string> { return write(target); }};
}

std::optional<std::int64_t> whole(std::string_view text) {
  const bool octal = text.size() > 1 && text.front() == '0';
  return octal ? std::nullopt : parse_number<std::int64_t>(text);
}

Read<int> read_count(const std::string& text, int min, int max) {
  const auto value = whole(text);
  if (!value) return wrong("type", fmt::format("'{}' is not a whole number", text));
  if (*value < min || *value > max) {
    return wrong("range", fmt::format("{} is not from {} to {}", text, min, max));
  }
  return static_cast<int>(*value);
}

Read<Asn> read_asn(const std::string& text) {
  const auto value = whole(text);
  if (!value || *value < 0 || *value > 0xFFFFFFFFLL) {
    std::vector<std::string> hints{"expected a number from 1 to 4294967294"};
    const bool prefixed = text.starts_with("AS") || text.starts_with("as");
    if (prefixed && whole(text.substr(2))) hints = {"write " + text.substr(2)};
    return wrong("type", fmt::format("'{}' is not an AS number", text), hints);
  }
  // RFC 7607, RFC 6793, RFC 7300.
  if (*value == 0 || *value == 23456 || *value == 0xFFFFFFFFLL) {
    return wrong("asn", fmt::format("AS {} is reserved and cannot be in a path", text));
  }
  return static_cast<Asn>(*value);
}

Wrong no_duration(const std::string& text) {
  const auto number = whole(text);
  if (!number || *number < 0) {
    return {
        "unit", fmt::format("'{}' is not a duration", text), {"write 45s, 200ms, 10m or 1m30s"}};
  }
  if (text.size() > 9) return {"unit", fmt::format("{} has no unit", text), {}};
  const Duration as_seconds = seconds{*number};
  const auto ratio = static_cast<double>(*number) / 1000.0;
  if (as_seconds < minutes{1}) {
    return {"unit", fmt::format("{} has no unit", text), {fmt::format("write {}s", text)}};
  }
  return {"unit",
          fmt::format("{} has no unit", text),
          {fmt::format("write {}ms or {}s (Prometheus counts in seconds: a bare {} is {})", text,
                       ratio, text, format_age(as_seconds))}};
}

Read<Duration> read_duration(const std::string& text, Duration min, Duration max) {
  const auto value = parse_duration(text);
  if (!value) return tl::unexpected(no_duration(text));
  if (*value < min || *value > max) {
    return wrong("range", fmt::format("{} is not from {} to {}", text, print_duration(min),
                                      print_duration(max)));
  }
  return *value;
}

Read<Ppm> read_share(const std::string& text) {
  if (const auto value = parse_share(text)) return *value;
  return wrong("unit", fmt::format("{} is not a share", text),
               {whole(text) && text.size() < 3
                    ? fmt::format("expected per cent ({}%) or a number from 0 to 1 ({})", text,
                                  std::stod(text) / 100)
                    : std::string{"expected per cent (3%) or a number from 0 to 1 (0.03)"}});
}

struct ByteUnit {
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array kByteUnits = {ByteUnit{"GiB", 1 << 30}, ByteUnit{"MiB", 1 << 20},
                                   ByteUnit{"KiB", 1 << 10}, ByteUnit{"B", 1}};

Read<std::int64_t> read_bytes(const std::string& text, std::int64_t min, std::int64_t max) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = whole(text.substr(0, digits));
  const auto unit =
      std::ranges::find(kByteUnits, std::string_view{text}.substr(digits), &ByteUnit::name);
  if (!number || unit == kByteUnits.end() || *number > max) {
    return wrong("unit", fmt::format("'{}' is not a size", text), {"write 512KiB, 32MiB or 1GiB"});
  }
  const auto value = *number * unit->bytes;
  if (value < min || value > max) {
    return wrong("range", fmt::format("{} bytes are not from {} to {}", value, min, max));
  }
  return value;
}

std::string print_bytes(std::int64_t value) {
  for (const auto& unit : kByteUnits) {
    if (value % unit.bytes == 0) return fmt::format("{}{}", value / unit.bytes, unit.name);
  }
  return {};
}

Read<Address> read_address(const std::string& text) {
  if (const auto value = Address::parse(text)) return *value;
  return wrong("type", fmt::format("'{}' is not an IPv4 or IPv6 address", text));
}

Read<Address> read_host(const std::string& text) {
  const auto prefix = Prefix::parse(text);
  if (!prefix) return read_address(text);
  if (prefix->length == prefix->address.bits()) return prefix->address;
  return wrong("prefix", fmt::format("'{}' is more than one address", text),
               {fmt::format("write {}", to_string(prefix->address))});
}

Read<Prefix> read_prefix(const std::string& text) {
  if (auto bad = check_prefix(text)) return tl::unexpected(std::move(*bad));
  return *Prefix::parse(text);
}

Read<bool> read_flag(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  return wrong("type", fmt::format("'{}' is neither true nor false", text));
}

Read<std::string> read_community(const std::string& text) {
  const auto value = canonical_community(text);
  if (!value) {
    return wrong(
        "community", fmt::format("'{}' is not a BGP community", text),
        {"write \"64501:1001\" (two numbers up to 65535), or \"64501:1:2\" for a large one "
         "(three up to 4294967295)"});
  }
  if (auto why = reserved_community(*value); !why.empty())
    return wrong("community", fmt::format("{} is reserved", *value), {std::move(why)});
  return *value;
}

Read<Duration> read_clock(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == 2 && text.size() == 5) {
    const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
    if (digit(0) && digit(1) && digit(3) && digit(4)) {
      const Duration value =
          hours{std::stoi(text.substr(0, 2))} + minutes{std::stoi(text.substr(3))};
      if (value <= hours{24} && text[3] < '6') return value;
    }
  }
  return wrong("type", fmt::format("'{}' is not a time of day", text),
               {"write \"19:30\", from \"00:00\" to \"24:00\""});
}

constexpr std::string_view kAddressPattern = "^[0-9A-Fa-f:.]+$";
constexpr std::string_view kDurationPattern = "^([0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d))+$";

Shape pattern(std::string_view p) { return {.pattern = std::string{p}}; }

Wrong no_word(const std::string& text, const std::vector<std::string>& words) {
  const auto close = nearest(text, words);
  const auto all = fmt::format("one of: {}", join(words, ", "));
  return {"type",
          fmt::format("'{}' is not known here", text),
          {close.empty() ? all : fmt::format("did you mean '{}'? {}", close, all)}};
}

}  // namespace

Scalar text(std::string& target, Check check, std::string p) {
  return scalar(
      target, {.pattern = std::move(p)},
      [check](const std::string& value) -> Read<std::string> {
        if (auto problem = check(value)) return tl::unexpected(*problem);
        return value;
      },
      [](const std::string& v) { return v.empty() ? std::nullopt : std::optional{v}; });
}

Scalar name(std::string& target) { return text(target, check_name, std::string{kNamePattern}); }

Scalar choice(std::function<void(int)> set, std::function<int()> get,
              std::vector<std::string> words) {
  return {.shape = {.words = words},
          .read = [set, words](const std::string& value) -> std::optional<Wrong> {
            const auto at = std::ranges::find(words, value);
            if (at == words.end()) return no_word(value, words);
            set(static_cast<int>(at - words.begin()));
            return std::nullopt;
          },
          .write = [get, words]() -> std::optional<std::string> {
            return words.at(static_cast<std::size_t>(get()));
          }};
}

Scalar word(std::string& target, std::vector<std::string> words) {
  return scalar(
      target, {.words = words},
      [words](const std::string& value) -> Read<std::string> {
        if (std::ranges::find(words, value) == words.end()) {
          return tl::unexpected(no_word(value, words));
        }
        return value;
      },
      [](const std::string& v) { return v; });
}

Scalar count(int& target, int min, int max) {
  return scalar(
      target, {.type = Shape::Type::integer, .min = min, .max = max},
      [=](const std::string& value) { return read_count(value, min, max); },
      [](int v) { return std::to_string(v); });
}

Scalar optional_count(std::optional<int>& target, int min, int max) {
  return scalar(
      target, {.type = Shape::Type::integer, .min = min, .max = max},
      [=](const std::string& value) { return read_count(value, min, max); },
      [](std::optional<int> v) { return v ? std::optional{std::to_string(*v)} : std::nullopt; });
}

Scalar asn(Asn& target) {
  return scalar(target, {.type = Shape::Type::integer, .min = 1, .max = 4'294'967'294}, read_asn,
                [](Asn v) { return std::to_string(v); });
}

Scalar duration(Duration& target, Duration min, Duration max) {
  return scalar(
      target, pattern(kDurationPattern),
      [=](const std::string& value) { return read_duration(value, min, max); }, print_duration);
}

Scalar share(Ppm& target) {
  return scalar(target, {.type = Shape::Type::share}, read_share, print_share);
}

Scalar optional_share(std::optional<Ppm>& target) {
  return scalar(target, {.type = Shape::Type::share}, read_share, [](std::optional<Ppm> v) {
    return v ? std::optional{print_share(*v)} : std::nullopt;
  });
}

Scalar flag(bool& target) {
  return scalar(target, {.type = Shape::Type::flag}, read_flag,
                [](bool v) { return v ? "true" : "false"; });
}

Scalar community(std::string& target) {
  return scalar(target, pattern("^[0-9]+(:[0-9]+){1,2}$"), read_community,
                [](const std::string& v) { return v; });
}

Scalar bytes(std::int64_t& target, std::int64_t min, std::int64_t max) {
  return scalar(
      target, pattern("^[0-9]+(B|KiB|MiB|GiB)$"),
      [=](const std::string& value) { return read_bytes(value, min, max); }, print_bytes);
}

Scalar address(Address& target) {
  return scalar(target, pattern(kAddressPattern), read_address,
                [](const Address& v) { return to_string(v); });
}

Scalar optional_address(std::optional<Address>& target) {
  return scalar(target, pattern(kAddressPattern), read_address,
                [](const auto& v) { return v ? std::optional{to_string(*v)} : std::nullopt; });
}

Scalar prefix(Prefix& target) {
  return scalar(target, pattern(std::string{kPrefixPattern}), read_prefix,
                [](const Prefix& v) { return to_string(v); });
}

Scalar optional_prefix(std::optional<Prefix>& target) {
  return scalar(target, pattern(std::string{kPrefixPattern}), read_prefix,
                [](const auto& v) { return v ? std::optional{to_string(*v)} : std::nullopt; });
}

Scalar host(Address& target) {
  return scalar(target, pattern("^[0-9A-Fa-f:.]+(/32|/128)?$"), read_host,
                [](const Address& v) { return to_string(v); });
}

Scalar clock(Duration& target) {
  return scalar(target, pattern("^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"), read_clock,
                [](Duration v) {
                  const auto m = std::chrono::duration_cast<minutes>(v).count();
                  return fmt::format("{:02}:{:02}", m / 60, m % 60);
                });
}

}  // namespace anycast::config
