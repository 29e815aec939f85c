#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/app/text.hpp"

namespace anycast::text {

enum class Tone { plain, good, warn, bad, dim, strong };

/// The text in its tone where the look has colours.
std::string paint(std::string_view text, Tone tone, const Look& look);

/// Words of `text` in lines of at most `width` cells; the first line starts with `first`, the
/// others with as many spaces. A word longer than a line is broken.
std::string fold(std::string_view first, std::string_view text, int width);

/// Text of several lines in `width` cells: a line that is wider goes on below, below its words
/// where it begins with a label, else further in than it began. Colours take no cells.
std::string within(std::string_view text, int width);

/// Parts two spaces apart, broken between parts only where a line is full.
std::string flow(const std::vector<std::string>& parts, int width);

struct Column {
  std::string title;
  enum class Align { left, right };
  Align align = Align::left;
  /// A reason. Where the table is too wide with it, its texts stand below the table instead, each
  /// after the cells of the key columns.
  bool reason = false;
  bool key = false;
  /// A reason that is the last column is broken into lines of its own column, where some are left.
  bool wrap = false;
};

struct Cell {
  std::string text;
  Tone tone = Tone::plain;
};

/// ASCII columns by display width. Columns that do not fit are left out from the right, and a last
/// line says so; nothing wraps.
class Table {
 public:
  explicit Table(std::vector<Column> columns, int indent = 0);
  void add(std::vector<Cell> row);
  bool empty() const { return rows_.empty(); }
  std::string render(const Look& look) const;

 private:
  int width_of(std::size_t column) const;
  int total(std::size_t columns) const;
  std::string line(const std::vector<Cell>& row, std::size_t columns, const Look& look) const;
  std::string reasons(const Look& look) const;
  std::string wrapped(const Look& look) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
  int indent_;
};

}  // namespace anycast::text
