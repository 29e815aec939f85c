#include "controller/cmd/anycastd_daemon.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <mutex>
#include <thread>

#include "adapters/http/http_server.hpp"
#include "adapters/kernel/addresses.hpp"
#include "adapters/sqlite/plot_store.hpp"
#include "adapters/sqlite/sqlite_store.hpp"
#include "adapters/system/clock.hpp"
#include "adapters/system/events.hpp"
#include "adapters/system/journal.hpp"
#include "adapters/system/notify.hpp"
#include "controller/app/api.hpp"
#include "controller/app/line.hpp"
#include "controller/app/mailbox.hpp"
#include "controller/app/metrics.hpp"
#include "controller/app/plots.hpp"
#include "controller/base/text.hpp"
#include "controller/cmd/common.hpp"
#include "controller/cmd/common_serve.hpp"
#include "controller/core/local.hpp"

namespace anycast::cmd {
namespace {

/// Every source has a deadline, so the first cycle ends well within this or not at all.
constexpr Duration kFirstCycle = minutes{1};
constexpr Duration kBetweenWakes = milliseconds{20};

/// The newest published cycle; the only value besides the mailbox that both threads touch.
class Shelf {
 public:
  void put(std::shared_ptr<const Published> published) {
    const std::lock_guard lock{mutex_};
    published_ = std::move(published);
  }
  std::shared_ptr<const Published> get() const {
    const std::lock_guard lock{mutex_};
    return published_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Published> published_;
};

/// The cycle thread: owns line, adapters and the writing store.
class Cycles {
 public:
  struct Stores {
    Store& history;
    PlotStore& plots;
  };
  Cycles(std::shared_ptr<const core::Setup> setup, State state, Stores stores, Mailbox& mailbox,
         Shelf& shelf, EventLoop& loop)
      : line_{std::move(setup), std::move(state), clock_.now()},
        stores_{stores},
        mailbox_{mailbox},
        shelf_{shelf},
        loop_{loop} {
    connect_all();
    check({});
  }

  void run() {
    Mailbox::Post post;
    Time due = {};
    while (!post.stop) {
      if (post.setup) take(post.setup);
      const bool only_woken = post.woken && !post.setup && post.orders.empty();
      // Pressing news has no time for a cycle that asks others, and an overdue one comes next.
      const bool local = only_woken && (post.pressing || clock_.now() < due);
      cycle(std::move(post.orders), local ? Wake::local : Wake::due);
      // However fast verdicts turn, the routing daemon has time for others.
      if (local) std::this_thread::sleep_for(kBetweenWakes);
      const auto now = clock_.now();
      due = local ? std::min(due, line_.next(now)) : line_.next(now);
      post = mailbox_.wait(now, due);
    }
  }

 private:
  void take(const std::shared_ptr<const core::Setup>& setup) {
    const auto before = line_.config().digest;
    line_.take(setup, clock_.now());
    sources_ = {};  // the old speaker holds the lock that the new one needs
    connect_all();
    check(checker_ ? checker_->health().value_or(Health{}) : Health{});
    journal_.write({.kind = "config",
                    .priority = 5,
                    .text = fmt::format(
                        "took configuration {} (was {}); next: judged by it from this cycle on",
                        setup->config.digest.substr(0, 7), before.substr(0, 7))});
  }

  void connect_all() {
    kernel_ = open_kernel(line_.config(), line_.state());
    hear();
    sources_ = connect(line_.config(), [this] { return pressing(); });
    tell(stores_.plots.limits(limits_of(line_.config(), clock_.now())));
  }

  /// Keepalived repeats nothing: what was heard outlives a reload.
  void hear() {
    const auto& wanted = line_.config().me().local.keepalived;
    if (keepalived_ && heard_of_ == wanted) return;
    keepalived_.reset();
    keepalived_ =
        hear_keepalived(line_.config(), [this] { mailbox_.wake(Mailbox::News::pressing); });
    heard_of_ = wanted;
  }

  /// The first answers are waited for: without them nobody knows who else announces.
  bool pressing() const { return line_.remembers() && mailbox_.pressing(); }

  void check(Health known) {
    checker_.reset();
    using Turn = health::Checker::Turn;
    auto started = check_services(line_.config(), std::move(known), [this](Turn turn) {
      mailbox_.wake(turn == Turn::last ? Mailbox::News::pressing : Mailbox::News::usual);
    });
    if (started) return static_cast<void>(checker_ = *std::move(started));
    // Without an answer nothing is known: announcements stay as they are, and status says so.
    journal_.write({.kind = "service", .priority = 3, .text = to_string(started.error())});
  }

  void cycle(std::vector<Order> orders, Wake wake) {
    PlottedEvidence evidence{*sources_.evidence, plots_};
    const Ports ports{.evidence = evidence,
                      .router = *sources_.router,
                      .store = stores_.history,
                      .journal = journal_,
                      .clock = clock_,
                      .wait = [](Duration d) { std::this_thread::sleep_for(d); },
                      .validator = sources_.validator.get(),
                      .health = checker_.get(),
                      .kernel = kernel_.get(),
                      .keepalived = keepalived_.get(),
                      .pressing = [this] { return pressing(); }};
    std::vector<OrderReply> replies;
    auto published = line_.cycle(ports, std::move(orders), replies, wake);
    if (checker_) published->counters.checks = checker_->stats();
    for (const auto& server : sources_.evidence->stats()) {
      for (const auto& [result, times] : server.requests) {
        published->counters.prometheus_requests[{server.server, result}] = times;
      }
    }
    shelf_.put(std::move(published));
    mailbox_.answer(replies);
    loop_.wake();
    tell(stores_.plots.add(plots_.closed(), clock_.now()));
  }

  /// Nothing is decided by plots: where they cannot be kept, the line goes on.
  void tell(const Result<void>& kept) {
    if (kept) return;
    journal_.write(
        {.kind = "store",
         .priority = 4,
         .text = fmt::format("some points of the plots are lost: {}; next: the next ones "
                             "in {}",
                             kept.error().text, format_age(kPlotSpan))});
  }

  SystemClock clock_;
  SystemJournal journal_;
  Line line_;
  Plots plots_;
  Stores stores_;
  Mailbox& mailbox_;
  Shelf& shelf_;
  EventLoop& loop_;
  Sources sources_;
  std::unique_ptr<health::Checker> checker_;
  std::unique_ptr<Kernel> kernel_;
  std::unique_ptr<VrrpSource> keepalived_;
  Keepalived heard_of_ = {};
};

/// The line that a person has to read first among warnings, quotations and hints.
std::string first_error(const std::string& problems) {
  const auto lines = split(problems, '\n');
  const auto found = std::ranges::find_if(
      lines, [](const auto& line) { return line.find(": error: ") != std::string::npos; });
  return found == lines.end() ? lines.front() : *found;
}

/// The serve thread: sockets, signals, service manager.
class Serve {
 public:
  Serve(Invocation invocation, const Config& config, Mailbox& mailbox, Shelf& shelf,
        EventLoop& loop)
      : invocation_{std::move(invocation)},
        history_file_{config.history.file},
        web_{config.web.listen},
        control_{config.control},
        mailbox_{mailbox},
        shelf_{shelf},
        loop_{loop},
        api_{{.published = [this] { return newest(); },
              .post = [this](Order order) { return mailbox_.post(std::move(order)); },
              .reply = [this](std::uint64_t ticket) { return mailbox_.reply(ticket); },
              .history = [this](const HistoryQuery& query) { return history(query); },
              .explanation = [this](std::uint64_t number) { return explanation(number); },
              .plots = [this](Time from, Time until) { return plots(from, until); },
              .reload = [this] { return reload(); },
              .now = [this] { return clock_.now(); }}} {}

  Result<void> open(const Config& config) {
    auto server = HttpServer::open({.socket = config.control.socket,
                                    .group = config.control.group,
                                    .listen = config.web.listen,
                                    .hosts = host_names()},
                                   api_.handler());
    if (!server) return tl::unexpected(server.error());
    server_ = *std::move(server);
    if (auto answers = answer_in(loop_, *server_); !answers) return answers;
    watch_addresses(config);
    loop_.on_wake([this] { published(); });
    const auto watchdog = watchdog_interval();
    return watchdog ? loop_.every(*watchdog, [this] { pet(); }) : Result<void>{};
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) {
      notify_reloading();
      const auto taken = reload();
      notify_ready(taken ? "configuration reloaded"
                         : "configuration refused, the old one stays in force");
      return;
    }
    notify_stopping();
    loop_.stop();
  }

 private:
  /// An address that somebody takes away comes back at once, and one whose link is there at last
  /// too; where nobody can listen, in the next cycle. A node that keeps none asks the kernel for
  /// nothing.
  void watch_addresses(const Config& config) {
    if (monitor_ || core::configured_vips(config).empty()) return;
    auto monitor = kernel::AddressMonitor::open();
    if (!monitor) return;
    monitor_.emplace(*std::move(monitor));
    const auto watched = loop_.watch(monitor_->fd(), [this] {
      if (!monitor_->heard()) return;
      const auto last = shelf_.get();
      if (last && !core::configured_vips(*last->config).empty())
        mailbox_.wake(Mailbox::News::usual);
    });
    if (!watched) monitor_.reset();
  }

  void published() {
    const auto now = shelf_.get();
    if (!now) return;
    if (server_->streams() > 0) server_->push(Api::event(*newest()));
    auto status = fmt::format("{}, {} nodes announce", to_string(now->plan.condition),
                              now->plan.nodes_announcing);
    if (!now->plan.notices.empty()) status += ", " + now->plan.notices.front().text;
    if (!std::exchange(ready_, true)) {
      notify_ready(status);
    } else {
      notify_status(status);
    }
  }

  /// What the line published, and what became of the last reload, of which only this thread knows.
  std::shared_ptr<const Published> newest() const {
    auto last = shelf_.get();
    if (!last || !reload_error_) return last;
    auto out = std::make_shared<Published>(*last);
    out->reload_error = reload_error_;
    return out;
  }

  /// The watchdog means that the line moves, not that this thread does.
  void pet() {
    const auto last = shelf_.get();
    const auto now = clock_.now();
    if (last ? metrics::alive(*last, now) : now - started_ < kFirstCycle) notify_watchdog();
  }

  Result<std::optional<std::string>> explanation(std::uint64_t decision) {
    auto store = SqliteStore::open({.file = history_file_, .access = Database::Access::read});
    if (!store) return tl::unexpected(store.error());
    return (*store)->explanation(decision);
  }
  Result<std::vector<HistoryEntry>> history(const HistoryQuery& query) {
    auto store = SqliteStore::open({.file = history_file_, .access = Database::Access::read});
    if (!store) return tl::unexpected(store.error());
    return (*store)->history(query);
  }

  Result<PlotHistory> plots(Time from, Time until) {
    auto store = SqlitePlotStore::open({.file = history_file_, .access = Database::Access::read});
    if (!store) return tl::unexpected(store.error());
    return (*store)->read(from, until);
  }

  Result<std::string> reload() {
    auto prepared = prepare(invocation_.config_file, invocation_.node);
    if (!prepared.setup || !prepared.setup->shadow_fault.empty()) {
      std::string text = "refused configuration, the one in force stays: " + prepared.problems;
      journal_.write({.kind = "config", .priority = 3, .text = text});
      reload_error_ = Error{.remedy = Remedy::fix_text, .text = first_error(prepared.problems)};
      return fail(Remedy::fix_text, std::move(text));
    }
    reload_error_.reset();
    auto taken = fmt::format("took configuration {}", prepared.setup->config.digest.substr(0, 7));
    taken += kept_until_start(prepared.setup->config);
    watch_addresses(prepared.setup->config);
    mailbox_.post(std::move(prepared.setup));
    return taken + (prepared.problems.empty() ? "" : "; warnings: anycastctl check-config");
  }

  /// What is opened once: named where a new configuration has it otherwise.
  std::string kept_until_start(const Config& config) const {
    std::string out;
    if (config.web.listen != web_) out += " web.listen";
    if (config.control.socket != control_.socket || config.control.group != control_.group)
      out += " control";
    if (config.history.file != history_file_) out += " history.file";
    return out.empty() ? out : "; only a restart takes:" + out;
  }

  Invocation invocation_;
  std::string history_file_;
  std::string web_;
  ControlConfig control_;
  SystemClock clock_;
  Time started_ = clock_.now();
  SystemJournal journal_;
  Mailbox& mailbox_;
  Shelf& shelf_;
  EventLoop& loop_;
  Api api_;
  std::unique_ptr<HttpServer> server_;
  std::optional<kernel::AddressMonitor> monitor_;
  std::optional<Error> reload_error_;
  bool ready_ = false;
};

int report(const Error& error, int code) {
  std::cerr << "anycastd: " << to_string(error) << "\n";
  return code;
}

}  // namespace

int daemon(const Invocation& invocation, std::shared_ptr<const core::Setup> setup) {
  const auto& config = setup->config;
  auto store = SqliteStore::open({.file = config.history.file, .keep = config.history.keep});
  if (!store) return report(store.error(), kFailed);
  auto plots = SqlitePlotStore::open({.file = config.history.file, .keep = config.history.keep});
  if (!plots) return report(plots.error(), kFailed);
  auto state = (*store)->load();
  if (!state) return report(state.error(), kFailed);
  auto loop = EventLoop::open();
  if (!loop) return report(loop.error(), kFailed);

  Mailbox mailbox;
  Shelf shelf;
  Serve serve{invocation, config, mailbox, shelf, **loop};
  auto signals =
      (*loop)->on_signals({SIGTERM, SIGINT, SIGHUP}, [&](int signal) { serve.on_signal(signal); });
  if (!signals) return report(signals.error(), kFailed);
  if (auto opened = serve.open(config); !opened) return report(opened.error(), kFailed);

  Cycles cycles{setup, state->value_or(State{}), {**store, **plots}, mailbox, shelf, **loop};
  std::jthread thread{[&] { cycles.run(); }};
  const auto served = (*loop)->run();
  // Leaving changes nothing: the cycle that is under way ends, announcements stay as they are.
  mailbox.stop();
  thread.join();
  return served ? kOk : report(served.error(), kFailed);
}

}  // namespace anycast::cmd
