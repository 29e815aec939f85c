#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace anycast {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view between);
std::string_view trim(std::string_view text);

/// Terminal cells that UTF-8 text takes (East Asian wide characters take two, combining ones none);
/// every byte that is not UTF-8 counts as one.
int display_width(std::string_view text);
/// `text` with spaces up to `width` cells; never cut.
std::string pad(std::string_view text, int width);
/// At most `width` cells, the last of them '~' where something was cut.
std::string clip(std::string_view text, int width);
/// Foreign text made fit for a terminal or a log line: control characters become '?'.
std::string printable(std::string_view text);

/// Insertions, deletions, replacements and swaps of neighbours between two words.
int edit_distance(std::string_view a, std::string_view b);
/// The candidate at an edit distance of 2 or less, or empty; ties go to the first.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// A word that may stand as a name in every place we render: letter or '_' first, then letters,
/// digits,
/// '_' and '-', at most 32 characters.
bool is_name(std::string_view text);

/// FNV-1a of the text, 32 bit; the revision of a fragment.
std::uint32_t hash32(std::string_view text);
/// FNV-1a of the text, 64 bit, as 16 hex digits; the digest of a configuration or a plan.
std::string hash64_hex(std::string_view text);

/// Unified diff with three lines of context, or empty where the texts are equal.
std::string unified_diff(std::string_view before, std::string_view after,
                         std::string_view before_name, std::string_view after_name);

}  // namespace anycast
