#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace anycast::text {

using Json = nlohmann::ordered_json;

/// table fits the width; wide never cuts; plain is tab-separated records with a header line, never
/// cut.
enum class Format { table, wide, json, yaml, plain };
std::optional<Format> parse_format(std::string_view word);

struct Look {
  Format format = Format::table;
  int width = 100;      ///< display cells; no line of a table is wider
  bool colour = false;  ///< never carries a meaning alone
  bool utc = false;     ///< times in UTC, not in the zone of TZ
};

/// Wide enough for everything where the format is wide.
Look widened(Look look);

/// The one printer: a report of report.hpp, by its "kind", in any format. A value of unknown kind
/// or with missing parts prints what is there and never fails: the daemon may be older or newer.
std::string print(const Json& report, const Look& look);

/// One line for Nagios, Icinga or a cron mail, and its exit code 0 to 3.
struct Check {
  std::string line;
  int code;
};
Check nagios(const Json& status);

}  // namespace anycast::text
