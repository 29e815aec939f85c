#include "controller/render/hole.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "controller/base/net.hpp"
#include "controller/base/text.hpp"
#include "controller/model/community.hpp"

namespace anycast::render {
namespace {

// BIRD 2.0.12 keeps symbols of up to 64 bytes with the final NUL (conf/conf.h, SYM_MAX_LEN).
constexpr std::size_t kSymbolMax = 63;
constexpr std::size_t kStringMax = 200;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_ident(std::string_view text) {
  return !text.empty() && text.size() <= kSymbolMax && is_letter(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c); });
}

/// What any configuration language reads as one word.
bool is_path(std::string_view text) {
  return text.starts_with('/') && text.size() <= kStringMax &&
         std::ranges::all_of(text, [](char c) {
           return is_letter(c) || is_digit(c) || c == '/' || c == '-' || c == '.';
         });
}

bool is_symbol(std::string_view text) {
  return !text.empty() && text.size() <= kSymbolMax && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == ':';
  });
}

tl::unexpected<Error> refuse(std::string_view text, std::string_view expected) {
  return fail(Remedy::fix_value,
              fmt::format("'{}' cannot be used here, expected {}", printable(text), expected));
}

Result<std::string> fill_community(std::string_view text) {
  const auto canonical = canonical_community(text);
  if (!canonical) return refuse(text, "a community like 65535:0 or 64500:1:2");
  return join(split(*canonical, ':'), ",");
}

Result<std::string> fill_pair(std::string_view text) {
  const auto canonical = canonical_community(text);
  if (!canonical || std::ranges::count(*canonical, ':') != 1)
    return refuse(text, "a community like 65535:0");
  return *canonical;
}

Result<std::string> fill_triple(std::string_view text) {
  const auto canonical = canonical_community(text);
  if (!canonical || std::ranges::count(*canonical, ':') != 2)
    return refuse(text, "a large community like 64500:1:2");
  return *canonical;
}

Result<std::string> fill_string(std::string_view text) {
  const bool fits = text.size() <= kStringMax && std::ranges::all_of(text, [](char c) {
                      return c >= ' ' && c <= '~' && c != '"' && c != '\\';
                    });
  if (!fits) return refuse(text, "at most 200 printable characters without '\"' and '\\'");
  return fmt::format("\"{}\"", text);
}

Result<std::string> fill_text(std::string_view type, const std::string& text) {
  if (type == "string") return fill_string(text);
  if (type == "community") return fill_community(text);
  if (type == "pair") return fill_pair(text);
  if (type == "triple") return fill_triple(text);
  if (type == "ident") {
    if (!is_ident(text)) return refuse(text, "a letter or '_', then letters, digits and '_'");
    return text;
  }
  if (type == "word") {
    if (!is_name(text)) return refuse(text, "a name of letters, digits, '_' and '-'");
    return text;
  }
  if (type == "symbol" || type == "label") {
    if (!is_symbol(text)) return refuse(text, "a name of letters, digits, '_', '-', '.' and ':'");
    return is_ident(text) || type == "label" ? text : fmt::format("'{}'", text);
  }
  if (type == "path") {
    if (!is_path(text)) return refuse(text, "'/', then letters, digits, '/', '_', '-' and '.'");
    return text;
  }
  if (type == "ip") {
    const auto address = Address::parse(text);
    if (!address) return refuse(text, "an address");
    return to_string(*address);
  }
  if (type == "prefix") {
    const auto prefix = Prefix::parse(text);
    if (!prefix || !prefix->is_network()) return refuse(text, "a prefix without host bits");
    return to_string(*prefix);
  }
  return fail(Remedy::fix_value, fmt::format("a text cannot fill a hole of type '{}'", type));
}

Result<std::string> fill_number(std::string_view type, std::uint32_t number) {
  if (type == "u32") return std::to_string(number);
  if (type != "asn") {
    return fail(Remedy::fix_value, fmt::format("a number cannot fill a hole of type '{}'", type));
  }
  const auto text = std::to_string(number);
  if (number == 0 || number == 23456 || number == 65535 || number == 4294967295U) {
    return refuse(text, "an AS number that a path may hold");
  }
  return text;
}

}  // namespace

const std::vector<std::string>& hole_types() {
  static const std::vector<std::string> types{"ident",     "word",   "symbol", "label", "prefix",
                                              "ip",        "asn",    "u32",    "pair",  "triple",
                                              "community", "string", "path"};
  return types;
}

Result<std::string> fill(std::string_view type, const Data& value) {
  if (const auto* text = std::get_if<std::string>(&value.value)) return fill_text(type, *text);
  if (const auto* number = std::get_if<std::uint32_t>(&value.value)) {
    return fill_number(type, *number);
  }
  return fail(Remedy::fix_value,
              fmt::format("a {} cannot fill a hole",
                          std::holds_alternative<bool>(value.value) ? "flag" : "list"));
}

}  // namespace anycast::render
