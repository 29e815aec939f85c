#pragma once

#include <compare>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/config/config.hpp"

namespace anycast::config {

/// A piece of one line of one source. Line, column and length count from 1 in display columns;
/// `source` is an index into the sources, and line 0 means that nothing was written there.
struct Span {
  int source = 0;
  int line = 0;
  int column = 0;
  int length = 1;
  auto operator<=>(const Span&) const = default;

  bool known() const { return line > 0; }
};

/// Collects findings, each with its source line, and gives them out in the order of the file.
class Report {
 public:
  explicit Report(const std::vector<Source>& sources);

  void error(Span at, std::string rule, std::string text, std::vector<std::string> hints = {});
  void warning(Span at, std::string rule, std::string text, std::vector<std::string> hints = {});
  /// From now on and in retrospect no finding quotes what stands behind the span in its line.
  void hide_after(Span at);

  bool failed() const { return failed_; }
  Place place(Span at) const;
  /// "34:20", with the file's name where it is another than that of `from`.
  std::string refer(Span at, Span from) const;
  std::string_view line(int source, int number) const;

  /// Everything found, sorted, each once, without the warnings whose rule is in `allow`.
  std::vector<Diagnostic> take(const std::vector<std::string>& allow) const;

 private:
  struct Finding {
    Span at;
    Diagnostic::Severity severity;
    std::string rule;
    std::string text;
    std::vector<std::string> hints;
    auto operator<=>(const Finding&) const = default;
  };
  std::string shown_line(Span at) const;

  const std::vector<Source>& sources_;
  std::vector<std::vector<std::string_view>> lines_;
  std::vector<Finding> findings_;
  std::vector<Span> hidden_;
  bool failed_ = false;
};

}  // namespace anycast::config
