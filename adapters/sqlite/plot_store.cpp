#include "adapters/sqlite/plot_store.hpp"

#include <algorithm>

namespace anycast {
namespace {

constexpr auto kTables = R"(
CREATE TABLE IF NOT EXISTS plots (
  span_s INTEGER NOT NULL,
  at_s INTEGER NOT NULL,
  node TEXT NOT NULL,
  carrier TEXT NOT NULL,
  upstream TEXT NOT NULL,
  sent INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  p10_us INTEGER NOT NULL,
  median_us INTEGER NOT NULL,
  p90_us INTEGER NOT NULL,
  jitter_us INTEGER NOT NULL,
  PRIMARY KEY (span_s, at_s, node, carrier, upstream)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS plot_limits (
  carrier TEXT NOT NULL,
  at_s INTEGER NOT NULL,
  rtt_warn_us INTEGER NOT NULL,
  rtt_bad_us INTEGER NOT NULL,
  rtt_clear_us INTEGER NOT NULL,
  loss_warn_ppm INTEGER NOT NULL,
  loss_bad_ppm INTEGER NOT NULL,
  loss_clear_ppm INTEGER NOT NULL,
  jitter_warn_us INTEGER NOT NULL,
  jitter_bad_us INTEGER NOT NULL,
  jitter_clear_us INTEGER NOT NULL,
  PRIMARY KEY (carrier, at_s)
) WITHOUT ROWID;
)";

constexpr auto kAdd =
    "INSERT OR IGNORE INTO plots (span_s, at_s, node, carrier, upstream, sent, lost, p10_us, "
    "median_us, p90_us, jitter_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
// An hour's band goes from the lowest to the highest of its spans, its middle is their mean by
// replies.
constexpr auto kRoll =
    "INSERT OR REPLACE INTO plots SELECT ?1, at_s / ?1 * ?1, node, carrier, upstream, sum(sent), "
    "sum(lost), coalesce(min(p10_us) FILTER (WHERE sent > lost), 0), "
    "sum(median_us * (sent - lost)) / max(1, sum(sent - lost)), max(p90_us), "
    "sum(jitter_us * (sent - lost)) / max(1, sum(sent - lost)) "
    "FROM plots WHERE span_s = ?2 AND at_s >= ?3 AND at_s < ?4 GROUP BY 2, 3, 4, 5";
constexpr auto kForget = "DELETE FROM plots WHERE span_s = ?1 AND at_s < ?2";
// The thresholds that were in force when the oldest point was taken stay.
constexpr auto kForgetLimits =
    "DELETE FROM plot_limits WHERE at_s < (SELECT max(at_s) FROM plot_limits AS l WHERE l.carrier "
    "= plot_limits.carrier AND l.at_s <= ?1)";
constexpr auto kRead =
    "SELECT node, carrier, upstream, at_s, sent, lost, p10_us, median_us, p90_us, jitter_us FROM "
    "plots WHERE span_s = ?1 AND at_s >= ?2 AND at_s < ?3 ORDER BY node, carrier, upstream, at_s";
constexpr auto kLimits =
    "INSERT OR REPLACE INTO plot_limits VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
    "?8, ?9, ?10, ?11)";
constexpr auto kReadLimits =
    "SELECT carrier, at_s, rtt_warn_us, rtt_bad_us, rtt_clear_us, loss_warn_ppm, loss_bad_ppm, "
    "loss_clear_ppm, jitter_warn_us, jitter_bad_us, jitter_clear_us FROM plot_limits WHERE at_s < "
    "?2 AND at_s >= coalesce((SELECT max(at_s) FROM plot_limits AS l WHERE l.carrier = "
    "plot_limits.carrier AND l.at_s <= ?1), 0) ORDER BY carrier, at_s";

std::int64_t unix_s(Time t) { return std::chrono::floor<seconds>(t.time_since_epoch()).count(); }
std::int64_t whole_s(Duration d) { return std::chrono::duration_cast<seconds>(d).count(); }
Duration us(const Statement& row, int column) { return Duration{row.integer(column)}; }
int number(const Statement& row, int column) { return static_cast<int>(row.integer(column)); }

PlotRecord record_of(const Statement& row) {
  return {{.node = row.text(0), .carrier = row.text(1), .upstream = row.text(2)},
          {.at = Time{seconds{row.integer(3)}},
           .sent = number(row, 4),
           .lost = number(row, 5),
           .p10 = us(row, 6),
           .median = us(row, 7),
           .p90 = us(row, 8),
           .jitter = us(row, 9)}};
}

PlotLimits limits_of_row(const Statement& row) {
  return {.at = Time{seconds{row.integer(1)}},
          .carrier = row.text(0),
          .rtt = {us(row, 2), us(row, 3), us(row, 4)},
          .loss = {row.integer(5), row.integer(6), row.integer(7)},
          .jitter = {us(row, 8), us(row, 9), us(row, 10)}};
}

}  // namespace

Result<std::unique_ptr<SqlitePlotStore>> SqlitePlotStore::open(const Options& options) {
  auto database = Database::open(options.file, options.access);
  if (!database) return tl::unexpected(database.error());
  if (options.access == Database::Access::write) {
    if (auto made = database->execute(kTables); !made) return tl::unexpected(made.error());
  }
  return std::unique_ptr<SqlitePlotStore>{new SqlitePlotStore(*std::move(database), options)};
}

Result<void> SqlitePlotStore::add(const std::vector<PlotRecord>& points, Time now) {
  if (points.empty()) return {};
  Database::Transaction transaction{database_};
  if (auto begun = transaction.begin(); !begun) return begun;
  auto insert = database_.prepare(kAdd);
  if (!insert) return tl::unexpected(insert.error());
  for (const auto& [key, point] : points) {
    insert->bind(1, whole_s(kPlotSpan)).bind(2, unix_s(point.at));
    insert->bind(3, key.node).bind(4, key.carrier).bind(5, key.upstream);
    insert->bind(6, point.sent).bind(7, point.lost);
    insert->bind(8, point.p10.count()).bind(9, point.median.count()).bind(10, point.p90.count());
    insert->bind(11, point.jitter.count());
    if (auto done = insert->run(); !done) return done;
  }
  if (now - rolled_ >= kPlotSpanRolled) {
    if (auto rolled = roll(now); !rolled) return rolled;
  }
  return transaction.commit();
}

Result<void> SqlitePlotStore::roll(Time now) {
  const auto hour = whole_s(kPlotSpanRolled);
  const auto span = whole_s(kPlotSpan);
  const auto fine = unix_s(now - fine_) / hour * hour;
  auto sum = database_.prepare(kRoll);
  if (!sum) return tl::unexpected(sum.error());
  // Every whole hour of the fine spans, again and again: late points are in the next sum.
  sum->bind(1, hour).bind(2, span).bind(3, fine).bind(4, unix_s(now) / hour * hour);
  if (auto done = sum->run(); !done) return done;
  auto prune = database_.prepare(kForget);
  if (!prune) return tl::unexpected(prune.error());
  prune->bind(1, span).bind(2, fine);
  if (auto done = prune->run(); !done) return done;
  prune->bind(1, hour).bind(2, unix_s(now - keep_));
  if (auto done = prune->run(); !done) return done;
  auto limits = database_.prepare(kForgetLimits);
  if (!limits) return tl::unexpected(limits.error());
  limits->bind(1, unix_s(now - keep_));
  auto done = limits->run();
  if (done) rolled_ = now;
  return done;
}

Result<void> SqlitePlotStore::limits(const std::vector<PlotLimits>& limits) {
  for (const auto& one : limits) {
    PlotHistory known{.from = one.at, .until = one.at + seconds{1}};
    if (auto read = read_limits(known); !read) return read;
    const bool same = std::ranges::any_of(known.limits, [&](const PlotLimits& k) {
      return k.carrier == one.carrier && k.rtt == one.rtt && k.loss == one.loss &&
             k.jitter == one.jitter;
    });
    if (same) continue;
    auto insert = database_.prepare(kLimits);
    if (!insert) return tl::unexpected(insert.error());
    insert->bind(1, one.carrier).bind(2, unix_s(one.at));
    int column = 3;
    for (const auto& levels : {one.rtt, one.jitter}) {
      insert->bind(column, levels.warn.count());
      insert->bind(column + 1, levels.bad.count()).bind(column + 2, levels.clear.count());
      column += 6;
    }
    insert->bind(6, one.loss.warn).bind(7, one.loss.bad).bind(8, one.loss.clear);
    if (auto done = insert->run(); !done) return done;
  }
  return {};
}

Result<PlotHistory> SqlitePlotStore::read(Time from, Time until) {
  const auto span = until - from <= kPlotFineRead ? kPlotSpan : kPlotSpanRolled;
  PlotHistory out{.from = begin_of_span(from, span), .until = until, .span = span};
  const auto nothing = empty();
  if (!nothing) return tl::unexpected(nothing.error());
  if (*nothing) return out;
  if (auto read = read_points(out); !read) return tl::unexpected(read.error());
  if (auto read = read_limits(out); !read) return tl::unexpected(read.error());
  return out;
}

Result<bool> SqlitePlotStore::empty() {
  const auto tables = database_.value("SELECT count(*) FROM sqlite_master WHERE name = 'plots'");
  if (!tables) return tl::unexpected(tables.error());
  return *tables == "0";
}

Result<void> SqlitePlotStore::read_points(PlotHistory& out) {
  auto rows = database_.prepare(kRead);
  if (!rows) return tl::unexpected(rows.error());
  rows->bind(1, whole_s(out.span)).bind(2, unix_s(out.from)).bind(3, unix_s(out.until));
  for (;;) {
    const auto row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    out.points.push_back(record_of(*rows));
  }
}

Result<void> SqlitePlotStore::read_limits(PlotHistory& out) {
  auto rows = database_.prepare(kReadLimits);
  if (!rows) return tl::unexpected(rows.error());
  rows->bind(1, unix_s(out.from)).bind(2, unix_s(out.until));
  for (;;) {
    const auto row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    out.limits.push_back(limits_of_row(*rows));
  }
}

}  // namespace anycast
