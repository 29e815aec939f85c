#pragma once

#include <memory>
#include <string>

#include "adapters/sqlite/database.hpp"
#include "controller/ports/plots.hpp"

namespace anycast {

/// PlotStore in tables of its own in the file of the history.
class SqlitePlotStore final : public PlotStore {
 public:
  struct Options {
    std::string file;
    Duration keep = hours{24 * 400};
    Duration fine = kPlotFine;  ///< points that are younger keep their short span
    Database::Access access = Database::Access::write;
  };
  /// Makes the tables where they are missing; a reader finds nothing there.
  static Result<std::unique_ptr<SqlitePlotStore>> open(const Options& options);

  Result<void> add(const std::vector<PlotRecord>& points, Time now) override;
  Result<void> limits(const std::vector<PlotLimits>& limits) override;
  Result<PlotHistory> read(Time from, Time until) override;

 private:
  SqlitePlotStore(Database database, const Options& options)
      : database_{std::move(database)}, keep_{options.keep}, fine_{options.fine} {}
  Result<void> roll(Time now);
  Result<void> read_points(PlotHistory& out);
  Result<void> read_limits(PlotHistory& out);
  Result<bool> empty();

  Database database_;
  Duration keep_;
  Duration fine_;
  Time rolled_ = {};
};

}  // namespace anycast
