#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/render/hole.hpp"
#include "controller/render/node.hpp"

namespace anycast::render {
namespace {

constexpr int kMaxDepth = 16;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (auto& word : split(text, ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  return words;
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t") == std::string_view::npos;
}

bool is_reference(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return is_name(text);
  return is_name(text.substr(0, dot)) && is_name(text.substr(dot + 1));
}

struct Tag {
  enum class Kind { hole, statement, comment };
  Kind kind;
  std::string_view inside;
  Place place;
};

class Parser {
 public:
  Parser(const std::string& name, std::string_view text) : name_{name}, text_{text} {}

  Result<std::vector<Template::Node>> run() {
    auto nodes = block(0);
    if (!nodes) return nodes;
    if (!ended_by_.empty()) return error(ended_at_, fmt::format("'{}' closes nothing", ended_by_));
    return nodes;
  }

 private:
  tl::unexpected<Error> error(const Place& place, std::string text) const {
    return tl::unexpected(
        Error{.remedy = Remedy::fix_text, .text = std::move(text), .place = place});
  }

  Place place_of(std::size_t at) {
    while (counted_ < at) {
      if (text_[counted_++] == '\n') {
        ++line_;
        line_start_ = counted_;
      }
    }
    return {name_, line_, display_width(text_.substr(line_start_, at - line_start_)) + 1};
  }

  // The text up to the next tag and the tag itself. A tag alone on its line takes the line with it.
  Result<std::optional<Tag>> next(std::string& before) {
    static constexpr std::string_view kOpen[] = {"{{", "{%", "{#"};
    static constexpr std::string_view kClose[] = {"}}", "%}", "#}"};
    std::size_t found = std::string_view::npos;
    std::size_t which = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto at = text_.find(kOpen[i], at_);
      if (at < found) {
        found = at;
        which = i;
      }
    }
    if (found == std::string_view::npos) {
      before = text_.substr(at_);
      at_ = text_.size();
      return std::nullopt;
    }
    const auto place = place_of(found);
    const auto close = text_.find(kClose[which], found + 2);
    if (close == std::string_view::npos) {
      return error(place,
                   fmt::format("'{}' is never closed, expected '{}'", kOpen[which], kClose[which]));
    }
    const auto inside = text_.substr(found + 2, close - found - 2);
    std::size_t from = found;
    std::size_t after = close + 2;
    const auto line_end = std::min(text_.find('\n', after), text_.size());
    if (which != 0 && blank(text_.substr(line_start_, found - line_start_)) && line_start_ >= at_ &&
        blank(text_.substr(after, line_end - after))) {
      from = line_start_;
      after = std::min(line_end + 1, text_.size());
    }
    before = text_.substr(at_, from - at_);
    at_ = after;
    return Tag{static_cast<Tag::Kind>(which), inside, place};
  }

  // Nodes up to the end of the text or of the block; `ended_by_` says which.
  Result<std::vector<Template::Node>> block(int depth) {
    std::vector<Template::Node> nodes;
    for (;;) {
      std::string before;
      auto tag = next(before);
      if (!tag) return tl::unexpected(tag.error());
      if (!before.empty()) nodes.push_back({.kind = Template::Node::Kind::text, .text = before});
      if (!*tag) {
        ended_by_.clear();
        return nodes;
      }
      if ((*tag)->kind == Tag::Kind::comment) continue;
      const auto words = words_of((*tag)->inside);
      if ((*tag)->kind == Tag::Kind::statement && words.size() == 1 &&
          (words[0] == "end" || words[0] == "else")) {
        ended_by_ = words[0];
        ended_at_ = (*tag)->place;
        return nodes;
      }
      auto node = (*tag)->kind == Tag::Kind::hole ? hole(**tag) : statement(words, **tag, depth);
      if (!node) return tl::unexpected(node.error());
      nodes.push_back(std::move(*node));
    }
  }

  Result<Template::Node> hole(const Tag& tag) const {
    const auto parts = split(tag.inside, '|');
    const std::string name{trim(parts[0])};
    if (parts.size() == 1) {
      return error(tag.place,
                   fmt::format("'{}' has no type, expected '{{{{ {} | ident }}}}' or "
                               "another of: {}",
                               printable(name), printable(name), join(hole_types(), ", ")));
    }
    const std::string type{trim(parts[1])};
    if (parts.size() != 2 || !is_reference(name)) {
      return error(tag.place, fmt::format("'{}' is no hole, expected '{{{{ name | type }}}}'",
                                          printable(trim(tag.inside))));
    }
    if (std::ranges::find(hole_types(), type) == hole_types().end()) {
      return error(tag.place, fmt::format("unknown type '{}', expected one of: {}", printable(type),
                                          join(hole_types(), ", ")));
    }
    return Template::Node{
        .kind = Template::Node::Kind::hole, .place = tag.place, .name = name, .type = type};
  }

  Result<Template::Node> statement(const std::vector<std::string>& words, const Tag& tag,
                                   int depth) {
    if (depth >= kMaxDepth) return error(tag.place, "blocks are nested more than 16 deep");
    Template::Node node{.kind = Template::Node::Kind::branch, .place = tag.place};
    if (words.size() == 4 && words[0] == "for" && words[2] == "in" && is_name(words[1]) &&
        is_reference(words[3])) {
      node.kind = Template::Node::Kind::loop;
      node.variable = words[1];
      node.name = words[3];
    } else if (words.size() == 2 && words[0] == "if" && is_reference(words[1])) {
      node.name = words[1];
    } else {
      return error(tag.place, fmt::format("unknown statement '{}', expected 'for x in list', 'if "
                                          "flag', 'else' or 'end'",
                                          printable(trim(tag.inside))));
    }
    auto body = block(depth + 1);
    if (!body) return tl::unexpected(body.error());
    node.body = std::move(*body);
    if (ended_by_ == "else" && node.kind == Template::Node::Kind::branch) {
      auto other = block(depth + 1);
      if (!other) return tl::unexpected(other.error());
      node.other = std::move(*other);
    }
    if (ended_by_.empty()) {
      return error(tag.place,
                   fmt::format("'{}' has no '{{% end %}}'", printable(trim(tag.inside))));
    }
    if (ended_by_ == "else") return error(ended_at_, "'else' without an 'if' of its own");
    return node;
  }

  const std::string& name_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t counted_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
  std::string ended_by_ = {};
  Place ended_at_ = {};
};

}  // namespace

Result<std::vector<Template::Node>> parse_template(const std::string& name, std::string_view text) {
  return Parser{name, text}.run();
}

}  // namespace anycast::render
