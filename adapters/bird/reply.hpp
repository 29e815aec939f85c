#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/error.hpp"

namespace anycast::bird {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// One line of a reply under its code; a continuation line has the code of the line before it.
struct ReplyLine {
  int code;
  std::string text;
  bool operator==(const ReplyLine&) const = default;
};

/// A complete reply to one command (BIRD's doc/reply_codes): 0xxx done, 1xxx table rows, 2xxx
/// headings, 8xxx run-time errors, 9xxx parse errors.
struct Reply {
  std::vector<ReplyLine> lines = {};

  int code() const { return lines.empty() ? 0 : lines.back().code; }
  bool has(int wanted) const;
  /// The text of the first line with this code, or nothing.
  std::optional<std::string> text(int wanted) const;
  bool is_error() const { return code() >= 8000; }
  bool operator==(const Reply&) const = default;
};

/// Puts a reply together from the lines of the control socket: "dddd-text" more follows, "dddd
/// text" the last one, " text" more of the same code, "+text" asynchronous at any moment.
class ReplyParser {
 public:
  enum class Progress { more, complete };
  static constexpr std::size_t kMaxBytes = 8U << 20U;

  /// An error where the line is none of these, or the reply grows beyond `kMaxBytes`.
  Result<Progress> feed(std::string_view line);
  /// The complete reply; the parser is then ready for the next one.
  Reply take();
  /// Asynchronous lines since the last call, without their '+'.
  std::vector<std::string> take_asynchronous();

 private:
  Reply reply_ = {};
  std::vector<std::string> asynchronous_ = {};
  std::size_t bytes_ = 0;
};

}  // namespace anycast::bird
