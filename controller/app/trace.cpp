#include "controller/app/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <span>
#include <utility>

#include "controller/base/text.hpp"

namespace anycast {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr Time kLatest{Duration{100'000'000'000'000'000}};  // year 5138, as for Prometheus' samples
constexpr std::int64_t kMostRtt = 120'000'000;  // a bucket without an upper edge ends at 1 minute
constexpr std::array kTargets = {std::pair{Target::node, "node"}, std::pair{Target::vip, "vip"},
                                 std::pair{Target::anchor, "anchor"}};

std::int64_t us(Time t) { return t.time_since_epoch().count(); }
Time time_of(std::int64_t t) { return Time{Duration{t}}; }

const char* word(Target target) {
  return std::ranges::find(kTargets, target, &decltype(kTargets)::value_type::first)->second;
}

/// A list, or its one value where all are equal.
Json short_list(const std::vector<std::int64_t>& values) {
  const bool same = std::ranges::adjacent_find(values, std::ranges::not_equal_to{}) == values.end();
  if (!values.empty() && same) return values.front();
  return values;
}

/// `count` values out of what `short_list` made; nothing where they are not numbers or too few.
std::optional<std::vector<std::int64_t>> long_list(const Json& json, std::size_t count) {
  if (json.is_number_integer()) return std::vector(count, json.get<std::int64_t>());
  if (!json.is_array() || json.size() != count) return std::nullopt;
  std::vector<std::int64_t> out;
  for (const auto& value : json) {
    if (!value.is_number_integer()) return std::nullopt;
    out.push_back(value.get<std::int64_t>());
  }
  return out;
}

Json samples_json(std::size_t number, std::span<const Sample> samples) {
  std::vector<std::int64_t> steps;
  std::vector<std::int64_t> halves;
  auto rtts = Json::array();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i > 0) steps.push_back((samples[i].at - samples[i - 1].at).count());
    halves.push_back(samples[i].half.count());
    rtts.push_back(samples[i].received ? Json(samples[i].rtt.count()) : Json(nullptr));
  }
  Json out{{"of", number}, {"at_us", us(samples.front().at)}};
  if (!steps.empty()) out["step_us"] = short_list(steps);
  out["rtt_us"] = std::move(rtts);
  if (std::ranges::any_of(halves, [](auto half) { return half != 0; }))
    out["half_us"] = short_list(halves);
  return out;
}

/// The samples of one line, or why they are none.
Result<std::vector<Sample>> samples_of(const Json& json) {
  const auto& rtts = json.at("rtt_us");
  if (!rtts.is_array() || rtts.empty()) return fail(Remedy::fix_text, "'rtt_us' is not a list");
  const auto steps = long_list(json.value("step_us", Json::array()), rtts.size() - 1);
  const auto halves = long_list(json.value("half_us", Json(0)), rtts.size());
  if (!steps || !halves) {
    return fail(Remedy::fix_text, "'step_us' and 'half_us' must be numbers that fit 'rtt_us'");
  }
  std::vector<Sample> out;
  out.reserve(rtts.size());
  auto at = time_of(json.at("at_us").get<std::int64_t>());
  if (at < Time{} || at > kLatest) return fail(Remedy::fix_text, "a time that cannot be");
  for (std::size_t i = 0; i < rtts.size(); ++i) {
    const auto step = i > 0 ? steps->at(i - 1) : 0;
    const bool ascends = i == 0 || (step > 0 && Duration{step} < kLatest - at);
    if (!ascends) return fail(Remedy::fix_text, "samples do not ascend");
    at += Duration{step};
    Sample sample{.at = at, .received = !rtts[i].is_null()};
    if (sample.received) {
      sample.rtt = Duration{rtts[i].get<std::int64_t>()};
      sample.half = Duration{halves->at(i)};
      const bool possible = sample.rtt.count() > 0 && sample.rtt.count() <= kMostRtt &&
                            sample.half.count() >= 0 && sample.half <= sample.rtt;
      if (!possible) return fail(Remedy::fix_text, "an RTT that cannot be");
    }
    out.push_back(sample);
  }
  return out;
}

ProbeKey key_of(const Json& json) {
  ProbeKey out{.node = json.at("node").get<std::string>(),
               .upstream = json.at("upstream").get<std::string>(),
               .carrier = json.at("carrier").get<std::string>(),
               .region = json.at("region").get<std::string>()};
  const auto target = json.at("target").get<std::string>();
  for (const auto& [value, name] : kTargets) {
    if (target == name) out.target = value;
  }
  return out;
}

}  // namespace

TraceWriter::TraceWriter(std::ostream& out, const TraceHead& head) : out_{out}, last_{head.from} {
  const Json json{{"trace", "anycastd"},   {"format", kFormat},       {"from_us", us(head.from)},
                  {"to_us", us(head.to)},  {"version", head.version}, {"digest", head.digest},
                  {"server", head.server}, {"config", head.config}};
  out_ << json.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
}

void TraceWriter::page(const Evidence& evidence) {
  std::vector<Json> lines;
  for (const auto& series : evidence.series) {
    const auto first = std::ranges::upper_bound(series.samples, last_, {}, &Sample::at);
    if (first == series.samples.end()) continue;
    const auto [known, fresh] = numbers_.emplace(series.key, numbers_.size());
    const auto& key = series.key;
    if (fresh) {
      out_ << Json{{"series", known->second}, {"node", key.node},     {"upstream", key.upstream},
                   {"carrier", key.carrier},  {"region", key.region}, {"target", word(key.target)}}
                  .dump()
           << "\n";
    }
    const std::span rest{first, series.samples.end()};
    lines.push_back(samples_json(known->second, rest));
    samples_ += rest.size();
  }
  Json head{{"page_us", us(evidence.at)}, {"lines", lines.size()}};
  if (evidence.partial) head["partial"] = true;
  if (!evidence.faults.empty()) head["faults"] = evidence.faults;
  out_ << head.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
  for (const auto& line : lines) out_ << line.dump() << "\n";
  last_ = evidence.at;
}

Result<void> TraceWriter::end() {
  out_ << R"({"end":true})"
       << "\n"
       << std::flush;
  if (!out_) return fail(Remedy::look_at_host, "the trace could not be written whole");
  return {};
}

tl::unexpected<Error> TraceSource::wrong(std::string text) const {
  Error error{.remedy = Remedy::fix_text, .text = std::move(text)};
  error.place = {.file = name_, .line = line_, .column = 1};
  return tl::unexpected(std::move(error));
}

Result<std::unique_ptr<TraceSource>> TraceSource::open(std::istream& in, const std::string& name) {
  std::unique_ptr<TraceSource> out{new TraceSource{in, name}};
  std::string line;
  std::getline(in, line);
  out->line_ = 1;
  const auto json = Json::parse(line, nullptr, false);
  if (!json.is_object() || json.value("trace", Json{}) != "anycastd") {
    return out->wrong("not a trace, expected what 'anycastctl record' writes");
  }
  if (json.value("format", Json{}) != kFormat) {
    return out->wrong(fmt::format("a trace of another format than {}", kFormat));
  }
  try {
    out->head_ = {.from = time_of(json.at("from_us").get<std::int64_t>()),
                  .to = time_of(json.at("to_us").get<std::int64_t>()),
                  .version = json.at("version").get<std::string>(),
                  .digest = json.at("digest").get<std::string>(),
                  .config = json.at("config").get<std::string>(),
                  .server = json.at("server").get<std::string>()};
  } catch (const Json::exception&) {
    return out->wrong("the head of the trace lacks a field, or one is of the wrong kind");
  }
  if (out->head_.from < Time{} || out->head_.to > kLatest || out->head_.from >= out->head_.to) {
    return out->wrong("the span of the trace is empty, or of no time that can be");
  }
  out->page_ = out->page_before_ = out->whole_until_ = out->head_.from;
  return out;
}

void TraceSource::serve(Duration longest, Duration interval) {
  longest_ = longest;
  interval_ = interval;
}

Result<void> TraceSource::take_samples(std::size_t of, std::vector<Sample> samples) {
  if (lines_ == 0) return wrong("more samples than the page has");
  if (of >= series_.size()) return wrong("samples of a series that was not told");
  auto& known = series_[of].samples;
  const auto after = known.empty() ? page_before_ : std::max(page_before_, known.back().at);
  if (samples.front().at <= after || samples.back().at > page_) {
    return wrong("samples outside of their page");
  }
  known.insert(known.end(), samples.begin(), samples.end());
  --lines_;
  return {};
}

Result<void> TraceSource::take(const std::string& line) {
  const auto json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return wrong("no JSON object");
  if (json.contains("of")) {
    auto samples = samples_of(json);
    if (!samples) return wrong(samples.error().text);
    return take_samples(json.at("of").get<std::size_t>(), std::move(*samples));
  }
  if (lines_ > 0) return wrong("fewer samples than the page has");
  if (json.contains("end")) {
    ended_ = true;
    return {};
  }
  if (json.contains("series")) {
    if (json.at("series") != series_.size()) return wrong("a series out of turn");
    series_.push_back({.key = key_of(json)});
    return {};
  }
  const auto at = time_of(json.at("page_us").get<std::int64_t>());
  if (at <= page_) return wrong("a page that is not newer than the one before");
  page_before_ = std::exchange(page_, at);
  lines_ = json.at("lines").get<std::size_t>();
  partial_ = json.value("partial", false);
  faults_ = json.value("faults", std::vector<std::string>{});
  return {};
}

Result<void> TraceSource::read_line() {
  std::string line;
  ++line_;
  if (!std::getline(in_, line)) return wrong("the trace ends in the middle");
  try {
    return take(line);
  } catch (const Json::exception&) {
    return wrong("a field is missing or of the wrong kind");
  }
}

Result<Evidence> TraceSource::evidence(Time at) {
  if (last_ && at < *last_) return fail(Remedy::fix_value, "a trace is read forwards only");
  // The whole span is there only if its end is.
  while (!ended_ && (page_ < at || lines_ > 0 || at >= head_.to)) {
    if (auto read = read_line(); !read) return tl::unexpected(read.error());
  }
  if (at > page_) {
    faults_.clear();
    partial_ = false;
  }
  Evidence out{.at = at, .server = head_.server, .faults = faults_, .partial = partial_};
  // Statistics begin anew after a partial answer, and at first.
  if (!last_ || partial_) whole_until_ = at + 2 * interval_;
  last_ = at;
  const auto oldest = at - longest_;
  const auto from = at <= whole_until_ ? oldest : std::max(oldest, at - 2 * interval_);
  for (auto& series : series_) {
    auto& samples = series.samples;  // clang 14 does not let a lambda have a structured binding
    const auto place = [&](Time t) {
      return std::ranges::upper_bound(samples, t, {}, &Sample::at);
    };
    const auto live = place(oldest);
    const auto end = place(at);
    if (live != end) out.series.push_back({.key = series.key, .samples = {place(from), end}});
    if (live - samples.begin() > samples.end() - live) samples.erase(samples.begin(), live);
  }
  std::ranges::sort(out.series, {}, &ProbeSeries::key);
  return out;
}

}  // namespace anycast
