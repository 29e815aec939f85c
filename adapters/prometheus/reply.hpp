#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/error.hpp"

namespace anycast::prometheus {

/// One sample as the server gave it: its own time stamp, and NaN and infinities as they are.
struct Point {
  std::int64_t at_ms;  ///< milliseconds since 1970, the server's own resolution
  double value;
};

/// One series of an answer.
struct Series {
  std::vector<std::string> wanted = {};  ///< values of the asked labels, "" where absent
  std::string others = {};               ///< all other labels but the name, sorted: a="1",b="2"
  std::vector<Point> points = {};        ///< in the order of the answer
};

/// An answer of /api/v1/query to a bare range selector, with its true sample times.
struct Reply {
  std::vector<Series> series = {};
  std::size_t points = 0;
  std::size_t histograms = 0;              ///< native histogram samples, which nobody asked for
  std::vector<std::string> warnings = {};  ///< also the mark `isPartial` of VictoriaMetrics
  std::string refusal = {};                ///< "bad_data: ..." of a well-formed error answer
};

/// Reads a whole answer in one pass, keeping the labels in `labels` apart. An error (its text has
/// no subject: "no JSON at byte 17") means that the text is not such an answer: syntax, nesting
/// deeper than any answer has, another result type than matrix, a sample that is not
/// [number, "number"]. Source: Prometheus HTTP API v1, prometheus/docs/querying/api.md.
Result<Reply> parse_reply(std::string_view body, const std::vector<std::string>& labels);

/// A sample value: "0.0512", "NaN", "+Inf", "-Inf"; false for all else.
bool parse_value(std::string_view text, double& value);

}  // namespace anycast::prometheus
