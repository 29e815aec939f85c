#include "controller/app/text_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"

namespace anycast::text {
namespace {

constexpr int kGap = 2;  // cells between columns
/// Fewer cells are no column to read in.
constexpr int kLeastWrapped = 24;
/// What begins further in is no label's text.
constexpr std::size_t kDeepest = 32;

std::string_view code(Tone tone) {
  switch (tone) {
    case Tone::plain: return "";
    case Tone::good: return "32";
    case Tone::warn: return "33";
    case Tone::bad: return "1;31";
    case Tone::dim: return "2";
    case Tone::strong: return "1";
  }
  return "";
}

std::string blanks(int count) {
  return std::string(static_cast<std::size_t>(std::max(0, count)), ' ');
}

/// The longest beginning of `word` that takes at most `width` cells, at least one byte.
std::size_t fitting(std::string_view word, int width) {
  std::size_t bytes = 1;
  for (std::size_t i = 1; i <= word.size(); ++i) {
    const bool inside = i < word.size() && (static_cast<unsigned char>(word[i]) & 0xC0U) == 0x80U;
    if (inside) continue;
    if (display_width(word.substr(0, i)) > width) break;
    bytes = i;
  }
  return bytes;
}

/// Cells of a line in which there may be colours.
int visible_width(std::string_view line) {
  std::string bare;
  while (!line.empty()) {
    const auto escape = std::min(line.find('\x1b'), line.size());
    bare += line.substr(0, escape);
    const auto end = line.find('m', escape);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return display_width(bare);
}

/// Where the words of a line begin, after a label and two spaces or more; 0 where there is none.
std::size_t words_of(std::string_view line) {
  const auto label = line.find_first_not_of(' ');
  const auto gap = line.find("  ", label);
  const auto words = gap == std::string_view::npos ? gap : line.find_first_not_of(' ', gap);
  return words < kDeepest ? words : 0;
}

}  // namespace

std::string paint(std::string_view text, Tone tone, const Look& look) {
  if (!look.colour || tone == Tone::plain || text.empty()) return std::string{text};
  return fmt::format("\x1b[{}m{}\x1b[0m", code(tone), text);
}

std::string fold(std::string_view first, std::string_view text, int width) {
  const int indent = display_width(first);
  std::string out{first};
  int used = indent;
  bool fresh = true;
  const auto next_line = [&] {
    out += "\n" + blanks(indent);
    used = indent;
    fresh = true;
  };
  for (const auto& whole : split(text, ' ')) {
    std::string_view word = whole;
    while (!word.empty()) {
      const int room = width - used - (fresh ? 0 : 1);
      if (display_width(word) <= room) {
        out += fresh ? "" : " ";
        out += word;
        used += display_width(word) + (fresh ? 0 : 1);
        fresh = false;
        break;
      }
      if (!fresh) {
        next_line();
        continue;
      }
      const auto bytes = fitting(word, std::max(1, width - used));
      out += word.substr(0, bytes);
      word.remove_prefix(bytes);
      next_line();
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out + "\n";
}

std::string within(std::string_view text, int width) {
  std::string out;
  const auto lines = split(text, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (visible_width(line) <= width) {
      out += line;
      out += i + 1 < lines.size() ? "\n" : "";
      continue;
    }
    if (const auto words = words_of(line); words > 0) {
      out += fold(line.substr(0, words), line.substr(words), width);
      continue;
    }
    const auto begin = line.find_first_not_of(' ');
    const auto folded = fold(blanks(static_cast<int>(begin) + kGap), line.substr(begin), width);
    out += std::string_view{folded}.substr(kGap);
  }
  return out;
}

std::string flow(const std::vector<std::string>& parts, int width) {
  std::string out;
  int used = 0;
  for (const auto& part : parts) {
    if (part.empty()) continue;
    const int need = display_width(part);
    if (used > 0 && used + kGap + need > width) {
      out += "\n";
      used = 0;
    }
    if (used > 0) out += blanks(kGap);
    const int room = width - used - (used > 0 ? kGap : 0);
    out += clip(part, room);
    used += std::min(need, room) + (used > 0 ? kGap : 0);
  }
  return out + "\n";
}

Table::Table(std::vector<Column> columns, int indent)
    : columns_(std::move(columns)), indent_(indent) {}

void Table::add(std::vector<Cell> row) {
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

int Table::width_of(std::size_t column) const {
  int width = display_width(columns_[column].title);
  for (const auto& row : rows_) width = std::max(width, display_width(row[column].text));
  return width;
}

int Table::total(std::size_t columns) const {
  int width = indent_;
  for (std::size_t i = 0; i < columns; ++i) width += width_of(i) + (i > 0 ? kGap : 0);
  return width;
}

std::string Table::line(const std::vector<Cell>& row, std::size_t columns, const Look& look) const {
  std::string out = blanks(indent_);
  for (std::size_t i = 0; i < columns; ++i) {
    const auto text = clip(row[i].text, look.width - indent_);
    const auto missing = blanks(width_of(i) - display_width(text));
    const bool right = columns_[i].align == Column::Align::right;
    if (i > 0) out += blanks(kGap);
    if (right) out += missing;
    out += paint(text, row[i].tone, look);
    if (!right && i + 1 < columns) out += missing;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out + "\n";
}

std::string Table::reasons(const Look& look) const {
  std::string out;
  for (const auto& row : rows_) {
    std::vector<std::string> key;
    std::string reason;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].key) key.push_back(row[i].text);
      if (columns_[i].reason) reason = row[i].text;
    }
    if (reason.empty() || reason == "-") continue;
    out += fold(blanks(indent_ + kGap) + join(key, " ") + ": ", reason, look.width);
  }
  return out;
}

std::string Table::wrapped(const Look& look) const {
  const auto last = columns_.size() - 1;
  const auto before = [&](const std::vector<Cell>& row) {
    auto text = line(row, last, look);
    text.pop_back();
    return text;
  };
  std::vector<Cell> titles;
  for (const auto& column : columns_) titles.push_back({column.title, Tone::dim});
  // The plain width of a line is what the others take, whatever colours stand in it.
  const int start = total(last) + kGap;
  const auto row_of = [&](const std::vector<Cell>& row) {
    Look plain = look;
    plain.colour = false;
    auto bare = line(row, last, plain);
    bare.pop_back();
    auto folded = fold(blanks(start), row[last].text, look.width);
    return before(row) + blanks(start - display_width(bare)) +
           folded.substr(static_cast<std::size_t>(start));
  };
  auto out = row_of(titles);
  for (const auto& row : rows_) out += row_of(row);
  return out;
}

std::string Table::render(const Look& look) const {
  auto columns = columns_.size();
  const bool fits = total(columns) <= look.width;
  if (!fits && columns_.back().wrap && total(columns - 1) + kGap + kLeastWrapped <= look.width)
    return wrapped(look);
  const bool below = columns_.back().reason && !fits;
  if (below) --columns;
  const auto wanted = columns;
  while (columns > 1 && total(columns) > look.width) --columns;

  std::vector<Cell> titles;
  for (const auto& column : columns_) titles.push_back({column.title, Tone::dim});
  auto out = line(titles, columns, look);
  for (const auto& row : rows_) out += line(row, columns, look);
  if (below) out += reasons(look);
  if (columns < wanted) {
    std::vector<std::string> names;
    for (auto i = columns; i < wanted; ++i) names.push_back(columns_[i].title);
    out += fold(blanks(indent_),
                fmt::format("(left out at {} columns: {}; -o wide shows all)", look.width,
                            join(names, ", ")),
                look.width);
  }
  return out;
}

}  // namespace anycast::text
