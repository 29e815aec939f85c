#include <functional>

#include "adapters/sqlite/sqlite_store.hpp"
#include "tests/contract/sqlite/noon.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/memory_store.hpp"

using namespace anycast;
using anycast::test::kNoon;

namespace {

struct Case {
  const char* name;
  std::unique_ptr<Store> store;
};

std::vector<Case> stores(const Folder& folder) {
  std::vector<Case> all;
  auto sqlite = SqliteStore::open({.file = folder.path("history.db")});
  REQUIRE(sqlite.has_value());
  all.push_back({"sqlite", std::move(*sqlite)});
  all.push_back({"memory", std::make_unique<MemoryStore>()});
  return all;
}

Event event(std::string kind, std::string upstream = {}, std::string carrier = {}) {
  return {.kind = std::move(kind),
          .priority = 5,
          .text = "text",
          .upstream = std::move(upstream),
          .carrier = std::move(carrier)};
}

std::vector<std::int64_t> rows(Store& store, const HistoryQuery& query) {
  const auto entries = store.history(query);
  REQUIRE(entries.has_value());
  std::vector<std::int64_t> numbers;
  for (const auto& entry : *entries) numbers.push_back(entry.row);
  return numbers;
}

using Rows = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("a store is empty before the first save") {
  const Folder folder;
  for (const auto& [name, store] : stores(folder)) {
    INFO(name);
    CHECK(store->load().value() == std::nullopt);
    CHECK(rows(*store, {}).empty());
  }
}

TEST_CASE("a store gives the last saved state") {
  const Folder folder;
  for (const auto& [name, store] : stores(folder)) {
    INFO(name);
    State state;
    state.condition_why = "first";
    REQUIRE(store->save(state, kNoon, {}).has_value());
    state.condition_why = "second";
    state.paths[{"a", "b", "c"}].bad_since = kNoon;
    REQUIRE(store->save(state, kNoon, {}).has_value());
    CHECK(store->load().value() == state);
  }
}

TEST_CASE("an event comes back with every field, its time and a row") {
  const Folder folder;
  for (const auto& [name, store] : stores(folder)) {
    INFO(name);
    const Event whole = {.kind = "step",
                         .priority = 4,
                         .text = std::string("withdrew cmi\0 'x'; -- \n区域", 29),
                         .upstream = "cmi",
                         .carrier = "mobile",
                         .node = "hk-1",
                         .from = "announce",
                         .to = "withdraw",
                         .cause = "carrier",
                         .actor = "lin (uid 1004)",
                         .decision = 18'446'744'073'709'551'615U};
    REQUIRE(store->save({}, kNoon, {whole}).has_value());
    const auto found = store->history({});
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 1);
    const auto& entry = found->front();
    CHECK(entry.row == 1);
    CHECK(entry.at == kNoon);
    CHECK(entry.event.kind == whole.kind);
    CHECK(entry.event.priority == whole.priority);
    CHECK(entry.event.text == whole.text);
    CHECK(entry.event.upstream == whole.upstream);
    CHECK(entry.event.carrier == whole.carrier);
    CHECK(entry.event.node == whole.node);
    CHECK(entry.event.from == whole.from);
    CHECK(entry.event.to == whole.to);
    CHECK(entry.event.cause == whole.cause);
    CHECK(entry.event.actor == whole.actor);
    CHECK(entry.event.decision == whole.decision);
  }
}

TEST_CASE("history is newest first, limited, and filtered by every part of the query") {
  const Folder folder;
  for (const auto& [name, store] : stores(folder)) {
    INFO(name);
    REQUIRE(store->save({}, kNoon, {event("step", "cmi", "mobile"), event("session", "ntt")}));
    REQUIRE(store->save({}, kNoon + minutes{1}, {event("step", "ntt", "mobile")}));
    REQUIRE(store->save({}, kNoon + minutes{2}, {event("blind")}));
    CHECK(rows(*store, {}) == Rows{4, 3, 2, 1});
    CHECK(rows(*store, {.limit = 2}) == Rows{4, 3});
    CHECK(rows(*store, {.limit = 0}) == Rows{});
    CHECK(rows(*store, {.limit = -1}) == Rows{});
    CHECK(rows(*store, {.upstream = "ntt"}) == Rows{3, 2});
    CHECK(rows(*store, {.carrier = "mobile"}) == Rows{3, 1});
    CHECK(rows(*store, {.kind = "step"}) == Rows{3, 1});
    CHECK(rows(*store, {.upstream = "ntt", .kind = "step"}) == Rows{3});
    CHECK(rows(*store, {.after_row = 2}) == Rows{4, 3});
    CHECK(rows(*store, {.since = kNoon + minutes{1}}) == Rows{4, 3});
    CHECK(rows(*store, {.until = kNoon + minutes{1}}) == Rows{2, 1});
    CHECK(rows(*store, {.since = kNoon, .until = kNoon + minutes{2}, .upstream = "cmi"}) ==
          Rows{1});
  }
}

TEST_CASE("history older than 400 days goes, and its row numbers are not given out again") {
  const Folder folder;
  for (const auto& [name, store] : stores(folder)) {
    INFO(name);
    REQUIRE(store->save({}, kNoon, {event("step"), event("step")}));
    REQUIRE(store->save({}, kNoon + hours{24 * 400}, {}));
    CHECK(rows(*store, {}) == Rows{2, 1});
    REQUIRE(store->save({}, kNoon + hours{24 * 400 + 2}, {}));
    CHECK(rows(*store, {}) == Rows{});
    REQUIRE(store->save({}, kNoon + hours{24 * 400 + 3}, {event("step")}));
    CHECK(rows(*store, {}) == Rows{3});
  }
}

TEST_CASE("the explanation of a decision is kept, replaced, and goes with the history") {
  const Folder folder;
  for (const auto& [name, store] : stores(folder)) {
    INFO(name);
    CHECK(store->explanation(7).value() == std::nullopt);
    REQUIRE(store->keep(7, kNoon, "first").has_value());
    REQUIRE(store->keep(7, kNoon, "second").has_value());
    REQUIRE(store->keep(8, kNoon + hours{1}, "other").has_value());
    CHECK(store->explanation(7).value() == "second");
    REQUIRE(store->save(State{}, kNoon + hours{24 * 400} + minutes{1}, {}).has_value());
    CHECK(store->explanation(7).value() == std::nullopt);
    CHECK(store->explanation(8).value() == "other");
  }
}

TEST_CASE("the history of one decision is what names it") {
  const Folder folder;
  for (const auto& [name, store] : stores(folder)) {
    INFO(name);
    auto taken = event("step-prepend");
    taken.decision = 7;
    REQUIRE(store->save(State{}, kNoon, {event("cell-state"), taken}).has_value());
    CHECK(rows(*store, {.decision = 7}) == Rows{2});
    CHECK(rows(*store, {}) == Rows{2, 1});
  }
}
