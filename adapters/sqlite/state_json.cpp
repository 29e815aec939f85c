#include "adapters/sqlite/state_json.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <type_traits>

#include "adapters/sqlite/learned_fields.hpp"
#include "adapters/sqlite/state_fields.hpp"
#include "controller/base/text.hpp"

namespace anycast {
namespace {

using Json = nlohmann::json;
using OurServers = std::map<ServerKey, std::optional<Time>>;

template <class T>
concept Record = requires(T& value, void (*io)(const char*, ...)) {
  fields(io, value, static_cast<const T*>(nullptr));
};

constexpr Verdict kVerdicts[] = {Verdict::unknown, Verdict::ok, Verdict::warn, Verdict::bad};
constexpr Cause kCauses[] = {Cause::startup,  Cause::carrier, Cause::restore,
                             Cause::operated, Cause::service, Cause::undo};
constexpr Effect kEffects[] = {Effect::open,       Effect::unmeasured, Effect::unclear,
                               Effect::sufficient, Effect::none,       Effect::harmful};
constexpr OriginState kOrigins[] = {OriginState::unknown, OriginState::valid,
                                    OriginState::not_found, OriginState::invalid};
constexpr Condition kConditions[] = {Condition::run, Condition::blind, Condition::frozen,
                                     Condition::safe};
constexpr Protocol kProtocols[] = {Protocol::tcp, Protocol::udp, Protocol::sctp};
constexpr Level kLevels[] = {Level::unknown, Level::up, Level::low, Level::down};

struct Writer {
  Json object = Json::object();

  template <class T>
  void operator()(const char* name, const T& value) {
    object[name] = encode(value);
  }
  template <class T>
  void operator()(const char* name, const std::optional<T>& value) {
    if (value) object[name] = encode(*value);
  }

  template <class T>
  static Json encode(const T& value) {
    if constexpr (Record<T>) {
      Writer inner;
      fields(inner, value, &value);
      return std::move(inner.object);
    } else if constexpr (std::is_enum_v<T>) {
      return to_string(value);
    } else {
      return value;
    }
  }
  static Json encode(const Duration& value) { return value.count(); }
  static Json encode(const Time& value) { return value.time_since_epoch().count(); }
  static Json encode(const Stance& value) { return anycast::encode(value); }
  static Json encode(const std::vector<Time>& values) {
    Json array = Json::array();
    for (const auto& value : values) array.push_back(encode(value));
    return array;
  }
  static Json encode(const Address& value) { return to_string(value); }
  static Json encode(const Prefix& value) { return to_string(value); }
  template <class T>
  static Json encode(const std::set<T>& values) {
    Json array = Json::array();
    for (const auto& value : values) array.push_back(encode(value));
    return array;
  }
  static Json encode(const OurServers& values) {
    Json map = Json::object();
    for (const auto& [key, since] : values)
      map[to_string(key)] = since ? encode(*since) : Json(nullptr);
    return map;
  }
  static Json encode(const std::map<ServiceKey, OurServers>& values) {
    Json array = Json::array();
    for (const auto& [key, servers] : values) {
      array.push_back(encode(key));
      array.back()["servers"] = encode(servers);
    }
    return array;
  }
  static Json encode(const std::vector<ServerKey>& values) {
    Json array = Json::array();
    for (const auto& value : values) array.push_back(to_string(value));
    return array;
  }
  template <class T>
  static Json encode(const std::map<std::string, T>& values) {
    Json map = Json::object();
    for (const auto& [key, value] : values) map[key] = encode(value);
    return map;
  }
  static Json encode(const std::map<PathKey, PathState>& values) {
    Json array = Json::array();
    for (const auto& [key, value] : values) {
      Writer inner;
      fields(inner, key, &key);
      fields(inner, value, &value);
      array.push_back(std::move(inner.object));
    }
    return array;
  }
};

/// Thrown and caught inside this file only: the way out of a nest of templates.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void refuse(const std::string& where, std::string_view expected, const Json& found) {
  const auto text = found.dump(-1, ' ', false, Json::error_handler_t::replace);
  throw Refused(fmt::format("{} is {}, expected {}", where, clip(text, 60), expected));
}

struct Reader {
  const Json& object;
  std::string where;

  Reader(const Json& json, std::string place) : object{json}, where{std::move(place)} {
    if (!object.is_object()) refuse(where, "an object", object);
  }

  template <class T>
  void operator()(const char* name, T& value) {
    const auto found = object.find(name);
    if (found != object.end()) decode(*found, where + "." + name, value);
  }
  template <class T>
  void operator()(const char* name, std::optional<T>& value) {
    const auto found = object.find(name);
    if (found == object.end()) return;
    decode(*found, where + "." + name, value.emplace(T{}));
  }

  template <class T>
  static void decode(const Json& json, const std::string& at, T& value) {
    if constexpr (Record<T>) {
      Reader inner{json, at};
      fields(inner, value, &value);
    } else if constexpr (std::is_unsigned_v<T> && !std::is_same_v<T, bool>) {
      number(json, at, value, json.is_number_unsigned());
    } else {
      static_assert(std::is_same_v<T, int> || std::is_same_v<T, std::int64_t>);
      number(json, at, value, json.is_number_integer());
    }
  }
  template <class T>
  static void number(const Json& json, const std::string& at, T& value, bool is_number) {
    if (!is_number) refuse(at, "a whole number", json);
    value = json.get<T>();
    if (Json(value) != json) refuse(at, "a smaller number", json);
  }
  static void decode(const Json& json, const std::string& at, bool& value) {
    if (!json.is_boolean()) refuse(at, "true or false", json);
    value = json.get<bool>();
  }
  static void decode(const Json& json, const std::string& at, std::string& value) {
    if (!json.is_string()) refuse(at, "a text", json);
    value = json.get<std::string>();
  }
  static void decode(const Json& json, const std::string& at, Time& value) {
    if (!json.is_number_integer()) refuse(at, "microseconds since the epoch", json);
    value = Time{Duration{json.get<std::int64_t>()}};
  }
  static void decode(const Json& json, const std::string& at, Duration& value) {
    if (!json.is_number_integer()) refuse(at, "microseconds", json);
    value = Duration{json.get<std::int64_t>()};
  }
  static void decode(const Json& json, const std::string& at, Stance& value) {
    const auto stance = json.is_string() ? parse_stance(json.get<std::string>()) : std::nullopt;
    if (!stance)
      refuse(at, "announce, prepend=1 to 10, drain or withdraw, with what carriers are asked",
             json);
    value = *stance;
  }
  template <class E>
  static void word(const Json& json, const std::string& at, std::span<const E> words, E& value) {
    std::vector<std::string> known;
    for (const auto candidate : words) {
      if (json == to_string(candidate)) return static_cast<void>(value = candidate);
      known.push_back(to_string(candidate));
    }
    refuse(at, "one of " + join(known, ", "), json);
  }
  static void decode(const Json& json, const std::string& at, Verdict& value) {
    word<Verdict>(json, at, kVerdicts, value);
  }
  static void decode(const Json& json, const std::string& at, Cause& value) {
    word<Cause>(json, at, kCauses, value);
  }
  static void decode(const Json& json, const std::string& at, Effect& value) {
    word<Effect>(json, at, kEffects, value);
  }
  static void decode(const Json& json, const std::string& at, OriginState& value) {
    word<OriginState>(json, at, kOrigins, value);
  }
  static void decode(const Json& json, const std::string& at, Condition& value) {
    word<Condition>(json, at, kConditions, value);
  }
  static void decode(const Json& json, const std::string& at, Level& value) {
    word<Level>(json, at, kLevels, value);
  }
  static void decode(const Json& json, const std::string& at, Protocol& value) {
    word<Protocol>(json, at, kProtocols, value);
  }
  static void decode(const Json& json, const std::string& at, Address& value) {
    const auto read = json.is_string() ? Address::parse(json.get<std::string>()) : std::nullopt;
    if (!read) refuse(at, "an address", json);
    value = *read;
  }
  static void decode(const Json& json, const std::string& at, Prefix& value) {
    const auto read = json.is_string() ? Prefix::parse(json.get<std::string>()) : std::nullopt;
    if (!read) refuse(at, "a prefix", json);
    value = *read;
  }
  static void decode(const Json& json, const std::string& at, ServerKey& value) {
    const auto read = json.is_string() ? parse_server(json.get<std::string>()) : std::nullopt;
    if (!read) refuse(at, "an address with a port", json);
    value = *read;
  }
  template <class T>
  static void decode(const Json& json, const std::string& at, std::set<T>& values) {
    if (!json.is_array()) refuse(at, "a list", json);
    for (const auto& item : json) {
      T value{};
      decode(item, at, value);
      values.insert(std::move(value));
    }
  }
  static void decode(const Json& json, const std::string& at, OurServers& values) {
    if (!json.is_object()) refuse(at, "an object", json);
    for (const auto& [text, since] : json.items()) {
      ServerKey key;
      decode(Json(text), at, key);
      auto& drains = values[key];
      if (!since.is_null()) decode(since, at, drains.emplace());
    }
  }
  static void decode(const Json& json, const std::string& at,
                     std::map<ServiceKey, OurServers>& values) {
    if (!json.is_array()) refuse(at, "a list", json);
    for (const auto& item : json) {
      ServiceKey key;
      decode(item, at, key);
      decode(item.value("servers", Json::object()), at, values[key]);
    }
  }
  static void decode(const Json& json, const std::string& at, std::vector<ServerKey>& values) {
    if (!json.is_array()) refuse(at, "a list", json);
    for (const auto& item : json) decode(item, at, values.emplace_back());
  }
  static void decode(const Json& json, const std::string& at, std::vector<Time>& values) {
    if (!json.is_array()) refuse(at, "a list", json);
    for (const auto& item : json) decode(item, at, values.emplace_back());
  }
  template <class T>
  static void decode(const Json& json, const std::string& at, std::map<std::string, T>& values) {
    if (!json.is_object()) refuse(at, "an object", json);
    for (const auto& [key, item] : json.items()) decode(item, at + "." + key, values[key]);
  }
  static void decode(const Json& json, const std::string& at,
                     std::map<PathKey, PathState>& values) {
    if (!json.is_array()) refuse(at, "a list", json);
    for (const auto& item : json) {
      PathKey key;
      PathState state;
      decode(item, at, key);
      decode(item, at, state);
      values[key] = state;
    }
  }
};

}  // namespace

std::string print_state(const State& state) {
  auto object = Writer::encode(state);
  object["format"] = kStateFormat;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<State> parse_state(std::string_view text) {
  try {
    const auto object = Json::parse(text);
    State state;
    Reader reader{object, "state"};
    int format = 0;
    reader("format", format);
    if (format < 1 || format > kStateFormat) {
      return fail(Remedy::look_at_host,
                  fmt::format("state has format {}, this anycastd reads 1 to {}; a newer anycastd "
                              "wrote it",
                              format, kStateFormat));
    }
    fields(reader, state, &state);
    return state;
  } catch (const Refused& refused) {
    return fail(Remedy::look_at_host, refused.what());
  } catch (const Json::exception& broken) {
    return fail(Remedy::look_at_host, fmt::format("state is not JSON: {}", broken.what()));
  }
}

}  // namespace anycast
