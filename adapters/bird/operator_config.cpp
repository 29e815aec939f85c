#include "adapters/bird/operator_config.hpp"

#include <fnmatch.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>

#include "adapters/bird/reply.hpp"
#include "adapters/system/file.hpp"
#include "controller/render/bird_text.hpp"

namespace anycast::bird {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 8;  // BIRD's own limit (conf/cf-lex.l, MAX_INCLUDE_DEPTH)
constexpr std::size_t kMaxFiles = 1000;
// A file's time comes from the kernel's coarse clock, BIRD's from its event loop: an edit and the
// `configure` for it may seem to be out of order by some milliseconds.
constexpr Duration kClockSlack = milliseconds{50};

// /run and /var/run are often the same folder.
std::string real_path(const std::string& path) {
  std::error_code failed;
  const auto real = fs::weakly_canonical(path, failed);
  return failed ? fs::path{path}.lexically_normal().string() : real.string();
}

bool is_pattern(const std::string& path) { return path.find_first_of("*?[") != std::string::npos; }

bool covers(const std::string& pattern, const std::string& fragment) {
  const fs::path path{pattern};
  const auto real = fs::path{real_path(path.parent_path().string())} / path.filename();
  return ::fnmatch(real.c_str(), real_path(fragment).c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
}

std::vector<std::string> matches(const std::string& pattern) {
  std::vector<std::string> files;
  glob_t found{};
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  return files;
}

/// `include "..." ;` of one line, or nothing.
std::optional<Include> include_in(std::string_view line, std::size_t offset) {
  constexpr std::string_view kWord = "include";
  const auto blanks = [&](std::size_t from) {
    return std::min(line.find_first_not_of(" \t", from), line.size());
  };
  const auto word = blanks(0);
  if (!line.substr(word).starts_with(kWord)) return std::nullopt;
  const auto open = blanks(word + kWord.size());
  if (open >= line.size() || line[open] != '"') return std::nullopt;
  const auto close = line.find('"', open + 1);
  if (close == std::string_view::npos) return std::nullopt;
  const auto end = blanks(close + 1);
  if (end >= line.size() || line[end] != ';') return std::nullopt;
  return Include{.at = offset + open + 1,
                 .length = close - open - 1,
                 .path = std::string{line.substr(open + 1, close - open - 1)},
                 .line = 0};
}

/// Whether the text is inside of /* */ after this line.
bool comment_after(std::string_view line, bool inside) {
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (inside) {
      const auto close = line.find("*/", at);
      if (close == std::string_view::npos) return true;
      inside = false;
      at = close + 1;
    } else if (line[at] == '#') {
      return false;
    } else if (line[at] == '"') {
      at = line.find('"', at + 1);
      if (at == std::string_view::npos) return false;
    } else if (line.substr(at).starts_with("/*")) {
      inside = true;
      ++at;
    }
  }
  return inside;
}

bool in_symbol(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
         c == '.' || c == ':';
}

void names_in(std::string_view line, std::set<std::string>& out) {
  for (auto at = line.find(render::kBirdImport); at != std::string_view::npos;
       at = line.find(render::kBirdImport, at + 1)) {
    auto end = at;
    while (end < line.size() && in_symbol(line[end])) ++end;
    out.emplace(line.substr(at, end - at));
  }
}

/// Names of our functions for the way in, outside of comments.
void add_imports(std::string_view text, std::set<std::string>& out) {
  bool comment = false;
  for (std::size_t start = 0; start < text.size();) {
    const auto line = text.substr(start, text.find('\n', start) - start);
    if (!comment) names_in(line.substr(0, line.find('#')), out);
    comment = comment_after(line, comment);
    start += line.size() + 1;
  }
}

class Walk {
 public:
  Walk(OperatorConfig& config, const std::string& fragment)
      : config_{config}, fragment_{real_path(fragment)} {}

  void file(const std::string& path, std::string_view text, int depth) {
    config_.files.push_back(path);
    add_imports(text, config_.imports);
    for (const auto& include : includes_of(text, path)) {
      const bool pattern = is_pattern(include.path);
      if (pattern ? covers(include.path, fragment_) : real_path(include.path) == fragment_) {
        const bool direct = !pattern && depth == 0;
        if (config_.attachment != Attachment::direct) {
          config_.attachment = direct ? Attachment::direct : Attachment::covered;
        }
      }
      for (const auto& next :
           pattern ? matches(include.path) : std::vector<std::string>{include.path}) {
        if (real_path(next) == fragment_ || depth + 1 >= kMaxDepth ||
            config_.files.size() >= kMaxFiles || std::ranges::count(config_.files, next) > 0) {
          continue;
        }
        if (const auto inner = read_file(next)) file(next, *inner, depth + 1);
      }
    }
  }

 private:
  OperatorConfig& config_;
  std::string fragment_;
};

}  // namespace

std::vector<Include> includes_of(std::string_view text, const std::string& file) {
  std::vector<Include> includes;
  bool comment = false;
  int number = 1;
  for (std::size_t start = 0; start < text.size(); ++number) {
    const auto line = text.substr(start, text.find('\n', start) - start);
    if (!comment) {
      if (auto include = include_in(line, start)) {
        if (!include->path.starts_with('/')) {
          include->path = (fs::path{file}.parent_path() / include->path).string();
        }
        include->line = number;
        includes.push_back(std::move(*include));
      }
    }
    comment = comment_after(line, comment);
    start += line.size() + 1;
  }
  return includes;
}

Result<OperatorConfig> read_operator_config(const std::string& main_file,
                                            const std::string& fragment) {
  OperatorConfig config;
  auto text = read_file(main_file);
  if (!text) return tl::unexpected(text.error());
  config.text = std::move(*text);
  Walk{config, fragment}.file(main_file, config.text, 0);
  return config;
}

std::vector<std::string> edited_since(const OperatorConfig& config, Time time) {
  std::vector<std::string> edited;
  for (const auto& file : config.files) {
    const auto modified = modified_at(file);
    if (modified && *modified > time + kClockSlack) edited.push_back(file);
  }
  return edited;
}

std::string twin_of(const OperatorConfig& config, const std::string& main_file,
                    const std::string& fragment, const std::string& candidate) {
  auto text = config.text;
  auto includes = includes_of(text, main_file);
  std::ranges::reverse(includes);
  for (const auto& include : includes) {
    const bool ours = real_path(include.path) == real_path(fragment);
    text.replace(include.at, include.length, ours ? candidate : include.path);
  }
  return text;
}

}  // namespace anycast::bird
