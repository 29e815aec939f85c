#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "controller/base/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace anycast {

/// A prepared statement. `bind` counts from 1, `column` from 0, as SQLite does. An error in a
/// `bind` shows at the next `step`.
class Statement {
 public:
  Statement(sqlite3* database, sqlite3_stmt* statement);

  /// Takes bindings and rows back, so that the next use starts clean.
  void reset();
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view value);
  /// True while there is a row.
  Result<bool> step();
  /// Steps to the end and resets.
  Result<void> run();

  std::int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_error_ = 0;
};

/// One connection, used by one thread at a time.
class Database {
 public:
  enum class Access { write, read };

  /// Access::write creates the file; Access::read never creates or changes anything.
  static Result<Database> open(const std::string& file, Access access);

  Result<Statement> prepare(std::string_view sql);
  /// Several statements without parameters.
  Result<void> execute(const std::string& sql);
  /// First column of the first row.
  Result<std::string> value(std::string_view sql);

  /// Leaves nothing behind unless `commit` succeeded.
  class Transaction {
   public:
    explicit Transaction(Database& database) : database_{&database} {}
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();
    /// Takes the write lock at once; waits for another writer as long as the busy time-out.
    Result<void> begin();
    Result<void> commit();

   private:
    Database* database_;
    bool open_ = false;
  };

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : handle_{database} {}
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace anycast
