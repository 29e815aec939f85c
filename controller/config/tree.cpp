#include "controller/config/tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "controller/base/text.hpp"

namespace anycast::config {
namespace {

constexpr std::size_t kMostBytes = 1U << 20U;
constexpr std::size_t kMostValues = 100'000;
constexpr std::size_t kDeepest = 64;

/// Leaves the parser in the middle of a document; never leaves this file.
struct Stop {};

std::size_t count_values(const Tree& tree) {
  std::size_t n = 1;
  for (const auto& item : tree.items) n += count_values(item);
  for (const auto& entry : tree.entries) n += count_values(entry.value);
  return n;
}

std::size_t depth_of(const Tree& tree) {
  std::size_t deepest = 0;
  for (const auto& item : tree.items) deepest = std::max(deepest, depth_of(item));
  for (const auto& entry : tree.entries) deepest = std::max(deepest, depth_of(entry.value));
  return deepest + 1;
}

/// Bytes that a scalar takes in its line: up to the closing quote, or its own text.
std::size_t written_bytes(std::string_view rest, std::string_view value) {
  if (rest.empty()) return 1;
  const char quote = rest.front();
  if (quote != '"' && quote != '\'') return std::clamp(value.size(), std::size_t{1}, rest.size());
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (quote == '"' && rest[i] == '\\') {
      ++i;
    } else if (rest[i] == quote) {
      return i + 1;
    }
  }
  return rest.size();
}

class Builder : public YAML::EventHandler {
 public:
  Builder(int source, Report& report) : source_{source}, report_{report} {}

  Tree take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    report_.error(span(mark, {}), "yaml-documents", "a second document in the file",
                  {"one file is one configuration; take out the '---' between its parts"});
    throw Stop{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(Tree{Tree::Kind::empty, span(mark, "")}, anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto at = span(mark, {});
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      report_.error(at, "alias-loop", "an alias inside of what it stands for",
                    {"the value would contain itself without end"});
      throw Stop{};
    }
    values_ += count_values(known->second) - 1;
    if (open_.size() + depth_of(known->second) > kDeepest) too_deep(at);
    add(Tree{known->second}, YAML::NullAnchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const auto at = span(mark, value);
    refuse_tag(at, tag);
    add(Tree{Tree::Kind::scalar, at, value}, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    start(Tree{Tree::Kind::list, span(mark, {})}, tag, anchor);
  }
  void OnSequenceEnd() override { finish(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    start(Tree{Tree::Kind::map, span(mark, {})}, tag, anchor);
  }
  void OnMapEnd() override { finish(); }

 private:
  struct Open {
    Tree tree;
    YAML::anchor_t anchor;
    std::optional<Tree> key = {};           ///< of a map: read and waiting for its value
    std::map<std::string, Span> keys = {};  ///< of a map: seen so far
  };

  // Marks come from left to right, so a line is measured once, however many values it holds.
  int columns_before(int number, std::string_view line, std::size_t byte) {
    if (number != measured_.line || byte < measured_.byte) measured_ = Measured{.line = number};
    measured_.columns += display_width(line.substr(measured_.byte, byte - measured_.byte));
    measured_.byte = byte;
    return measured_.columns;
  }

  // yaml-cpp counts bytes from 0; a caret wants display columns from 1.
  Span span(const YAML::Mark& mark, std::string_view value) {
    const auto line = report_.line(source_, mark.line + 1);
    const auto byte = std::min(static_cast<std::size_t>(std::max(0, mark.column)), line.size());
    const auto rest = line.substr(byte);
    const auto token = rest.substr(0, written_bytes(rest, value));
    return {.source = source_,
            .line = mark.line + 1,
            .column = columns_before(mark.line + 1, line, byte) + 1,
            .length = std::max(1, display_width(token))};
  }

  void refuse_tag(Span at, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    report_.error(at, "yaml-tag", fmt::format("the tag '{}' is not supported", tag));
  }

  void too_deep(Span at) {
    report_.error(at, "yaml-syntax", fmt::format("more than {} levels of nesting", kDeepest));
    throw Stop{};
  }

  void start(Tree tree, const std::string& tag, YAML::anchor_t anchor) {
    refuse_tag(tree.at, tag);
    if (open_.size() >= kDeepest) too_deep(tree.at);
    open_.push_back({.tree = std::move(tree), .anchor = anchor});
  }

  void finish() {
    auto done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.tree), done.anchor);
  }

  void add(Tree tree, YAML::anchor_t anchor) {
    if (++values_ > kMostValues) {
      report_.error(tree.at, "yaml-syntax", fmt::format("more than {} values", kMostValues));
      throw Stop{};
    }
    if (anchor != YAML::NullAnchor) anchors_[anchor] = tree;
    if (open_.empty()) {
      root_ = std::move(tree);
      return;
    }
    auto& parent = open_.back();
    if (parent.tree.kind == Tree::Kind::list) {
      parent.tree.items.push_back(std::move(tree));
    } else if (!parent.key) {
      parent.key = std::move(tree);
    } else {
      add_entry(parent, std::move(tree));
    }
  }

  void add_entry(Open& map, Tree value) {
    const Tree key = std::move(*map.key);
    map.key.reset();
    const bool was_whole = std::exchange(map.tree.whole, false);
    if (key.kind != Tree::Kind::scalar) {
      report_.error(key.at, "yaml-syntax", "a key must be a word");
      return;
    }
    if (key.text == "<<") {
      report_.error(key.at, "yaml-merge", "merge keys ('<<') are not supported",
                    {"write the values out, or use an alias for the whole value"});
      return;
    }
    const auto [first, is_new] = map.keys.emplace(key.text, key.at);
    if (!is_new) {
      report_.error(key.at, "duplicate-key",
                    fmt::format("'{}' is already defined at {}", key.text,
                                report_.refer(first->second, key.at)),
                    {"most YAML readers keep one of the two and say nothing"});
      return;
    }
    map.tree.whole = was_whole;
    map.tree.entries.push_back({.key = key.text, .at = key.at, .value = std::move(value)});
  }

  int source_;
  Report& report_;
  Tree root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Tree> anchors_;
  struct Measured {
    int line = 0;
    std::size_t byte = 0;
    int columns = 0;
  } measured_;
  std::size_t values_ = 0;
  int documents_ = 0;
};

/// Our words for what yaml-cpp says; its own where they are good enough.
std::string syntax_text(const YAML::Exception& e) {
  if (e.msg == "bad file" || e.msg.empty()) return "this is not YAML";
  auto text = e.msg;
  if (text.front() >= 'A' && text.front() <= 'Z') text.front() += 'a' - 'A';
  return text;
}

std::vector<std::string> syntax_hints(std::string_view line) {
  const auto indent = line.substr(0, line.find_first_not_of(" \t"));
  if (indent.find('\t') != std::string_view::npos) {
    return {"YAML indents with spaces; this line begins with a tab"};
  }
  return {};
}

bool is_utf8_text(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return false;
  return !text.starts_with("\xFE\xFF") && !text.starts_with("\xFF\xFE");
}

}  // namespace

Tree::Tree(Kind what, Span where, std::string scalar)
    : kind{what}, at{where}, text{std::move(scalar)} {}

std::optional<Tree> parse(const Source& source, int index, Report& report) {
  const Span start{.source = index, .line = 1, .column = 1};
  if (source.text.size() > kMostBytes) {
    report.error(start, "yaml-syntax", "the file is larger than 1 MiB");
    return std::nullopt;
  }
  if (!is_utf8_text(source.text)) {
    report.error(start, "yaml-syntax", "the file is not UTF-8 text");
    return std::nullopt;
  }
  Builder builder{index, report};
  try {
    std::istringstream stream{source.text};
    YAML::Parser parser{stream};
    while (parser.HandleNextDocument(builder)) {
    }
    auto tree = builder.take();
    if (!tree.at.known()) tree.at = start;
    return tree;
  } catch (const Stop&) {
  } catch (const YAML::Exception& e) {
    const auto line = report.line(index, e.mark.line + 1);
    const auto byte = std::min(static_cast<std::size_t>(std::max(0, e.mark.column)), line.size());
    const Span at{.source = index,
                  .line = std::max(0, e.mark.line) + 1,
                  .column = display_width(line.substr(0, byte)) + 1};
    report.error(at, "yaml-syntax", syntax_text(e), syntax_hints(line));
  } catch (const std::exception&) {
    report.error(start, "yaml-syntax", "this is not YAML");
  }
  return std::nullopt;
}

void merge(Tree& base, Tree over) {
  if (base.kind != Tree::Kind::map || over.kind != Tree::Kind::map) {
    base = std::move(over);
    return;
  }
  base.whole = base.whole && over.whole;
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < base.entries.size(); ++i) index[base.entries[i].key] = i;
  for (auto& entry : over.entries) {
    const auto found = index.find(entry.key);
    if (found == index.end()) {
      base.entries.push_back(std::move(entry));
      continue;
    }
    auto& known = base.entries[found->second];
    const bool both_maps =
        known.value.kind == Tree::Kind::map && entry.value.kind == Tree::Kind::map;
    if (!both_maps) known.at = entry.at;
    merge(known.value, std::move(entry.value));
  }
}

const Entry* find(const Tree& map, const std::string& key) {
  const auto it = std::ranges::find(map.entries, key, &Entry::key);
  return it == map.entries.end() ? nullptr : &*it;
}

}  // namespace anycast::config
