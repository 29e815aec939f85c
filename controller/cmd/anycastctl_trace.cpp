#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>
#include <utility>

#include "adapters/prometheus/prometheus.hpp"
#include "adapters/sqlite/sqlite_store.hpp"
#include "adapters/system/clock.hpp"
#include "controller/app/line.hpp"
#include "controller/app/record.hpp"
#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl.hpp"
#include "controller/cmd/anycastctl_serve.hpp"
#include "controller/config/config.hpp"
#include "controller/render/builtin.hpp"
#include "controller/render/fragment.hpp"
#include "controller/sim/replay.hpp"

namespace anycast::cmd {
namespace {

struct Span {
  Time from;
  Time to;
};

/// What --from, --to and --last say, on multiples of the interval, nothing of the future.
Result<Span> span_of(const Options& o, const Config& config) {
  const auto now = SystemClock{}.now() - config.prometheus.lag;
  const auto point = [&](const std::string& option, const std::string& word) -> Result<Time> {
    if (const auto at = parse_utc(word)) return *at;
    if (const auto ago = parse_duration(word)) return now - *ago;
    return fail(Remedy::fix_value, fmt::format("{} is '{}', expected an age (2h) or a time "
                                               "(2026-06-01T12:00:00Z)",
                                               option, printable(word)));
  };
  if (o.since.empty()) {
    return fail(Remedy::fix_value, "which span? --last 24h, or --from TIME and --to TIME");
  }
  const auto from = point("--from", o.since);
  if (!from) return tl::unexpected(from.error());
  const auto to = o.until.empty() ? Result<Time>{now} : point("--to", o.until);
  if (!to) return tl::unexpected(to.error());
  const auto interval = config.prometheus.interval;
  const Span span{aligned(*from, interval), aligned(std::min(*to, now), interval)};
  if (span.from >= span.to) return fail(Remedy::fix_value, "the span is empty");
  return span;
}

/// A configuration whose node does not matter.
Result<Config> fleet_config(const std::string& file, const std::string& node) {
  auto loaded = config::load_path(file, {.self = node, .needs_self = !node.empty()});
  if (!loaded) return tl::unexpected(loaded.error());
  std::string problems;
  for (const auto& d : loaded->diagnostics)
    problems += config::to_string(d, quote_columns(STDERR_FILENO));
  if (!loaded->config) return fail(Remedy::fix_text, problems + file + " was refused");
  return *std::move(loaded->config);
}

/// With the packaged template: what is decided does not depend on it, and this may be another host.
Result<core::Setup> setup_of(Config config) {
  auto fragment =
      render::compile_fragment("fragment.tmpl (built in)", render::builtin_bird_fragment());
  if (!fragment) return tl::unexpected(fragment.error());
  return core::Setup{.config = std::move(config), .fragment = *std::move(fragment)};
}

/// The configuration that was in force when the trace was written, out of the trace itself.
Result<Config> config_of(const TraceHead& head) {
  auto loaded = config::load({{.name = "the trace's configuration", .text = head.config}},
                             {.needs_self = false});
  if (loaded.config) return *std::move(loaded.config);
  std::string problems;
  for (const auto& d : loaded.diagnostics)
    problems += config::to_string(d, quote_columns(STDERR_FILENO));
  return fail(Remedy::fix_value, problems +
                                     "the trace's own configuration is refused by this version; "
                                     "name one with --config");
}

int exit_of(const Error& error) {
  switch (error.remedy) {
    case Remedy::wait: return kTryLater;
    case Remedy::fix_text: return kFailed;
    case Remedy::fix_value: return kUsage;
    default: return kUnavailable;
  }
}

Result<Recorded> write_trace(const Config& config, const Span& span, const Options& o,
                             std::ostream& out) {
  PrometheusSource source{config};
  // A line for each tenth; a week has hundreds of pages.
  std::int64_t told = 0;
  const auto progress = [&](Time at) {
    const auto tenths = 10 * (at - span.from) / (span.to - span.from);
    if (o.quiet || tenths == std::exchange(told, tenths)) return;
    std::cerr << fmt::format("read until {}, {} %\n", format_utc(at), 10 * tenths);
  };
  const RecordHooks hooks{.wait = [](Duration d) { std::this_thread::sleep_for(d); },
                          .progress = progress};
  return record(source, config,
                {.from = span.from,
                 .to = span.to,
                 .version = ANYCASTD_VERSION,
                 .digest = config.digest,
                 .config = config::print(config)},
                out, hooks);
}

/// What one configuration makes of a trace.
Result<sim::Replayed> play(std::istream& in, const std::string& name, Config config,
                           sim::Recording* recording = nullptr) {
  auto trace = TraceSource::open(in, name);
  if (!trace) return tl::unexpected(trace.error());
  const auto setup = setup_of(std::move(config));
  if (!setup) return tl::unexpected(setup.error());
  return sim::replay(*setup, **trace, recording);
}

/// Decisions are numbered by each store for itself.
std::string without_numbers(const std::string& text) {
  const auto at = text.rfind(" [#");
  return at != std::string::npos && text.ends_with(']') ? text.substr(0, at) : text;
}

std::string lines_of_node(const std::string& transcript, const std::string& node) {
  std::string out;
  for (const auto& line : split(transcript, '\n')) {
    if (line.find("Z " + node + ": ") != std::string::npos) out += without_numbers(line) + "\n";
  }
  return out;
}

/// The node's own history of the span, as a replay would have told it.
Result<std::string> done_then(const Config& config, const Span& span) {
  auto store = SqliteStore::open({.file = config.history.file, .access = Database::Access::read});
  if (!store) return tl::unexpected(store.error());
  constexpr int kMost = 100'000;
  auto entries = (*store)->history({.since = span.from, .until = span.to, .limit = kMost});
  if (!entries) return tl::unexpected(entries.error());
  std::string out;
  for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
    if (!sim::worth_a_line(entry->event)) continue;
    // A replay writes at the time of the cycle, the daemon once the change is proven.
    const auto at = aligned(entry->at, config.fast_interval());
    out += without_numbers(sim::transcript_line(at, config.self, entry->event)) + "\n";
  }
  return out;
}

void print_end(const sim::Replayed& played, const Span& span, const std::string& what) {
  tell(fmt::format(
      "{}: {} through every node in mode auto, {} steps, {} plans, digest {}\n"
      "samples are taken as they were: what users would have felt is not in them\n",
      what, format_age(span.to - span.from), played.steps, played.plans, played.digest));
}

/// Prints the difference; exit code as `diff --exit-code` has it.
int differ(const std::string& before, const std::string& after, const std::string& name_before,
           const std::string& name_after, const Options& o) {
  const auto diff = unified_diff(before, after, name_before, name_after);
  tell(diff.empty() ? "no difference\n" : diff);
  return o.exit_code && !diff.empty() ? kNotClean : kOk;
}

/// A trace file: through the configuration that it was written under, and through another.
int replay_file(const Options& o, const std::string& file) {
  std::ifstream in{file};
  if (!in) return complain(kFailed, "cannot read '" + file + "'");
  const auto trace = TraceSource::open(in, file);
  if (!trace) return complain(exit_of(trace.error()), trace.error());
  const auto head = (*trace)->head();
  auto original = config_of(head);
  if (!original && !o.config_given) return complain(kConfig, original.error());
  auto other = o.config_given ? fleet_config(o.config, {}) : original;
  if (!other) return complain(kConfig, other.error());
  const auto shown = show_of(o, *other, other->self);
  if (!shown) return shown.error();
  auto* const recording = shown->recording.get();
  sim::Replayed before;
  if (original) {
    in.seekg(0);
    auto played = play(in, file, *std::move(original), o.config_given ? nullptr : recording);
    if (!played) return complain(exit_of(played.error()), played.error());
    before = std::move(*played);
  }
  const Span span{head.from, head.to};
  if (!o.config_given) {
    tell(before.transcript);
    print_end(before, span, head.digest.substr(0, 7));
    return show(*shown, file, kOk);
  }
  in.clear();
  in.seekg(0);
  const auto after = play(in, file, *std::move(other), recording);
  if (!after) return complain(exit_of(after.error()), after.error());
  const int code =
      differ(before.transcript, after->transcript, head.digest.substr(0, 7), o.config, o);
  print_end(before, span, head.digest.substr(0, 7));
  print_end(*after, span, o.config);
  return show(*shown, fmt::format("{}, {}", file, o.config), code);
}

/// This node's own history, beside what a configuration makes of the same span.
int replay_history(const Options& o) {
  auto loaded = config::load_path(o.base, {.self = o.node, .host_name = host_name()});
  if (!loaded) return complain(kConfig, loaded.error());
  if (!loaded->config) return complain(kConfig, o.base + " was refused, see check-config");
  const auto& base = *loaded->config;
  const auto span = span_of(o, base);
  if (!span) return complain(kUsage, span.error());
  const auto done = done_then(base, *span);
  if (!done) return complain(kFailed, done.error());
  std::stringstream text;
  const auto recorded = write_trace(base, *span, o, text);
  if (!recorded) return complain(exit_of(recorded.error()), recorded.error());
  auto config = o.config_given ? fleet_config(o.config, {}) : Result<Config>{base};
  if (!config) return complain(kConfig, config.error());
  const auto shown = show_of(o, *config, base.self);
  if (!shown) return shown.error();
  const auto played = play(text, "Prometheus", *std::move(config), shown->recording.get());
  if (!played) return complain(exit_of(played.error()), played.error());
  const auto name = o.config_given ? o.config : o.base;
  const int code = differ(*done, lines_of_node(played->transcript, base.self),
                          "history of " + base.self, name, o);
  print_end(*played, *span, name);
  return show(*shown, fmt::format("the last of {}, {}", base.self, name), code);
}

}  // namespace

int record(const Options& o) {
  const auto config = fleet_config(o.config, o.node);
  if (!config) return complain(kConfig, config.error());
  const auto span = span_of(o, *config);
  if (!span) return complain(kUsage, span.error());
  const auto part = o.out + ".part";
  std::ofstream out{part, std::ios::trunc};
  if (!out) return complain(kFailed, "cannot write '" + part + "'");
  const auto done = write_trace(*config, *span, o, out);
  const auto bytes = static_cast<double>(out.tellp());
  out.close();
  std::error_code failed;
  if (!done) {
    std::filesystem::remove(part, failed);
    return complain(exit_of(done.error()), done.error());
  }
  std::filesystem::rename(part, o.out, failed);
  if (failed) return complain(kFailed, "cannot rename '" + part + "': " + failed.message());
  for (const auto& fault : done->faults) warn("note: " + fault + "\n");
  tell(fmt::format("{}: {} series, {}, {} samples, {:.1f} MB\n", o.out, done->series,
                   format_age(span->to - span->from), done->samples, bytes / 1e6));
  return done->samples > 0 ? kOk : kNotClean;
}

int replay(const Options& o) {
  if (o.own_history == !o.words.empty()) {
    return complain(kUsage, "replay what? a FILE of 'anycastctl record', or --history");
  }
  return o.own_history ? replay_history(o) : replay_file(o, o.words.front());
}

}  // namespace anycast::cmd
