#include "controller/render/bird_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "controller/base/text.hpp"

namespace anycast::render {
namespace {

struct Token {
  enum class Kind { word, string, sign, end };
  Kind kind;
  std::string text;
  int line;
  int column;
};

tl::unexpected<Error> error(const Token& at, std::string text) {
  return tl::unexpected(Error{.remedy = Remedy::fix_text,
                              .text = std::move(text),
                              .place = {"rendered fragment", at.line, at.column}});
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == ':' || c == '/';
}

// A prefix is one word here: no construct that we read divides.
Result<std::vector<Token>> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  int line = 1;
  std::size_t line_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    Token token{Token::Kind::sign, std::string(1, c), line, static_cast<int>(at - line_start) + 1};
    if (c == '\n') {
      ++line;
      line_start = ++at;
    } else if (c == ' ' || c == '\t') {
      ++at;
    } else if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else if (c == '"' || c == '\'') {
      const auto close = text.find_first_of(c == '"' ? "\"\n" : "'\n", at + 1);
      if (close == std::string_view::npos || text[close] == '\n') {
        return error(token, "a quotation that does not end on its line");
      }
      token.kind = c == '"' ? Token::Kind::string : Token::Kind::word;
      token.text = text.substr(at + 1, close - at - 1);
      at = close + 1;
      tokens.push_back(std::move(token));
    } else if (is_word(c)) {
      const auto start = at;
      while (at < text.size() && is_word(text[at])) ++at;
      token.kind = Token::Kind::word;
      token.text = text.substr(start, at - start);
      tokens.push_back(std::move(token));
    } else if (c > ' ' && c <= '~') {
      ++at;
      tokens.push_back(std::move(token));
    } else {
      return error(token, "a character that has no place in a fragment");
    }
  }
  tokens.push_back({Token::Kind::end, "end of the text", line, 1});
  return tokens;
}

class BirdReader {
 public:
  explicit BirdReader(std::vector<Token> tokens) : tokens_{std::move(tokens)} {}

  Result<FragmentText> run() {
    while (!failed_ && peek().kind != Token::Kind::end) {
      if (accept("define")) {
        definition();
      } else if (accept("protocol")) {
        origin();
      } else if (accept("function")) {
        function();
      } else if (accept("filter")) {
        filter();
      } else {
        refuse("'define', 'protocol', 'function' or 'filter'");
      }
    }
    if (!failed_ && definitions_ != 1) refuse("exactly one definition of ANYCASTD_REVISION");
    if (failed_) return tl::unexpected(*failed_);
    std::ranges::sort(out_.routes);
    return out_;
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  void advance() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  // The first error stands; everything after it reads nothing.
  void refuse(std::string_view expected) {
    if (failed_) return;
    failed_ = error(peek(), fmt::format("'{}' is not expected here, expected {}",
                                        printable(peek().text), expected))
                  .value();
  }
  bool accept(std::string_view text) {
    if (failed_ || peek().kind == Token::Kind::string || peek().text != text) return false;
    advance();
    return true;
  }
  void expect(std::initializer_list<std::string_view> texts) {
    for (const auto text : texts) {
      if (!accept(text)) return refuse(fmt::format("'{}'", text));
    }
  }
  std::string word(std::string_view expected) {
    if (failed_ || peek().kind != Token::Kind::word) {
      refuse(expected);
      return {};
    }
    auto text = peek().text;
    advance();
    return text;
  }
  std::uint32_t number(std::uint32_t most) {
    std::uint32_t value = 0;
    const auto& text = peek().text;
    const auto* end = text.data() + text.size();
    const auto [at, code] = std::from_chars(text.data(), end, value);
    if (code != std::errc{} || at != end || value > most || peek().kind != Token::Kind::word) {
      refuse(fmt::format("a number up to {}", most));
      return 0;
    }
    advance();
    return value;
  }
  Prefix prefix() {
    const auto value = Prefix::parse(peek().text);
    if (!value || !value->is_network() || peek().kind != Token::Kind::word) {
      refuse("a prefix without host bits");
      return {};
    }
    advance();
    return *value;
  }

  void definition() {
    expect({"ANYCASTD_REVISION", "="});
    out_.revision = number(0xFFFFFFFFU);
    expect({";"});
    ++definitions_;
  }

  void origin() {
    expect({"static"});
    const bool v4 = accept("anycastd4");
    if (!v4) expect({"anycastd6"});
    if (std::ranges::find(origins_, v4) != origins_.end()) refuse("each static protocol once");
    origins_.push_back(v4);
    expect({"{", v4 ? "ipv4" : "ipv6", ";"});
    while (!failed_ && !accept("}")) {
      expect({"route"});
      const auto route = prefix();
      if ((route.address.family == Address::Family::v4) != v4) refuse("a route of its own family");
      if (std::ranges::find(out_.routes, route) != out_.routes.end()) refuse("each route once");
      expect({"blackhole", ";"});
      out_.routes.push_back(route);
    }
  }

  void function() {
    const auto name = word("the name of a function");
    if (!name.starts_with(kBirdImport)) refuse(fmt::format("a name with '{}'", kBirdImport));
    if (out_.imports.contains(name)) refuse("each function once");
    expect({"(", ")", "{"});
    std::vector<Preferred> preferred;
    while (!failed_ && !accept("}")) {
      Preferred one;
      expect({"if", "bgp_path", "~", "["});
      do {
        one.as_path.push_back(number(0xFFFFFFFEU));
      } while (accept(","));
      expect({"]", "then", "bgp_local_pref", "="});
      one.local_preference = number(0xFFFFFFFFU);
      expect({";"});
      std::ranges::sort(one.as_path);
      preferred.push_back(std::move(one));
    }
    std::ranges::sort(preferred);
    out_.imports[name] = std::move(preferred);
  }

  void filter() {
    const auto name = word("the name of a filter");
    if (out_.filters.contains(name)) refuse("each filter once");
    expect({"{"});
    std::vector<Export> exports;
    while (!failed_ && accept("if")) exports.push_back(clause(exports));
    expect({"reject", ";", "}"});
    std::ranges::sort(exports);
    out_.filters[name] = std::move(exports);
  }

  Export clause(const std::vector<Export>& before) {
    expect({"proto", "="});
    const auto proto = peek().kind == Token::Kind::string ? peek().text : std::string{};
    if (proto != "anycastd4" && proto != "anycastd6") refuse("\"anycastd4\" or \"anycastd6\"");
    advance();
    expect({"&", "&", "net", "="});
    Export out{.prefix = prefix()};
    const bool v4 = out.prefix.address.family == Address::Family::v4;
    if (v4 != (proto == "anycastd4")) refuse("a prefix of the family of its protocol");
    if (std::ranges::find(before, out.prefix, &Export::prefix) != before.end()) {
      refuse("each prefix once in a filter");
    }
    expect({"then", "{"});
    while (!failed_ && !accept("accept")) {
      if (accept("bgp_path.prepend")) {
        expect({"("});
        out.as_path.push_back(number(0xFFFFFFFEU));
        expect({")", ";"});
      } else if (accept("bgp_large_community.add")) {
        out.communities.push_back(community(3, 0xFFFFFFFFU));
      } else {
        expect({"bgp_community.add"});
        out.communities.push_back(community(2, 0xFFFFU));
      }
    }
    expect({";", "}"});
    std::ranges::sort(out.communities);
    return out;
  }

  /// "((1,2));" as "1:2".
  std::string community(int parts, std::uint32_t most) {
    expect({"(", "("});
    auto text = std::to_string(number(most));
    for (int i = 1; i < parts; ++i) {
      expect({","});
      text += fmt::format(":{}", number(most));
    }
    expect({")", ")", ";"});
    return text;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  FragmentText out_ = {};
  int definitions_ = 0;
  std::vector<bool> origins_ = {};
  std::optional<Error> failed_ = {};
};

}  // namespace

Result<FragmentText> parse_bird(std::string_view text) {
  auto tokens = tokens_of(text);
  if (!tokens) return tl::unexpected(tokens.error());
  return BirdReader{std::move(*tokens)}.run();
}

}  // namespace anycast::render
