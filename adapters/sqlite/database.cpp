#include "adapters/sqlite/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

namespace anycast {
namespace {

// A save takes 30 us; who holds the lock for this long is a person in a sqlite3 shell.
constexpr int kBusyTimeoutMs = 1000;

Error error_of(sqlite3* database, int code) {
  const char* const file = sqlite3_db_filename(database, "main");
  const std::string name = file != nullptr ? file : "history";
  const std::string words = sqlite3_errmsg(database);
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {
          .remedy = Remedy::look_at_host,
          .text = fmt::format("history \"{}\" is damaged ({}), expected an SQLite database; move "
                              "it away to start with an empty one",
                              name, words)};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {.remedy = Remedy::wait,
              .text = fmt::format("history \"{}\" is locked by another process for more than {} ms",
                                  name, kBusyTimeoutMs)};
    default:
      return {.remedy = Remedy::look_at_host,
              .text = fmt::format("history \"{}\": {}", name, words)};
  }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Statement::Statement(sqlite3* database, sqlite3_stmt* statement)
    : database_{database}, statement_{statement} {}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bind_error_ = SQLITE_OK;
}

Statement& Statement::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), index, value);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(int index, std::string_view value) {
  // A null pointer would bind NULL; an empty text has to stay a text.
  const char* const data = value.data() != nullptr ? value.data() : "";
  const int code = sqlite3_bind_text64(statement_.get(), index, data, value.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Result<bool> Statement::step() {
  const int code = bind_error_ != SQLITE_OK ? bind_error_ : sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  auto error = error_of(database_, code);
  reset();
  return tl::unexpected(std::move(error));
}

Result<void> Statement::run() {
  for (;;) {
    const auto row = step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
  }
  reset();
  return {};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return data == nullptr ? std::string{} : std::string{static_cast<const char*>(data), size};
}

Result<Database> Database::open(const std::string& file, Access access) {
  const int flags =
      access == Access::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database{handle};
  if (code != SQLITE_OK) {
    return fail(Remedy::look_at_host,
                fmt::format("cannot open history \"{}\": {}", file,
                            handle != nullptr ? sqlite3_errmsg(handle) : "out of memory"));
  }
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // The log and its index stay when the daemon leaves, so that a reader who may not write into the
  // folder can still open the file.
  int keep_log = 1;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &keep_log);
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return tl::unexpected(error_of(handle_.get(), code));
  return Statement{handle_.get(), statement};
}

Result<void> Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return tl::unexpected(error_of(handle_.get(), code));
  return {};
}

Result<std::string> Database::value(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return tl::unexpected(row.error());
  return *row ? statement->text(0) : std::string{};
}

Result<void> Database::Transaction::begin() {
  const auto begun = database_->execute("BEGIN IMMEDIATE");
  open_ = begun.has_value();
  return begun;
}

Result<void> Database::Transaction::commit() {
  const auto committed = database_->execute("COMMIT");
  if (committed) open_ = false;
  return committed;
}

Database::Transaction::~Transaction() {
  // A failed rollback means that SQLite has rolled back by itself already.
  if (open_) static_cast<void>(database_->execute("ROLLBACK"));
}

}  // namespace anycast
