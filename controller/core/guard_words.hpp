#pragma once

#include <optional>
#include <string>
#include <utility>

#include "controller/model/plan.hpp"

namespace anycast::core {

/// A guard's word about a step, or nothing where it has none to say.
using Word = std::optional<GuardResult>;

inline GuardResult pass(std::string name, std::string text, std::string key = {}) {
  return {.guard = std::move(name), .passed = true, .text = std::move(text), .key = std::move(key)};
}

inline GuardResult refuse(std::string name, std::string text, std::string key = {},
                          std::optional<Time> earliest = {}) {
  return {.guard = std::move(name),
          .passed = false,
          .text = std::move(text),
          .key = std::move(key),
          .earliest = earliest};
}

inline GuardResult decide(bool passed, std::string name, std::string text, std::string key = {},
                          std::optional<Time> earliest = {}) {
  return passed ? pass(std::move(name), std::move(text), std::move(key))
                : refuse(std::move(name), std::move(text), std::move(key), earliest);
}

}  // namespace anycast::core
