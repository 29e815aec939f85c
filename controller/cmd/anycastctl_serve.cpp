#include "controller/cmd/anycastctl_serve.hpp"

#include <fmt/format.h>

#include <csignal>

#include "adapters/sqlite/plot_store.hpp"
#include "adapters/sqlite/sqlite_store.hpp"
#include "adapters/system/events.hpp"
#include "controller/base/text.hpp"
#include "controller/cmd/common_serve.hpp"

namespace anycast::cmd {
namespace {

constexpr std::string_view kMemory = ":memory:";  // SQLite's name for a database without a file

/// What the node wrote down, in the stores that answer for a daemon.
struct Stores {
  std::unique_ptr<SqliteStore> history;
  std::unique_ptr<SqlitePlotStore> plots;
};

Result<void> fill_history(SqliteStore& store, const sim::Recording& recording) {
  const auto& events = recording.events();
  std::vector<Event> same;
  for (auto it = events.begin(); it != events.end(); ++it) {
    same.push_back(it->second);
    const auto next = std::next(it);
    if (next != events.end() && next->first == it->first) continue;
    if (auto saved = store.save({}, it->first, same); !saved) return saved;
    same.clear();
  }
  for (const auto& [decision, text] : recording.explanations()) {
    if (auto kept = store.keep(decision, recording.moments().rbegin()->first, text); !kept)
      return kept;
  }
  return {};
}

Result<Stores> stores_of(const sim::Recording& recording) {
  const auto& moments = recording.moments();
  const auto begin = moments.begin()->first;
  const auto end = moments.rbegin()->first;
  auto history = SqliteStore::open({.file = std::string{kMemory}});
  if (!history) return tl::unexpected(history.error());
  if (auto filled = fill_history(**history, recording); !filled)
    return tl::unexpected(filled.error());
  auto plots =
      SqlitePlotStore::open({.file = std::string{kMemory}, .fine = end - begin + kPlotFine});
  if (!plots) return tl::unexpected(plots.error());
  const auto limits = limits_of(*moments.begin()->second->config, begin);
  auto filled = (*plots)->limits(limits);
  if (filled) filled = (*plots)->add(recording.points(), end);
  if (!filled) return tl::unexpected(filled.error());
  return Stores{.history = *std::move(history), .plots = *std::move(plots)};
}

}  // namespace

Result<std::unique_ptr<Serving>> Serving::open(const std::string& address) {
  std::unique_ptr<Serving> out{new Serving};
  auto* const self = out.get();
  auto server = HttpServer::open(
      {.listen = address, .hosts = host_names()},
      [self](const HttpRequest& request) { return self->playback_->handle(request); });
  if (!server) return tl::unexpected(server.error());
  out->listen_ = address;
  out->server_ = *std::move(server);
  return out;
}

std::string Serving::address() const {
  return fmt::format("http://{}:{}/", listen_.substr(0, listen_.rfind(':')), server_->tcp_port());
}

Result<void> Serving::run(const sim::Recording& recording, std::string about) {
  if (recording.moments().empty())
    return fail(Remedy::fix_value, "the run has no moment that could be shown");
  auto stores = stores_of(recording);
  if (!stores) return tl::unexpected(stores.error());
  auto loop = EventLoop::open();
  if (!loop) return tl::unexpected(loop.error());
  Playback::Run run{
      .about = std::move(about),
      .moments = {},
      .history = [&](const HistoryQuery& query) { return stores->history->history(query); },
      .explanation = [&](std::uint64_t number) { return stores->history->explanation(number); },
      .plots = [&](Time from, Time until) { return stores->plots->read(from, until); }};
  for (const auto& [at, picture] : recording.moments()) run.moments.push_back(picture);
  playback_ = std::make_unique<Playback>(std::move(run));
  auto signals = (*loop)->on_signals({SIGINT, SIGTERM}, [&](int) { (*loop)->stop(); });
  if (!signals) return signals;
  if (auto answers = answer_in(**loop, *server_); !answers) return answers;
  tell(fmt::format("the page of {}, moment by moment, until Ctrl-C: {}\n", recording.node(),
                   address()));
  return (*loop)->run();
}

tl::expected<Show, int> show_of(const Options& o, const Config& fleet, const std::string& usual) {
  if (o.serve.empty()) return Show{};
  std::vector<std::string> names;
  for (const auto& [name, entry] : fleet.nodes) names.push_back(name);
  const auto& first = usual.empty() ? names.front() : usual;
  const auto& node = o.page.empty() ? first : o.page;
  if (!fleet.nodes.contains(node)) {
    return tl::unexpected(complain(kUsage, fmt::format("no node '{}' in this world; there are: {}",
                                                       printable(node), join(names, ", "))));
  }
  auto serving = Serving::open(o.serve);
  if (!serving) {
    const bool misspelt = serving.error().remedy == Remedy::fix_value;
    return tl::unexpected(complain(misspelt ? kUsage : kFailed, serving.error()));
  }
  return Show{*std::move(serving), std::make_unique<sim::Recording>(node)};
}

int show(const Show& shown, const std::string& about, int code) {
  if (!shown.serving) return code;
  const auto served = shown.serving->run(*shown.recording, about);
  return served ? code : complain(kFailed, served.error());
}

}  // namespace anycast::cmd
