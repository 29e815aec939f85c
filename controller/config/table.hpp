#pragma once

#include "controller/config/value.hpp"
#include "controller/model/config.hpp"

namespace anycast::config {

/// The file as it is written: the model, and what only the file knows.
struct Document {
  int version = 1;
  Thresholds base = {};  ///< thresholds.default
  Config config = {};
};

/// Every key of the file with its meaning, its binding into `document` and its limits. The reader,
/// its hints, `print` and `schema` all walk this table; there is no second list of keys.
Table table(Document& document);

}  // namespace anycast::config
