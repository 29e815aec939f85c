#include "adapters/sqlite/sqlite_store.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <limits>

#include "adapters/sqlite/state_json.hpp"

namespace anycast {
namespace {

// Entry n leads from PRAGMA user_version n to n + 1. Entries are never changed, only added.
constexpr std::array kMigrations = {
    R"(
CREATE TABLE state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  at_us INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE TABLE events (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL,
  kind TEXT NOT NULL,
  priority INTEGER NOT NULL,
  text TEXT NOT NULL,
  upstream TEXT NOT NULL,
  carrier TEXT NOT NULL,
  node TEXT NOT NULL,
  "from" TEXT NOT NULL,
  "to" TEXT NOT NULL,
  cause TEXT NOT NULL,
  actor TEXT NOT NULL,
  decision INTEGER NOT NULL
);
CREATE INDEX events_by_time ON events (at_us);
)",
    R"(
CREATE TABLE explanations (
  decision INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX events_by_decision ON events (decision) WHERE decision <> 0;
)",
};

constexpr auto kLoad = "SELECT body FROM state WHERE id = 1";
constexpr auto kSave =
    "INSERT INTO state (id, at_us, body) VALUES (1, ?1, ?2) "
    "ON CONFLICT (id) DO UPDATE SET at_us = excluded.at_us, body = excluded.body";
constexpr auto kInsert =
    "INSERT INTO events (at_us, kind, priority, text, upstream, carrier, node, \"from\", \"to\", "
    "cause, actor, decision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
constexpr auto kPrune = "DELETE FROM events WHERE at_us < ?1";
constexpr auto kPruneExplanations = "DELETE FROM explanations WHERE at_us < ?1";
constexpr auto kKeep =
    "INSERT INTO explanations (decision, at_us, body) VALUES (?1, ?2, ?3) ON CONFLICT (decision) "
    "DO UPDATE SET at_us = excluded.at_us, body = excluded.body";
constexpr auto kExplanation = "SELECT body FROM explanations WHERE decision = ?1";
constexpr auto kHistory =
    "SELECT row, at_us, kind, priority, text, upstream, carrier, node, \"from\", \"to\", cause, "
    "actor, decision FROM events WHERE row > ?1 AND at_us >= ?2 AND at_us < ?3 "
    "AND (?4 = '' OR upstream = ?4) AND (?5 = '' OR carrier = ?5) AND (?6 = '' OR kind = ?6) "
    "AND (?7 = 0 OR decision = ?7) ORDER BY row DESC LIMIT ?8";

constexpr Duration kPruneEvery = hours{1};

std::int64_t count(Time t) { return t.time_since_epoch().count(); }

HistoryEntry entry_of(const Statement& row) {
  return {.row = row.integer(0),
          .at = Time{Duration{row.integer(1)}},
          .event = {.kind = row.text(2),
                    .priority = static_cast<int>(row.integer(3)),
                    .text = row.text(4),
                    .upstream = row.text(5),
                    .carrier = row.text(6),
                    .node = row.text(7),
                    .from = row.text(8),
                    .to = row.text(9),
                    .cause = row.text(10),
                    .actor = row.text(11),
                    // SQLite's integers are signed; the bits come back as they went.
                    .decision = static_cast<std::uint64_t>(row.integer(12))}};
}

bool is_missing(const std::string& file) {
  struct stat info = {};
  return ::stat(file.c_str(), &info) != 0 && errno == ENOENT;
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const Options& options) {
  std::unique_ptr<SqliteStore> store{new SqliteStore(options)};
  const bool reads = options.access == Database::Access::read;
  if (reads && is_missing(options.file)) return store;
  auto database = Database::open(options.file, options.access);
  if (!database) return tl::unexpected(database.error());
  store->database_.emplace(std::move(*database));
  if (const auto migrated = store->migrate(); !migrated) return tl::unexpected(migrated.error());
  // A state that cannot be read must stop the daemon here, before the first save replaces it.
  if (const auto state = store->load(); !state) return tl::unexpected(state.error());
  return store;
}

Result<void> SqliteStore::migrate() {
  const auto number = database_->value("PRAGMA user_version");
  if (!number) return tl::unexpected(number.error());
  const auto version = std::stoul(*number);
  if (version > kMigrations.size()) {
    return fail(Remedy::look_at_host,
                fmt::format("history \"{}\" has schema {}, this anycastd knows up to {}; a newer "
                            "anycastd wrote it",
                            options_.file, version, kMigrations.size()));
  }
  if (options_.access == Database::Access::read) {
    if (version < kMigrations.size()) return {};
    return prepare();
  }
  const auto damage = database_->value("PRAGMA quick_check(1)");
  if (!damage) return tl::unexpected(damage.error());
  if (*damage != "ok") {
    return fail(Remedy::look_at_host,
                fmt::format("history \"{}\" is damaged ({}), expected an SQLite database; move it "
                            "away to start with an empty one",
                            options_.file, *damage));
  }
  const auto prepared = database_->execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = "
      "1048576");
  if (!prepared) return prepared;
  for (auto next = version; next < kMigrations.size(); ++next) {
    Database::Transaction transaction{*database_};
    const auto done =
        transaction.begin()
            .and_then([&] { return database_->execute(kMigrations.at(next)); })
            .and_then([&] {
              return database_->execute(fmt::format("PRAGMA user_version = {}", next + 1));
            })
            .and_then([&] { return transaction.commit(); });
    if (!done) return done;
  }
  return prepare();
}

Result<void> SqliteStore::prepare() {
  std::vector<Statement> ready;
  for (const auto* const sql :
       {kLoad, kSave, kInsert, kPrune, kHistory, kPruneExplanations, kKeep, kExplanation}) {
    auto statement = database_->prepare(sql);
    if (!statement) return tl::unexpected(statement.error());
    ready.push_back(std::move(*statement));
  }
  statements_.emplace(Statements{std::move(ready[0]), std::move(ready[1]), std::move(ready[2]),
                                 std::move(ready[3]), std::move(ready[4]), std::move(ready[5]),
                                 std::move(ready[6]), std::move(ready[7])});
  return {};
}

Result<std::optional<State>> SqliteStore::load() {
  if (!statements_) return std::nullopt;
  auto& query = statements_->load;
  const auto row = query.step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) {
    query.reset();
    return std::nullopt;
  }
  const auto body = query.text(0);
  query.reset();
  auto state = parse_state(body);
  if (!state) {
    state.error().text = fmt::format("history \"{}\": {}", options_.file, state.error().text);
    return tl::unexpected(state.error());
  }
  return std::move(*state);
}

Result<void> SqliteStore::writable() const {
  if (options_.access != Database::Access::read) return {};
  return fail(Remedy::report,
              fmt::format("history \"{}\" was opened for reading only", options_.file));
}

Result<void> SqliteStore::save(const State& state, Time at, const std::vector<Event>& events) {
  if (auto ok = writable(); !ok) return ok;
  Database::Transaction transaction{*database_};
  return transaction.begin().and_then([&] { return write(state, at, events); }).and_then([&] {
    return transaction.commit();
  });
}

Result<void> SqliteStore::write(const State& state, Time at, const std::vector<Event>& events) {
  const auto saved = statements_->save.bind(1, count(at)).bind(2, print_state(state)).run();
  if (!saved) return saved;
  for (const auto& event : events) {
    const auto inserted = statements_->insert.bind(1, count(at))
                              .bind(2, event.kind)
                              .bind(3, event.priority)
                              .bind(4, event.text)
                              .bind(5, event.upstream)
                              .bind(6, event.carrier)
                              .bind(7, event.node)
                              .bind(8, event.from)
                              .bind(9, event.to)
                              .bind(10, event.cause)
                              .bind(11, event.actor)
                              .bind(12, static_cast<std::int64_t>(event.decision))
                              .run();
    if (!inserted) return inserted;
  }
  // A clock that was set back must not stop the pruning for as long as it was ahead.
  if (pruned_at_ && at >= *pruned_at_ && at - *pruned_at_ < kPruneEvery) return {};
  pruned_at_ = at;
  const auto oldest = count(at - options_.keep);
  return statements_->prune.bind(1, oldest).run().and_then(
      [&] { return statements_->prune_explanations.bind(1, oldest).run(); });
}

Result<void> SqliteStore::keep(std::uint64_t decision, Time at, const std::string& explanation) {
  if (auto ok = writable(); !ok) return ok;
  return statements_->keep.bind(1, static_cast<std::int64_t>(decision))
      .bind(2, count(at))
      .bind(3, explanation)
      .run();
}

Result<std::optional<std::string>> SqliteStore::explanation(std::uint64_t decision) {
  if (!statements_) return std::nullopt;
  auto& query = statements_->explanation;
  const auto row = query.bind(1, static_cast<std::int64_t>(decision)).step();
  if (!row) return tl::unexpected(row.error());
  std::optional<std::string> out;
  if (*row) out = query.text(0);
  query.reset();
  return out;
}

Result<std::vector<HistoryEntry>> SqliteStore::history(const HistoryQuery& query) {
  std::vector<HistoryEntry> entries;
  if (!statements_) return entries;
  auto& select = statements_->history;
  select.bind(1, query.after_row)
      .bind(2, query.since ? count(*query.since) : std::numeric_limits<std::int64_t>::min())
      .bind(3, query.until ? count(*query.until) : std::numeric_limits<std::int64_t>::max())
      .bind(4, query.upstream)
      .bind(5, query.carrier)
      .bind(6, query.kind)
      .bind(7, static_cast<std::int64_t>(query.decision))
      .bind(8, std::max(0, query.limit));
  for (;;) {
    const auto row = select.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    entries.push_back(entry_of(select));
  }
  select.reset();
  return entries;
}

}  // namespace anycast
