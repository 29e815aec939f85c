#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "controller/config/report.hpp"
#include "controller/config/tree.hpp"
#include "controller/config/value.hpp"

namespace anycast::config {

/// Where each value was written, and which ones could not be read.
struct Bound {
  /// By dotted path: keys of tables and of named entries, else the value itself.
  std::map<std::string, Span> where = {};
  std::set<std::string> failed = {};

  /// Whether nothing at the path or beneath it failed to be read.
  bool good(const std::string& path) const;
  /// Whether all keys or elements of the path are known, though one may have a bad value.
  bool keys_known(const std::string& path) const { return !failed.contains(path); }
  /// Place of the path or of the nearest thing around it.
  Span at(std::string path) const;
  bool set(const std::string& path) const { return where.contains(path); }
};

/// Reads the tree into what the table is bound to.
Bound bind(const Table& table, const Tree& tree, Report& report);

}  // namespace anycast::config
