#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controller/config/scalars.hpp"
#include "controller/config/value.hpp"

namespace anycast::config {

inline constexpr auto kRequired = Field::Need::required;

/// A list whose elements stay where they are while one of them is bound.
template <class T, class Bind>
Value list(std::vector<T>& target, Bind bind) {
  return {List{.clear = [&target] { target.clear(); },
               .append =
                   [&target, bind] {
                     target.push_back(T{});
                     return Value{bind(target.back())};
                   },
               .items =
                   [&target, bind] {
                     std::vector<Value> out;
                     out.reserve(target.size());
                     for (auto& item : target) out.push_back({bind(item)});
                     return out;
                   }}};
}

/// A map by names of the operator's.
template <class T, class Bind>
Value named(std::map<std::string, T>& target, Bind bind) {
  return {Map{.key = {.pattern = std::string{kNamePattern}},
              .accept = check_name,
              .insert =
                  [&target, bind](const std::string& key) {
                    return Value{bind(target.emplace(key, T{}).first->second)};
                  },
              .items =
                  [&target, bind] {
                    std::vector<std::pair<std::string, Value>> out;
                    out.reserve(target.size());
                    for (auto& [key, value] : target) out.emplace_back(key, Value{bind(value)});
                    return out;
                  }}};
}

}  // namespace anycast::config
