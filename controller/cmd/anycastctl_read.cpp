#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "adapters/sqlite/sqlite_store.hpp"
#include "adapters/system/clock.hpp"
#include "controller/app/line.hpp"
#include "controller/app/report.hpp"
#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl_client.hpp"

namespace anycast::cmd {
namespace {

constexpr int kNagiosUnknown = 3;
constexpr auto kFollow = seconds{2};  // between two looks at the history

void pause(double length) {
  std::cout << std::flush;
  std::this_thread::sleep_for(std::chrono::duration<double>(length));
}

/// "2h" before now, or a time as it is; none: neither.
std::optional<std::string> point_in_time(const std::string& word) {
  if (parse_utc(word)) return word;
  const auto ago = parse_duration(word);
  if (!ago) return std::nullopt;
  return format_utc(SystemClock{}.now() - *ago);
}

bool refused_or_wanted(const Json& plan) {
  return !plan.value("steps", Json::array()).empty() ||
         !plan.value("change", Json(nullptr)).is_null() ||
         !plan.value("proposal", Json(nullptr)).is_null();
}

void print_line(const Json& entry, const Options& options) {
  if (options.output == "json") {
    std::cout << report::dump(entry);
    return;
  }
  const Json one = {{"kind", "History"}, {"entries", Json::array({entry})}};
  const auto rows = split(text::print(one, {.format = text::Format::plain}), '\n');
  auto fields = split(rows.at(1), '\t');
  tell(fmt::format("{} {:<14} {}\n", fields.at(1), fields.at(2), fields.back()));
}

int follow(const Daemon& daemon, std::map<std::string, std::string> query, const Options& options) {
  query["n"] = std::to_string(options.count);
  for (;;) {
    const auto answer = daemon.get("/v1/history", query);
    if (!answer) return answer.error();
    auto entries = answer->at("entries").get<std::vector<Json>>();
    std::ranges::reverse(entries);  // oldest first, as a log reads
    for (const auto& entry : entries) {
      print_line(entry, options);
      query["after"] = entry.at("row").dump();
      query["n"] = "1000";
    }
    pause(to_seconds(kFollow));
  }
}

}  // namespace

int status(const Options& options) {
  const Daemon daemon{options};
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  for (;;) {
    const auto answer = daemon.get("/v1/status");
    if (!answer) {
      if (options.nagios) std::cout << "ANYCAST UNKNOWN - the daemon does not answer\n";
      return options.nagios ? kNagiosUnknown : answer.error();
    }
    if (options.nagios) {
      const auto check = text::nagios(*answer);
      std::cout << check.line << "\n";
      return check.code;
    }
    if (options.watch > 0 && terminal) std::cout << "\x1b[H\x1b[2J";
    print(*answer, options);
    if (options.watch <= 0)
      return options.exit_code && answer->value("health", "") != "ok" ? kNotClean : kOk;
    if (!terminal) std::cout << "\n";
    pause(options.watch);
  }
}

int explain(const Options& options) {
  const Daemon daemon{options};
  if (options.words.size() > 2) return complain(kUsage, "expected [NODE] [CARRIER|UPSTREAM]");
  std::map<std::string, std::string> query;
  if (options.decision != 0) {
    if (!options.words.empty()) return complain(kUsage, "a decision says itself what it is about");
    query = {{"decision", std::to_string(options.decision)}};
  } else if (options.words.size() == 2) {
    query = {{"node", options.words[0]}, {"about", options.words[1]}};
  } else if (options.words.size() == 1) {
    // One word is a carrier or upstream of this node, or else the name of a node.
    query = {{"about", options.words[0]}};
    const auto known = daemon.get("/v1/status");
    if (!known) return known.error();
    for (const auto& node : known->value("nodes", Json::array())) {
      if (node.value("name", "") == options.words[0]) query = {{"node", options.words[0]}};
    }
  }
  const auto answer = daemon.get("/v1/explain", query);
  if (!answer) return answer.error();
  print(*answer, options);
  return kOk;
}

int plan(const Options& options) {
  if (options.config_given) return plan_of_file(options);
  const auto answer = Daemon{options}.get("/v1/plan");
  if (!answer) return answer.error();
  print(*answer, options);
  return options.exit_code && refused_or_wanted(*answer) ? kNotClean : kOk;
}

int plan_of_file(const Options& options) {
  const auto prepared = prepare(options.config, options.node, quote_columns(STDERR_FILENO));
  warn(prepared.problems);
  if (!prepared.setup) return kConfig;
  const auto& config = prepared.setup->config;
  auto store = SqliteStore::open({.file = config.history.file, .access = Database::Access::read});
  if (!store) return complain(kFailed, store.error());
  const auto loaded = (*store)->load();
  if (!loaded) return complain(kFailed, loaded.error());
  const auto sources = connect(config);
  const SystemClock clock;
  NoJournal journal;
  const auto checker = check_services_once(config);
  if (!checker) return complain(kFailed, checker.error());
  const auto state = loaded->value_or(State{});
  const auto kernel = open_kernel(config, state);
  const Ports ports{*sources.evidence,       *sources.router, **store,     journal, clock, {},
                    sources.validator.get(), checker->get(),  kernel.get()};
  const auto now = aligned(clock.now(), config.prometheus.interval);
  core::Meters meters{config};
  const auto seen =
      anycast::look(*prepared.setup, state, observe(config, ports, state, {meters}, now));
  const auto made =
      report::plan(publish(std::shared_ptr<const Config>{prepared.setup, &config}, seen, state));
  print(made, options);
  return options.exit_code && refused_or_wanted(made) ? kNotClean : kOk;
}

int blackholes(const Options& options) {
  const auto answer = Daemon{options}.get("/v1/status");
  if (!answer) return answer.error();
  print({{"api", "anycastd/v1"},
         {"kind", "Blackholes"},
         {"node", answer->value("node", "")},
         {"time", answer->value("time", "")},
         {"blackholes", answer->value("blackholes", Json::array())}},
        options);
  return kOk;
}

int history(const Options& options) {
  std::map<std::string, std::string> query = {{"n", std::to_string(options.count)}};
  for (const auto& [name, word] : {std::pair{"since", options.since}, {"until", options.until}}) {
    if (word.empty()) continue;
    const auto when = point_in_time(word);
    if (!when) {
      return complain(kUsage, fmt::format("--{} is '{}', expected an age (2h) or a time "
                                          "(2026-06-01T12:00:00Z)",
                                          name, printable(word)));
    }
    query[name] = *when;
  }
  if (!options.upstream.empty()) query["upstream"] = options.upstream;
  if (!options.carrier.empty()) query["carrier"] = options.carrier;
  if (!options.kind.empty()) query["kind"] = options.kind;
  const Daemon daemon{options};
  if (options.follow) return follow(daemon, query, options);
  const auto answer = daemon.get("/v1/history", query);
  if (!answer) return answer.error();
  print(*answer, options);
  return kOk;
}

int probes(const Options& options) {
  const auto answer = Daemon{options}.get("/v1/probes");
  if (!answer) return answer.error();
  print(*answer, options);
  return kOk;
}

int config(const Options& options) {
  const auto answer = Daemon{options}.get("/v1/config");
  if (!answer) return answer.error();
  print(*answer, options);
  return kOk;
}

int version(const Options& options) {
  std::cout << "anycastctl " << ANYCASTD_VERSION << "\n" << std::flush;
  auto quiet = options;
  quiet.quiet = true;
  const auto answer = Daemon{quiet}.ask("GET", "/v1/status", nullptr);
  if (!answer || answer->status != 200) {
    tell("anycastd   not asked: no daemon answers at " + options.socket + "\n");
    return kOk;
  }
  tell(fmt::format("anycastd   {} on {}\n", printable(answer->body.value("version", "?")),
                   printable(answer->body.value("node", "?"))));
  return kOk;
}

}  // namespace anycast::cmd
