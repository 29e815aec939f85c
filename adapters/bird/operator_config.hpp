#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/base/time.hpp"

namespace anycast::bird {

/// One `include "...";` of a BIRD configuration; it stands at the beginning of a line, outside of
/// comments (conf/cf-lex.l).
struct Include {
  std::size_t at;      ///< of the path in the text
  std::size_t length;  ///< of the path, without its quotation marks
  std::string path;    ///< absolute: a relative one counts from the including file's folder
  int line;
};
std::vector<Include> includes_of(std::string_view text, const std::string& file);

/// How the operator's files come to our fragment.
enum class Attachment {
  none,     ///< not at all
  direct,   ///< the main file names it
  covered,  ///< by a pattern, or a file that the main file includes names it
};

struct OperatorConfig {
  std::string text = {};                ///< of the main file
  std::vector<std::string> files = {};  ///< all his files that are read, without our fragment
  std::set<std::string> imports = {};   ///< functions of ours that stand in them, no comments
  Attachment attachment = Attachment::none;
};

/// Follows the includes of `main_file`. Fails where the main file cannot be read; an included file
/// that cannot be is left to BIRD to complain about.
Result<OperatorConfig> read_operator_config(const std::string& main_file,
                                            const std::string& fragment);

/// Files that were written after `time`.
std::vector<std::string> edited_since(const OperatorConfig& config, Time time);

/// The main file's text with the fragment's path replaced by `candidate` and every other relative
/// include made absolute. Lines keep their numbers.
std::string twin_of(const OperatorConfig& config, const std::string& main_file,
                    const std::string& fragment, const std::string& candidate);

}  // namespace anycast::bird
