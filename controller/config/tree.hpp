#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/config/report.hpp"

namespace anycast::config {

struct Entry;

/// A YAML value as it was written: scalars stay text, so that `no`, `012` and `12:30` mean what
/// they say. Aliases are copies, a null is an empty value.
struct Tree {
  enum class Kind { empty, scalar, list, map };
  explicit Tree(Kind what = Kind::empty, Span where = {}, std::string scalar = {});

  Kind kind;
  Span at;
  std::string text;            ///< of a scalar
  std::vector<Tree> items;     ///< of a list
  bool whole = true;           ///< false where a key of the map was refused
  std::vector<Entry> entries;  ///< of a map, keys once, in the order of the file
};

struct Entry {
  std::string key;
  Span at;  ///< the key's
  Tree value;
};

/// Reads one source into a tree and reports what is no YAML, or YAML that we refuse: a second
/// document, merge keys, tags, keys twice, alias loops, more than 64 levels or 100,000 values.
/// Sources of more than 1 MiB and those that are not UTF-8 are refused unread. Nothing comes back
/// where the rest of the text could not be read.
std::optional<Tree> parse(const Source& source, int index, Report& report);

/// Lays `over` upon `base`: maps merge key by key, everything else replaces.
void merge(Tree& base, Tree over);

const Entry* find(const Tree& map, const std::string& key);

}  // namespace anycast::config
