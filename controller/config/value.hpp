#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace anycast::config {

/// Why a text cannot be a value; `rule` as in `Diagnostic`.
struct Wrong {
  std::string rule;
  std::string text;
  std::vector<std::string> hints = {};
};

/// What an editor may know about a scalar without reading it as we do.
struct Shape {
  enum class Type { text, integer, share, flag };
  Type type = Type::text;
  std::string pattern = {};
  std::vector<std::string> words = {};
  std::int64_t min = 0;  ///< of an integer
  std::int64_t max = 0;
};

/// One value bound to its place in the model: how it is read from text and how it is written.
struct Scalar {
  Shape shape;
  std::function<std::optional<Wrong>(const std::string&)> read;
  std::function<std::optional<std::string>()> write;  ///< nothing where it is not set
};

struct Value;
struct Field;

/// A map with known keys, in the order in which they are printed.
struct Table {
  std::vector<Field> fields;
};

/// A list; `append` adds an element and gives its binding, valid until the next `append`.
struct List {
  std::function<void()> clear;
  std::function<Value()> append;
  std::function<std::vector<Value>()> items;
};

/// A map whose keys are names of the operator's; `first` is bound before the others.
struct Map {
  Shape key;
  std::function<std::optional<Wrong>(const std::string&)> accept;
  std::function<Value(const std::string&)> insert;
  std::function<std::vector<std::pair<std::string, Value>>()> items;
  std::string first = {};
};

struct Value {
  std::variant<Scalar, Table, List, Map> is;
};

struct Field {
  std::string key;
  std::string doc;
  Value value;
  enum class Need { optional, required } need = Need::optional;
};

}  // namespace anycast::config
