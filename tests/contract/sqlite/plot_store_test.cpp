#include "adapters/sqlite/plot_store.hpp"

#include "tests/contract/sqlite/noon.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folder.hpp"

using namespace anycast;
using anycast::test::kNoon;

namespace {

PlotRecord point(Time at, int median_ms, int lost = 0, const std::string& carrier = "mobile") {
  return {{.node = "a", .carrier = carrier},
          {.at = at,
           .sent = 10,
           .lost = lost,
           .p10 = milliseconds{median_ms - 10},
           .median = milliseconds{median_ms},
           .p90 = milliseconds{median_ms + 10},
           .jitter = milliseconds{2}}};
}

std::unique_ptr<SqlitePlotStore> opened(const Folder& folder,
                                        Database::Access access = Database::Access::write) {
  auto store = SqlitePlotStore::open({.file = folder.path("history.db"), .access = access});
  if (!store) FAIL(store.error().text);
  return std::move(*store);
}

PlotLimits limits(Time at, int bad_ms) {
  return {.at = at,
          .carrier = "mobile",
          .rtt = {milliseconds{120}, milliseconds{bad_ms}, milliseconds{140}},
          .loss = {1, 2, 3},
          .jitter = {milliseconds{4}, milliseconds{5}, milliseconds{6}}};
}

}  // namespace

TEST_CASE("points come back as they went, by line and time, and the first of a span stays") {
  const Folder folder;
  const auto store = opened(folder);
  const auto later = point(kNoon + kPlotSpan, 60);
  REQUIRE(store->add({later, point(kNoon, 50, 0, "telecom"), point(kNoon, 50)}, kNoon));
  REQUIRE(store->add({point(kNoon, 99)}, kNoon));
  REQUIRE(store->add({}, kNoon));
  const auto reader = opened(folder, Database::Access::read);
  const auto read = reader->read(kNoon - hours{24} + seconds{7}, kNoon + hours{1});
  REQUIRE(read);
  CHECK(read->from == kNoon - hours{24});
  CHECK(read->span == kPlotSpan);
  CHECK(read->points ==
        std::vector<PlotRecord>{point(kNoon, 50), later, point(kNoon, 50, 0, "telecom")});
  CHECK(reader->read(kNoon + hours{1}, kNoon + hours{2})->points.empty());
}

TEST_CASE("old points are kept by the hour, and the file does not grow with time") {
  const Folder folder;
  const auto store = opened(folder);
  for (int hour = 0; hour < 24 * 30; hour += 12) {
    const auto at = kNoon + hours{hour};
    std::vector<PlotRecord> all;
    for (int i = 0; i < 12; ++i) all.push_back(point(at + i * kPlotSpan, 50 + i, i == 0 ? 10 : 1));
    REQUIRE(store->add(all, at + hours{1}));
  }
  const auto end = kNoon + hours{24 * 30};
  const auto month = store->read(kNoon, end);
  REQUIRE(month);
  CHECK(month->span == kPlotSpanRolled);
  CHECK(month->points.size() == 60);
  const auto& hour = month->points.front();
  CHECK(hour.key == PlotKey{.node = "a", .carrier = "mobile"});
  CHECK(hour.point.at == kNoon);
  CHECK(hour.point.sent == 120);
  CHECK(hour.point.lost == 21);
  CHECK(hour.point.p10 == milliseconds{41});  // of the spans that had replies
  CHECK(hour.point.median == milliseconds{56});
  CHECK(hour.point.p90 == milliseconds{71});
  CHECK(hour.point.jitter == milliseconds{2});
  // Of the short spans those of three days are left.
  CHECK(store->read(kNoon, kNoon + hours{36})->points.empty());
  CHECK(store->read(end - hours{36}, end)->points.size() == 36);
}

TEST_CASE("a store in memory keeps the short spans as long as it is told to") {
  const auto store = SqlitePlotStore::open({.file = ":memory:", .fine = hours{24 * 8}});
  REQUIRE(store);
  REQUIRE((*store)->add({point(kNoon, 50), point(kNoon + kPlotSpan, 60)}, kNoon + hours{24 * 7}));
  CHECK((*store)->read(kNoon, kNoon + hours{1})->points.size() == 2);
  CHECK((*store)->read(kNoon, kNoon + hours{48})->points.size() == 1);
}

TEST_CASE("thresholds are kept when they change, and read as they were in force") {
  const Folder folder;
  const auto store = opened(folder);
  REQUIRE(store->limits({limits(kNoon, 180)}));
  REQUIRE(store->limits({limits(kNoon + hours{1}, 180)}));
  REQUIRE(store->limits({limits(kNoon + hours{2}, 200)}));
  const std::vector<PlotLimits> both = {limits(kNoon, 180), limits(kNoon + hours{2}, 200)};
  CHECK(store->read(kNoon - hours{1}, kNoon + hours{3})->limits == both);
  CHECK(store->read(kNoon + hours{1}, kNoon + hours{3})->limits == both);
  CHECK(store->read(kNoon + hours{2}, kNoon + hours{3})->limits == std::vector{both[1]});
  CHECK(store->read(kNoon, kNoon + hours{1})->limits == std::vector{both[0]});
}

TEST_CASE("a file without plots, which an older anycastd left, reads as no points") {
  const Folder folder;
  REQUIRE(Database::open(folder.path("history.db"), Database::Access::write)
              ->execute("CREATE TABLE events (row INTEGER)"));
  const auto reader = opened(folder, Database::Access::read);
  const auto read = reader->read(kNoon, kNoon + hours{1});
  REQUIRE(read);
  CHECK(read->points.empty());
  CHECK(read->limits.empty());
}
