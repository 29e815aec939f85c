#include "controller/base/error.hpp"

#include <fmt/format.h>

namespace anycast {

std::string to_string(const Place& place) {
  if (place.line == 0) return place.file;
  return fmt::format("{}:{}:{}", place.file, place.line, place.column);
}

std::string to_string(const Error& error) {
  if (error.place.file.empty()) return error.text;
  return fmt::format("{}: {}", to_string(error.place), error.text);
}

}  // namespace anycast
