#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "controller/app/survey.hpp"
#include "controller/app/text_parts.hpp"
#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl_client.hpp"

namespace anycast::cmd {
namespace {

constexpr auto kTick = seconds{1};
constexpr auto kToTakeEffect = minutes{5};  // probation, and what came before
// A pin ends by itself so long after its step, should nobody be there to take it back.
constexpr auto kSpare = minutes{2};

volatile std::sig_atomic_t interrupted = 0;
void interrupt(int) { interrupted = 1; }

const Json* upstream_in(const Json& status, const std::string& name) {
  for (const auto& one : text::items(text::at(status, "upstreams"))) {
    if (text::str(text::at(one, "name")) == name) return &one;
  }
  return nullptr;
}

/// Whether the upstream hears just this, and is meant to.
bool says(const Json& upstream, const std::string& asked) {
  const auto carrier = survey::carrier_of(asked);
  auto verb = asked.substr(carrier.size() + 1);  // "prepend_to:2", in a report "prepend_to 2"
  std::ranges::replace(verb, ':', ' ');
  const auto& wanted = text::at(text::at(upstream, "wanted", "asks"), carrier.c_str());
  return text::truth(text::at(upstream, "in_sync")) && text::str(wanted) == verb;
}

/// Why a survey of it would not tell anything, or would not be safe; or empty.
std::string unfit(const Json& status, const Options& o) {
  const auto* up = upstream_in(status, o.upstream);
  if (up == nullptr) return fmt::format("this node has no upstream '{}'", printable(o.upstream));
  std::set<std::string> all;
  for (const auto& one : text::items(text::at(status, "prefixes")))
    all.insert(text::str(text::at(one, "prefix")));
  if (all != std::set<std::string>(o.prefixes.begin(), o.prefixes.end())) {
    return fmt::format(
        "this node announces {}, and all of it will move: name just that with "
        "--prefix",
        join({all.begin(), all.end()}, ", "));
  }
  if (!text::at(*up, "pin").is_null() || !text::at(status, "freeze").is_null() ||
      !text::at(status, "drain").is_null()) {
    return fmt::format(
        "{} is pinned, or the node frozen or drained: what is wanted stands "
        "already",
        printable(o.upstream));
  }
  const auto& actual = text::at(*up, "actual");
  if (text::state_of(actual) != "announced" || !text::at(actual, "asks").empty())
    return fmt::format("{} does not hear the plain announcement now", printable(o.upstream));
  const auto felt = survey::felt(status);
  for (const auto& step : o.words) {
    const auto carrier = survey::carrier_of(step);
    if (!felt.contains(carrier)) {
      return fmt::format(
          "nobody pings the anycast address for {} often enough: nothing would "
          "show (labels.node 'anycast' in evidence)",
          printable(carrier));
    }
  }
  return {};
}

class Survey {
 public:
  Survey(const Options& options, Duration settle)
      : o_{options}, daemon_{options}, settle_{settle} {}

  int run(const Json& status) {
    found_ = {.node = text::str(text::at(status, "node")),
              .upstream = o_.upstream,
              .prefixes = o_.prefixes,
              .before = survey::felt(status)};
    int code = kOk;
    for (const auto& asked : o_.words) {
      code = step(asked);
      if (code != kOk || !found_.stopped.empty()) break;
    }
    const int ended = pinned_ ? take_back() : static_cast<int>(kOk);
    if (code == kOk) code = ended;
    if (found_.steps.empty()) return code;
    const auto report = survey::report(found_);
    print(report, o_);
    if (code == kOk && !o_.out.empty()) code = keep(report);
    if (code != kOk) return code;
    return survey::proven(report) ? kOk : kNotClean;
  }

 private:
  int step(const std::string& asked) {
    const auto lasts = print_duration(settle_);
    const auto what =
        fmt::format("ask {} for {} for {}, then look which users moved", o_.upstream, asked, lasts);
    if (agree(what, o_) != kOk) {
      found_.stopped = fmt::format("before {}, as told", asked);
      return kOk;
    }
    const Json order = {{"kind", "pin"},
                        {"reason", reason(asked)},
                        {"upstream", o_.upstream},
                        {"stance", "announced;" + asked},
                        {"for_seconds", to_seconds(settle_ + kToTakeEffect + kSpare)}};
    if (const int code = give(order); code != kOk) return code;
    pinned_ = true;
    if (const int code = until_in_force(asked); code != kOk) return code;
    auto with = settled(asked);
    if (!with) return with.error();
    found_.steps.push_back(survey::step(asked, found_.before, *with));
    return kOk;
  }

  std::string reason(const std::string& asked) const {
    return fmt::format("survey of {}{}", asked, o_.reason.empty() ? "" : ": " + o_.reason);
  }

  int give(const Json& order) const {
    const auto reply = carry_out(daemon_, order);
    if (!reply) return reply.error();
    if (reply->value("outcome", "") == "done") return kOk;
    return complain(reply->value("outcome", "") == "refused" ? kTryLater : kFailed,
                    printable(reply->value("text", "")));
  }

  /// Until the router says what was asked for, beyond probation.
  int until_in_force(const std::string& asked) const {
    const auto end = std::chrono::steady_clock::now() + kToTakeEffect;
    while (std::chrono::steady_clock::now() < end && interrupted == 0) {
      const auto status = daemon_.get("/v1/status");
      if (!status) return status.error();
      const auto* up = upstream_in(*status, o_.upstream);
      if (up != nullptr && says(*up, asked) &&
          text::at(text::at(*status, "local", "router"), "confirm_until").is_null())
        return kOk;
      std::this_thread::sleep_for(kTick);
    }
    return complain(kTryLater, fmt::format("{} is not in force: anycastctl plan says why", asked));
  }

  /// What users feel when the step has had its time; sooner where one carrier's lose by it.
  tl::expected<survey::Felt, int> settled(const std::string& asked) {
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
      const auto status = daemon_.get("/v1/status");
      if (!status) return tl::unexpected(status.error());
      auto felt = survey::felt(*status);
      const auto left = settle_ - (std::chrono::steady_clock::now() - begin);
      if (const auto who = survey::worse(found_.before, felt); !who.empty())
        found_.stopped = fmt::format("{} made {}'s users lose more, or go unmeasured", asked, who);
      if (interrupted != 0) found_.stopped = "interrupted";
      if (left <= Duration{0} || !found_.stopped.empty()) {
        clear_line();
        return felt;
      }
      progress(asked, std::chrono::duration_cast<Duration>(left));
      std::this_thread::sleep_for(kTick);
    }
  }

  int take_back() {
    const int code = give(
        {{"kind", "unpin"}, {"reason", reason("nothing any more")}, {"upstream", o_.upstream}});
    if (code != kOk) {
      std::cerr << fmt::format("  the pin ends by itself within {}\n",
                               print_duration(settle_ + kToTakeEffect + kSpare));
      return code;
    }
    if (!found_.stopped.empty()) return kOk;
    const auto after = settled("nothing any more");
    if (after && found_.stopped.empty()) found_.after = *after;
    return after ? kOk : after.error();
  }

  int keep(const Json& report) const {
    std::ofstream file(o_.out, std::ios::app);
    file << report.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n' << std::flush;
    return file ? kOk : complain(kFailed, fmt::format("cannot write '{}'", printable(o_.out)));
  }

  void progress(const std::string& asked, Duration left) const {
    if (o_.quiet || ::isatty(STDERR_FILENO) != 1) return;
    std::cerr << fmt::format("\r\x1b[K{}: {} to go", asked,
                             print_duration(std::chrono::floor<seconds>(left)))
              << std::flush;
  }
  void clear_line() const {
    if (!o_.quiet && ::isatty(STDERR_FILENO) == 1) std::cerr << "\r\x1b[K" << std::flush;
  }

  const Options& o_;
  Daemon daemon_;
  Duration settle_;
  survey::Found found_ = {};
  bool pinned_ = false;
};

}  // namespace

int survey(const Options& options) {
  for (const auto& step : options.words) {
    if (step.find('=') == std::string::npos || step.find(';') != std::string::npos) {
      return complain(kUsage, fmt::format("'{}' is no step, expected CARRIER=VERB[:N], for example "
                                          "mobile=prepend_to:2",
                                          printable(step)));
    }
  }
  const Daemon daemon{options};
  const auto status = daemon.get("/v1/status");
  if (!status) return status.error();
  const auto probes = daemon.get("/v1/probes");
  if (!probes) return probes.error();
  const auto window = text::number(text::at(*probes, "evidence", "window_seconds")).value_or(0);
  const Duration least{std::llround(window * 1e6)};
  const auto settle =
      options.settle.empty() ? 2 * least : parse_duration(options.settle).value_or(2 * least);
  if (settle < least) {
    return complain(kUsage, fmt::format("--settle is {}, expected at least {}, the window of "
                                        "evidence: what is older would be counted",
                                        options.settle, print_duration(least)));
  }
  if (const auto why = unfit(*status, options); !why.empty()) return complain(kTryLater, why);
  std::signal(SIGINT, interrupt);
  std::signal(SIGTERM, interrupt);
  return Survey{options, settle}.run(*status);
}

}  // namespace anycast::cmd
