#include "adapters/prometheus/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/base/text.hpp"

namespace anycast::prometheus {
namespace {

using nlohmann::json;

// An answer nests six deep (root, data, result, series, values, point); statistics that a server
// may add nest a little deeper.
constexpr std::size_t kMaxDepth = 16;
// Year 5138; beyond it the milliseconds would still fit, but no clock has ever said so.
constexpr double kMaxSeconds = 1e11;
constexpr std::size_t kMaxWarnings = 20;
constexpr std::size_t kMaxWarning = 300;  // bytes of one; they may quote whole queries

enum class Where { root, data, result, series, metric, values, point, warnings, histograms, other };

Where below(Where where, std::string_view key) {
  switch (where) {
    case Where::root:
      if (key == "data") return Where::data;
      return key == "warnings" ? Where::warnings : Where::other;
    case Where::data: return key == "result" ? Where::result : Where::other;
    case Where::result: return Where::series;
    case Where::series:
      if (key == "metric") return Where::metric;
      if (key == "values") return Where::values;
      return key == "histograms" ? Where::histograms : Where::other;
    case Where::values: return Where::point;
    default: return Where::other;
  }
}

bool is_list(Where where) {
  switch (where) {
    case Where::result:
    case Where::values:
    case Where::point:
    case Where::warnings:
    case Where::histograms: return true;
    default: return false;
  }
}

/// What nlohmann's parser calls, duck-typed; returning false stops it.
class Reader {
 public:
  explicit Reader(const std::vector<std::string>& labels) : labels_{labels} {}

  bool null() { return scalar(); }
  bool boolean(bool value) {
    if (top() == Where::root && key_ == "isPartial" && value) {
      warn("the server marked its answer as partial");
    }
    return scalar();
  }
  bool number_integer(json::number_integer_t value) { return number(static_cast<double>(value)); }
  bool number_unsigned(json::number_unsigned_t value) { return number(static_cast<double>(value)); }
  bool number_float(json::number_float_t value, const std::string&) { return number(value); }
  bool binary(json::binary_t&) { return stop("binary data"); }

  bool string(std::string& value) {
    switch (top()) {
      case Where::root:
        if (key_ == "status") status_ = value;
        if (key_ == "errorType") error_type_ = value;
        if (key_ == "error") error_ = value;
        return scalar();
      case Where::data:
        if (key_ == "resultType") result_type_ = value;
        return scalar();
      case Where::metric: label(std::move(value)); return true;
      case Where::warnings: warn(value); return true;
      case Where::point: return point_value(value);
      default: return scalar();
    }
  }

  bool key(std::string& value) {
    key_ = std::move(value);
    return true;
  }

  bool start_object(std::size_t) {
    if (stack_.empty()) return enter(Where::root);
    const auto next = below(top(), key_);
    if (is_list(next)) return stop(fmt::format("an object as '{}'", printable(key_)));
    if (next == Where::series) {
      now_ = Series{.wanted = std::vector<std::string>(labels_.size())};
      others_.clear();
    }
    return enter(next);
  }
  bool end_object() {
    if (top() == Where::series) finish_series();
    stack_.pop_back();
    return true;
  }

  bool start_array(std::size_t) {
    if (stack_.empty()) return stop("a list, expected an object");
    if (top() == Where::histograms) ++reply_.histograms;
    const auto next = below(top(), key_);
    if (next != Where::other && !is_list(next)) {
      return stop(fmt::format("a list as '{}'", printable(key_)));
    }
    if (next == Where::result) has_result_ = true;
    if (next == Where::point) elements_ = 0;
    return enter(next);
  }
  bool end_array() {
    if (top() == Where::point && elements_ != 2) return stop("a sample without time and value");
    stack_.pop_back();
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception&) {
    return stop(fmt::format("no JSON at byte {}", position));
  }

  Result<Reply> finish(bool complete) {
    if (!complete) return fail(Remedy::look_at_peer, wrong_.empty() ? "no JSON" : wrong_);
    if (status_ == "error") {
      Reply out;
      out.refusal = printable(error_type_.empty() ? error_ : error_type_ + ": " + error_);
      if (out.refusal.empty()) out.refusal = "an error without a text";
      return out;
    }
    if (status_ != "success") {
      return fail(Remedy::look_at_peer,
                  fmt::format("status '{}', expected 'success'", printable(status_)));
    }
    if (result_type_ != "matrix") {
      return fail(Remedy::look_at_peer,
                  fmt::format("result type '{}', expected 'matrix'", printable(result_type_)));
    }
    if (!has_result_ || odd_result_) {
      return fail(Remedy::look_at_peer, "a result that is not a list of series");
    }
    return std::move(reply_);
  }

 private:
  Where top() const { return stack_.empty() ? Where::other : stack_.back(); }

  bool stop(std::string why) {
    if (wrong_.empty()) wrong_ = std::move(why);
    return false;
  }

  bool enter(Where where) {
    if (stack_.size() == kMaxDepth) return stop(fmt::format("more than {} levels", kMaxDepth));
    stack_.push_back(where);
    return true;
  }

  /// A value that is neither an object nor a list and is not wanted where it stands.
  bool scalar() {
    switch (top()) {
      // A scalar or a string answer holds its one sample here; its result type tells.
      case Where::result: odd_result_ = true; return true;
      case Where::point: return stop("a sample that is not [number, \"number\"]");
      case Where::values: return stop("a sample that is not a list");
      case Where::metric: return stop("a label whose value is not a string");
      default: return true;
    }
  }

  bool number(double value) {
    if (top() != Where::point) return scalar();
    if (elements_++ != 0) return stop("a sample that is not [number, \"number\"]");
    if (!(std::fabs(value) < kMaxSeconds)) return stop("a sample with an impossible time");
    at_ms_ = std::llround(value * 1000);
    return true;
  }

  bool point_value(const std::string& text) {
    double value = 0;
    if (elements_++ != 1) return stop("a sample that is not [number, \"number\"]");
    if (!parse_value(text, value)) {
      return stop(fmt::format("a sample value '{}', expected a number",
                              printable(std::string_view{text}.substr(0, 40))));
    }
    now_.points.push_back({at_ms_, value});
    ++reply_.points;
    return true;
  }

  void label(std::string value) {
    const auto found = std::ranges::find(labels_, key_);
    if (found != labels_.end()) {
      now_.wanted[static_cast<std::size_t>(found - labels_.begin())] = std::move(value);
    } else if (key_ != "__name__") {
      others_.push_back(fmt::format("{}=\"{}\"", key_, value));
    }
  }

  void finish_series() {
    // VictoriaMetrics does not sort labels, and equal series must be equal texts.
    std::ranges::sort(others_);
    now_.others = join(others_, ",");
    reply_.series.push_back(std::move(now_));
  }

  void warn(std::string_view text) {
    if (reply_.warnings.size() == kMaxWarnings) return;
    reply_.warnings.push_back(printable(text.substr(0, kMaxWarning)));
  }

  const std::vector<std::string>& labels_;
  std::vector<Where> stack_;
  std::string key_;
  Reply reply_;
  Series now_;
  std::vector<std::string> others_;
  std::int64_t at_ms_ = 0;
  int elements_ = 0;
  bool has_result_ = false;
  bool odd_result_ = false;
  std::string status_, error_type_, error_, result_type_, wrong_;
};

}  // namespace

bool parse_value(std::string_view text, double& value) {
  // from_chars takes NaN, Inf and -Inf, but no leading plus.
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;
  }
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::invalid_argument || rest != end) return false;
  // Out of range is a number all the same; none of ours is that large or that small.
  if (error != std::errc{}) value = std::numeric_limits<double>::infinity();
  return true;
}

Result<Reply> parse_reply(std::string_view body, const std::vector<std::string>& labels) {
  Reader reader{labels};
  const bool complete = json::sax_parse(body.begin(), body.end(), &reader);
  return reader.finish(complete);
}

}  // namespace anycast::prometheus
