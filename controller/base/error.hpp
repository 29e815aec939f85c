#pragma once

#include <compare>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace anycast {

/// A position in a text file; line and column count from 1, 0 means "not known". Columns are
/// display columns, so that a caret under the quoted line points at the right glyph.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
  auto operator<=>(const Place&) const = default;
};

/// What the operator has to do next about an error.
enum class Remedy {
  fix_text,      ///< a file does not parse
  fix_value,     ///< a value parses but cannot be right
  wait,          ///< the other side is away or busy; it is tried again
  look_at_peer,  ///< the other side answered something that it should not
  look_at_host,  ///< permission, disk, kernel: this machine
  report,        ///< our own fault
};

/// A failure outside our control. `text` is one lower-case sentence without a full stop that quotes
/// the offending words and says what was expected.
struct Error {
  Remedy remedy = Remedy::report;
  std::string text;
  Place place = {};
  std::vector<std::string> notes = {};
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Remedy remedy, std::string text) {
  return tl::unexpected(Error{.remedy = remedy, .text = std::move(text)});
}

/// "file:line:column: text", or the text alone where there is no place.
std::string to_string(const Error& error);
std::string to_string(const Place& place);

}  // namespace anycast
