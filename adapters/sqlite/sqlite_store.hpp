#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sqlite/database.hpp"
#include "controller/ports/ports.hpp"

namespace anycast {

/// State and history in one SQLite file (WAL, synchronous=NORMAL: a killed process loses nothing, a
/// power cut at most the last transactions, never half of one). For one thread at a time; other
/// threads and processes open their own.
///
/// What is damaged, or was written by a newer anycastd, is an error of `open` and left as it is.
class SqliteStore final : public Store {
 public:
  struct Options {
    std::string file;
    Duration keep = hours{24 * 400};  ///< older history is removed, at most once an hour, by `save`
    /// Access::read: a file that is missing or still empty reads as an empty store; `save` fails.
    Database::Access access = Database::Access::write;
  };
  static Result<std::unique_ptr<SqliteStore>> open(const Options& options);

  Result<std::optional<State>> load() override;
  Result<void> save(const State& state, Time at, const std::vector<Event>& events) override;
  /// `since` <= at < `until`; rows are newest by the order in which they were saved.
  Result<std::vector<HistoryEntry>> history(const HistoryQuery& query) override;
  Result<void> keep(std::uint64_t decision, Time at, const std::string& explanation) override;
  Result<std::optional<std::string>> explanation(std::uint64_t decision) override;

 private:
  struct Statements {
    Statement load;
    Statement save;
    Statement insert;
    Statement prune;
    Statement history;
    Statement prune_explanations;
    Statement keep;
    Statement explanation;
  };
  explicit SqliteStore(const Options& options) : options_{options} {}
  Result<void> writable() const;
  Result<void> migrate();
  Result<void> prepare();
  Result<void> write(const State& state, Time at, const std::vector<Event>& events);

  Options options_;
  // The order matters: statements go before their connection.
  std::optional<Database> database_;      ///< none: nothing there to read
  std::optional<Statements> statements_;  ///< none: no tables yet
  std::optional<Time> pruned_at_;
};

}  // namespace anycast
