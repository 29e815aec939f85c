#include "controller/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <dtl/dtl.hpp>
#include <sstream>

namespace anycast {
namespace {

/// One code point, or one stray byte as U+FFFD.
struct Glyph {
  char32_t code;
  std::size_t bytes;
};

Glyph next_glyph(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || text.size() < length) return {0xFFFD, 1};
  char32_t code = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0U) != 0x80U) return {0xFFFD, 1};
    code = (code << 6U) | (byte & 0x3FU);
  }
  return {code, length};
}

// wcwidth() answers by the locale of the process, which is "C" in a daemon; the ranges that matter
// in names are few (Unicode 15, EastAsianWidth W and F, and the combining blocks).
int cells(char32_t c) {
  if ((c >= 0x0300 && c <= 0x036F) || (c >= 0x200B && c <= 0x200F) ||
      (c >= 0xFE00 && c <= 0xFE0F)) {
    return 0;
  }
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0x303E) ||
                    (c >= 0x3041 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
                    (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) ||
                    (c >= 0xFF00 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6) ||
                    (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

std::vector<std::string> lines_of(std::string_view text) {
  auto lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (auto to = text.find(separator); to != std::string_view::npos;
       to = text.find(separator, from)) {
    parts.emplace_back(text.substr(from, to - from));
    from = to + 1;
  }
  parts.emplace_back(text.substr(from));
  return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  return fmt::format("{}", fmt::join(parts, between));
}

std::string_view trim(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const auto glyph = next_glyph(text);
    width += cells(glyph.code);
    text.remove_prefix(glyph.bytes);
  }
  return width;
}

std::string pad(std::string_view text, int width) {
  const int missing = width - display_width(text);
  return std::string{text} + std::string(static_cast<std::size_t>(std::max(0, missing)), ' ');
}

std::string clip(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string{text};
  std::string out;
  int used = 0;
  while (!text.empty()) {
    const auto glyph = next_glyph(text);
    if (used + cells(glyph.code) > width - 1) break;
    used += cells(glyph.code);
    out += text.substr(0, glyph.bytes);
    text.remove_prefix(glyph.bytes);
  }
  return out + "~";
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto glyph = next_glyph(text);
    const bool control =
        glyph.code < 0x20 || (glyph.code >= 0x7F && glyph.code < 0xA0) || glyph.code == 0xFFFD;
    if (control) {
      out += '?';
    } else {
      out += text.substr(0, glyph.bytes);
    }
    text.remove_prefix(glyph.bytes);
  }
  return out;
}

int edit_distance(std::string_view a, std::string_view b) {
  const auto width = b.size() + 1;
  std::vector<int> table((a.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> int& { return table[i * width + j]; };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = static_cast<int>(i);
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replace = at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, replace});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return at(a.size(), b.size());
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  int distance = 3;
  for (const auto& candidate : candidates) {
    const int d = edit_distance(word.substr(0, 64), std::string_view{candidate}.substr(0, 64));
    const bool too_short = static_cast<std::size_t>(d) >= candidate.size();
    if (d >= distance || too_short) continue;
    distance = d;
    best = candidate;
  }
  return best;
}

bool is_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto rest = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= 32 && letter(text.front()) &&
         std::ranges::all_of(text, rest);
}

std::uint32_t hash32(std::string_view text) {
  std::uint32_t h = 2166136261U;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 16777619U;
  return h;
}

std::string hash64_hex(std::string_view text) {
  std::uint64_t h = 14695981039346656037ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  std::string out(16, '0');
  for (auto digit = out.rbegin(); digit != out.rend(); ++digit, h >>= 4U)
    *digit = "0123456789abcdef"[h & 15U];
  return out;
}

std::string unified_diff(std::string_view before, std::string_view after,
                         std::string_view before_name, std::string_view after_name) {
  if (before == after) return {};
  auto a = lines_of(before);
  auto b = lines_of(after);
  dtl::Diff<std::string> diff(a, b);
  diff.compose();
  diff.composeUnifiedHunks();
  std::ostringstream hunks;
  diff.printUnifiedFormat(hunks);
  return fmt::format("--- {}\n+++ {}\n{}", before_name, after_name, hunks.str());
}

}  // namespace anycast
