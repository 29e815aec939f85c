#include "controller/config/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"

namespace anycast::config {
namespace {

// A file of nothing but mistakes is not read to the end by anybody.
constexpr std::size_t kMostFindings = 200;
// What stands before a quoted line: its number and a bar.
constexpr int kBeforeLine = 8;
// Findings quote what was written, and that may be a whole file in one word.
constexpr int kLongestText = 500;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

/// Bytes of the longest beginning that takes at most `width` columns.
std::size_t bytes_within(std::string_view text, int width) {
  const auto cut = clip(text, width + 1);
  if (cut == text) return text.size();
  return cut.size() - 1;
}

struct Excerpt {
  std::string line;
  int column;
};

/// A terminal would wrap a wider line and tear the caret off.
Excerpt excerpt(const Diagnostic& d, int width) {
  const int column = d.place.column;
  if (display_width(d.line) <= width) return {d.line, column};
  const std::string_view whole{d.line};
  if (column + d.length <= width) return {clip(whole, width), column};
  const auto from = bytes_within(whole, column - 1 - width / 2);
  const int skipped = display_width(whole.substr(0, from));
  return {"~" + clip(whole.substr(from), width - 1), column - skipped + 1};
}

}  // namespace

std::string to_string(const Diagnostic& d, int columns) {
  const auto* severity = d.severity == Diagnostic::Severity::error ? "error" : "warning";
  auto out = fmt::format("{}: {}: {} [{}]\n", to_string(d.place), severity, d.text, d.rule);
  if (d.place.line > 0) {
    const auto shown = excerpt(d, columns - kBeforeLine);
    const int room = std::max(1, display_width(shown.line) + 1 - shown.column);
    const int carets = std::clamp(d.length, 1, room);
    out += fmt::format("{:>5} | {}\n", d.place.line, shown.line);
    out += fmt::format("      | {:{}}{:^>{}}\n", "", shown.column - 1, "", carets);
  }
  bool first = true;
  for (const auto& hint : d.hints) {
    out += fmt::format("      = {}{}\n", first ? "hint: " : "", hint);
    first = false;
  }
  return out;
}

Report::Report(const std::vector<Source>& sources) : sources_{sources} {
  for (const auto& source : sources) lines_.push_back(lines_of(source.text));
}

void Report::error(Span at, std::string rule, std::string text, std::vector<std::string> hints) {
  failed_ = true;
  findings_.push_back(
      {at, Diagnostic::Severity::error, std::move(rule), std::move(text), std::move(hints)});
}

void Report::warning(Span at, std::string rule, std::string text, std::vector<std::string> hints) {
  findings_.push_back(
      {at, Diagnostic::Severity::warning, std::move(rule), std::move(text), std::move(hints)});
}

void Report::hide_after(Span at) { hidden_.push_back(at); }

Place Report::place(Span at) const {
  const auto index = static_cast<std::size_t>(at.source);
  const auto name = index < sources_.size() ? sources_[index].name : std::string{};
  return {.file = name, .line = at.line, .column = at.line > 0 ? at.column : 0};
}

std::string Report::refer(Span at, Span from) const {
  if (at.source != from.source) return to_string(place(at));
  return fmt::format("{}:{}", at.line, at.column);
}

std::string_view Report::line(int source, int number) const {
  const auto s = static_cast<std::size_t>(source);
  const auto n = static_cast<std::size_t>(number);
  if (s >= lines_.size() || n == 0 || n > lines_[s].size()) return {};
  return lines_[s][n - 1];
}

std::string Report::shown_line(Span at) const {
  std::string text{line(at.source, at.line)};
  for (const auto& secret : hidden_) {
    if (secret.source != at.source || secret.line != at.line) continue;
    const auto keep = bytes_within(text, secret.column - 1 + secret.length);
    if (keep < text.size()) text = text.substr(0, keep) + " ...";
  }
  std::ranges::replace(text, '\t', ' ');
  return printable(text);
}

std::vector<Diagnostic> Report::take(const std::vector<std::string>& allow) const {
  auto sorted = findings_;
  std::ranges::stable_sort(sorted, [](const Finding& a, const Finding& b) {
    return std::tie(a.at.source, a.at.line, a.at.column) <
           std::tie(b.at.source, b.at.line, b.at.column);
  });
  std::vector<Diagnostic> out;
  std::set<Finding> seen;
  std::size_t left_out = 0;
  for (const auto& finding : sorted) {
    const bool is_warning = finding.severity == Diagnostic::Severity::warning;
    if (is_warning && std::ranges::find(allow, finding.rule) != allow.end()) continue;
    if (!seen.insert(finding).second) continue;
    if (out.size() == kMostFindings) {
      ++left_out;
      continue;
    }
    Diagnostic d{.severity = finding.severity,
                 .place = place(finding.at),
                 .rule = finding.rule,
                 .text = clip(printable(finding.text), kLongestText),
                 .line = shown_line(finding.at),
                 .length = finding.at.length};
    for (const auto& hint : finding.hints) d.hints.push_back(clip(printable(hint), kLongestText));
    out.push_back(std::move(d));
  }
  if (left_out > 0) {
    out.push_back(
        {.severity = failed_ ? Diagnostic::Severity::error : Diagnostic::Severity::warning,
         .place = {.file = sources_.front().name},
         .rule = "too-many",
         .text = fmt::format("{} more findings are not shown", left_out)});
  }
  return out;
}

}  // namespace anycast::config
