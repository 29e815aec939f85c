#include "controller/config/bind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "controller/base/text.hpp"

namespace anycast::config {
namespace {

// Keys under which people write a secret; each is refused, and never quoted.
constexpr std::array<std::string_view, 6> kSecrets = {"bearer_token", "password", "token",
                                                      "secret",       "api_key",  "bearer"};

std::string_view describe(Tree::Kind kind) {
  switch (kind) {
    case Tree::Kind::empty: return "nothing";
    case Tree::Kind::scalar: return "a single value";
    case Tree::Kind::list: return "a list";
    case Tree::Kind::map: return "a map";
  }
  return "?";
}

std::string below(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

class Binder {
 public:
  Binder(Report& report, Bound& bound) : report_{report}, bound_{bound} {}

  void table(const Table& table, const Tree& tree, Span key, const std::string& path);

 private:
  void value(const Value& value, const Tree& tree, Span key, const std::string& path);
  void scalar(const Scalar& scalar, const Tree& tree, const std::string& path);
  void list(const List& list, const Tree& tree, Span key, const std::string& path);
  void map(const Map& map, const Tree& tree, const std::string& path);
  void map_entry(const Map& map, const Entry& entry, const std::string& path);
  void unknown(const Table& table, const Entry& entry, const std::string& path);
  bool is(Tree::Kind kind, const Tree& tree, Span key, const std::string& path);

  Report& report_;
  Bound& bound_;
};

bool Binder::is(Tree::Kind kind, const Tree& tree, Span key, const std::string& path) {
  if (tree.kind == kind) return true;
  bound_.failed.insert(path);
  const auto what = path.empty() ? "the file" : path;
  if (tree.kind == Tree::Kind::empty) {
    // The parser places an empty value on the line after it.
    report_.error(key, "type", fmt::format("{} has no value", what),
                  {fmt::format("give it {}, or take the key out", describe(kind))});
    return false;
  }
  std::vector<std::string> hints;
  if (kind == Tree::Kind::list && tree.kind == Tree::Kind::scalar) {
    hints = {fmt::format("write [{}]", tree.text)};
  }
  report_.error(tree.at, "type",
                fmt::format("{}: expected {}, found {}", what, describe(kind), describe(tree.kind)),
                hints);
  return false;
}

void Binder::unknown(const Table& table, const Entry& entry, const std::string& path) {
  if (std::ranges::find(kSecrets, entry.key) != kSecrets.end()) {
    report_.hide_after(entry.at);
    report_.error(entry.at, "secret", "a secret in the configuration",
                  {fmt::format("write it to a file of its own and give its path ({}_file: PATH, or "
                               "systemd LoadCredential= and the file's path)",
                               entry.key)});
    return;
  }
  std::vector<std::string> keys;
  for (const auto& field : table.fields) keys.push_back(field.key);
  const auto close = nearest(entry.key, keys);
  const auto here = fmt::format("here: {}", join(keys, ", "));
  bound_.failed.insert(below(path, close.empty() ? entry.key : close));
  report_.error(entry.at, "unknown-key", fmt::format("unknown key '{}'", entry.key),
                {close.empty() ? here : fmt::format("did you mean '{}'? {}", close, here)});
}

void Binder::table(const Table& table, const Tree& tree, Span key, const std::string& path) {
  if (!is(Tree::Kind::map, tree, key, path)) return;
  std::map<std::string_view, const Entry*> written;
  for (const auto& entry : tree.entries) {
    const auto field = std::ranges::find(table.fields, entry.key, &Field::key);
    if (field == table.fields.end()) unknown(table, entry, path);
    written[entry.key] = &entry;
  }
  for (const auto& field : table.fields) {
    const auto inner = below(path, field.key);
    const auto entry = written.find(field.key);
    if (entry != written.end()) {
      value(field.value, entry->second->value, entry->second->at, inner);
    } else if (field.need == Field::Need::required && !bound_.failed.contains(inner)) {
      bound_.failed.insert(inner);
      const auto where = path.empty() ? "the file" : "'" + path + "'";
      report_.error(key, "missing", fmt::format("{} needs '{}'", where, field.key),
                    {fmt::format("{}: {}", field.key, field.doc)});
    }
  }
}

void Binder::value(const Value& value, const Tree& tree, Span key, const std::string& path) {
  bound_.where[path] = key;
  if (!tree.whole) bound_.failed.insert(path);
  if (const auto* s = std::get_if<Scalar>(&value.is)) {
    if (!is(Tree::Kind::scalar, tree, key, path)) return;
    scalar(*s, tree, path);
  } else if (const auto* t = std::get_if<Table>(&value.is)) {
    table(*t, tree, key, path);
  } else if (const auto* l = std::get_if<List>(&value.is)) {
    list(*l, tree, key, path);
  } else if (is(Tree::Kind::map, tree, key, path)) {
    map(std::get<Map>(value.is), tree, path);
  }
}

void Binder::scalar(const Scalar& scalar, const Tree& tree, const std::string& path) {
  bound_.where[path] = tree.at;
  const auto wrong = scalar.read(tree.text);
  if (!wrong) return;
  bound_.failed.insert(path);
  if (wrong->rule == "secret") {
    auto shown = tree.at;
    shown.length = std::min(shown.length, 4);
    report_.hide_after(shown);
    report_.error(shown, wrong->rule, fmt::format("{}: {}", path, wrong->text), wrong->hints);
    return;
  }
  report_.error(tree.at, wrong->rule, fmt::format("{}: {}", path, wrong->text), wrong->hints);
}

void Binder::list(const List& list, const Tree& tree, Span key, const std::string& path) {
  if (!is(Tree::Kind::list, tree, key, path)) return;
  bound_.where[path] = tree.at;
  list.clear();
  if (tree.items.empty()) {
    bound_.failed.insert(path);
    report_.error(tree.at, "type", fmt::format("{} is an empty list", path),
                  {"take the key out, or give it an element"});
  }
  std::map<std::string, Span> seen;
  for (std::size_t i = 0; i < tree.items.size(); ++i) {
    const auto& item = tree.items[i];
    value(list.append(), item, item.at.known() ? item.at : tree.at, below(path, std::to_string(i)));
    if (item.kind != Tree::Kind::scalar) continue;
    const auto [first, is_new] = seen.emplace(item.text, item.at);
    if (is_new) continue;
    bound_.failed.insert(path);
    report_.error(item.at, "duplicate",
                  fmt::format("{}: '{}' is already there at {}", path, item.text,
                              report_.refer(first->second, item.at)));
  }
}

void Binder::map_entry(const Map& map, const Entry& entry, const std::string& path) {
  if (const auto wrong = map.accept(entry.key)) {
    bound_.failed.insert(below(path, entry.key));
    report_.error(entry.at, wrong->rule, wrong->text, wrong->hints);
    return;
  }
  value(map.insert(entry.key), entry.value, entry.at, below(path, entry.key));
}

void Binder::map(const Map& map, const Tree& tree, const std::string& path) {
  if (tree.entries.empty()) {
    bound_.failed.insert(path);
    report_.error(bound_.where[path], "type", fmt::format("{} is empty", path));
  }
  for (const auto& entry : tree.entries) {
    if (entry.key == map.first) map_entry(map, entry, path);
  }
  for (const auto& entry : tree.entries) {
    if (entry.key != map.first) map_entry(map, entry, path);
  }
}

}  // namespace

bool Bound::good(const std::string& path) const {
  // A failure above the path leaves it unread as well.
  for (auto up = path; !up.empty();) {
    if (failed.contains(up)) return false;
    const auto dot = up.rfind('.');
    up = dot == std::string::npos ? std::string{} : up.substr(0, dot);
  }
  const auto below_it = failed.lower_bound(path + ".");
  return below_it == failed.end() || !below_it->starts_with(path + ".");
}

Span Bound::at(std::string path) const {
  while (!path.empty()) {
    if (const auto found = where.find(path); found != where.end()) return found->second;
    const auto dot = path.rfind('.');
    path = dot == std::string::npos ? std::string{} : path.substr(0, dot);
  }
  return {.line = 1, .column = 1};
}

Bound bind(const Table& table, const Tree& tree, Report& report) {
  Bound bound;
  const Span start{.source = tree.at.source, .line = 1, .column = 1};
  Binder{report, bound}.table(
      table, tree.kind == Tree::Kind::empty ? Tree{Tree::Kind::map, start} : tree, start, {});
  return bound;
}

}  // namespace anycast::config
