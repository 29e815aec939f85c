#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "controller/base/text.hpp"
#include "controller/config/config.hpp"
#include "controller/config/table.hpp"

namespace anycast::config {
namespace {

bool needs_quotes(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./%-";
  if (text.empty() || text.find_first_not_of(kPlain) != std::string_view::npos) return true;
  const auto first = text.front();
  if (first == '-' || first == '.' || first == '%') return true;
  constexpr std::string_view kWords[] = {"null", "Null", "NULL"};
  return std::ranges::find(kWords, text) != std::end(kWords);
}

std::string quote(const std::string& text) {
  if (!needs_quotes(text)) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
  return out;
}

std::string indent(int depth) { return std::string(static_cast<std::size_t>(depth) * 2, ' '); }

void print(const Table& table, int depth, std::string& out);

void print_list(const std::string& key, const std::vector<Value>& items, int depth,
                std::string& out) {
  if (items.empty()) return;
  if (std::holds_alternative<Scalar>(items.front().is)) {
    std::vector<std::string> words;
    words.reserve(items.size());
    for (const auto& item : items) {
      words.push_back(quote(std::get<Scalar>(item.is).write().value_or("")));
    }
    out += fmt::format("{}{}: [{}]\n", indent(depth), key, join(words, ", "));
    return;
  }
  out += fmt::format("{}{}:\n", indent(depth), key);
  for (const auto& item : items) {
    std::string block;
    print(std::get<Table>(item.is), depth + 2, block);
    block.at(static_cast<std::size_t>(depth) * 2 + 2) = '-';
    out += block;
  }
}

void print_nested(const std::string& key, const std::string& body, int depth, std::string& out) {
  if (body.empty()) return;
  out += fmt::format("{}{}:\n{}", indent(depth), key, body);
}

void print_value(const std::string& key, const Value& value, int depth, std::string& out) {
  if (const auto* scalar = std::get_if<Scalar>(&value.is)) {
    const auto text = scalar->write();
    if (text) out += fmt::format("{}{}: {}\n", indent(depth), key, quote(*text));
  } else if (const auto* table = std::get_if<Table>(&value.is)) {
    std::string body;
    print(*table, depth + 1, body);
    print_nested(key, body, depth, out);
  } else if (const auto* list = std::get_if<List>(&value.is)) {
    print_list(key, list->items(), depth, out);
  } else {
    std::string body;
    for (const auto& [name, item] : std::get<Map>(value.is).items()) {
      print_value(quote(name), item, depth + 1, body);
    }
    print_nested(key, body, depth, out);
  }
}

void print(const Table& table, int depth, std::string& out) {
  for (const auto& field : table.fields) print_value(field.key, field.value, depth, out);
}

}  // namespace

std::string print(const Config& config) {
  Document document{.config = config};
  std::string out;
  print(table(document), 0, out);
  return out;
}

std::string fleet_digest(const Config& config) {
  Config shared = config;
  shared.self.clear();
  shared.mode = {};
  const auto& times = config.prometheus;
  shared.prometheus = {.interval = times.interval, .max_age = times.max_age, .lag = times.lag};
  shared.router = {};
  shared.rpki = {};
  shared.web = {};
  shared.control = {};
  shared.history = {};
  shared.shadow = {};
  return hash64_hex(print(shared));
}

}  // namespace anycast::config
