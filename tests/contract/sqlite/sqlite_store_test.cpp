#include "adapters/sqlite/sqlite_store.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>
#include <thread>

#include "tests/contract/sqlite/noon.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folder.hpp"

using namespace anycast;
using anycast::test::kNoon;

namespace {

using Access = Database::Access;

std::unique_ptr<SqliteStore> open_store(const std::string& file, Access access = Access::write,
                                        Duration keep = hours{24 * 400}) {
  auto store = SqliteStore::open({.file = file, .keep = keep, .access = access});
  if (!store) FAIL(store.error().text);
  return std::move(*store);
}

std::string open_error(const std::string& file, Access access = Access::write) {
  const auto store = SqliteStore::open({.file = file, .access = access});
  REQUIRE_FALSE(store.has_value());
  return store.error().text;
}

State numbered(std::uint64_t decision) {
  State state;
  state.next_decision = decision;
  return state;
}

Event step(std::uint64_t decision) {
  return {.kind = "step", .priority = 5, .text = "step", .decision = decision};
}

std::string content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Saves decision after decision until it is killed; reports each one that was committed.
[[noreturn]] void write_for_ever(const std::string& file, int report) {
  auto store = SqliteStore::open({.file = file});
  if (!store) ::_exit(3);
  const auto state = (*store)->load();
  if (!state) ::_exit(4);
  for (auto n = state->has_value() ? (*state)->next_decision : 1;; ++n) {
    if (!(*store)->save(numbered(n + 1), kNoon, {step(n), step(n)})) ::_exit(5);
    if (::write(report, &n, sizeof n) != sizeof n) ::_exit(6);
  }
}

std::uint64_t last_of(int pipe) {
  std::uint64_t last = 0;
  for (std::uint64_t n = 0; ::read(pipe, &n, sizeof n) == sizeof n;) last = n;
  return last;
}

}  // namespace

TEST_CASE("state and history survive a restart") {
  const Folder folder;
  REQUIRE(open_store(folder.path("h.db"))->save(numbered(8), kNoon, {step(7)}));
  const auto again = open_store(folder.path("h.db"));
  CHECK(again->load().value() == numbered(8));
  CHECK(again->history({}).value().size() == 1);
}

TEST_CASE("a killed writer leaves whole transactions only, and none of the reported is lost") {
  const Folder folder;
  const auto file = folder.path("h.db");
  std::mt19937 random{1};
  for (int round = 0; round < 200; ++round) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t writer = ::fork();
    REQUIRE(writer >= 0);
    if (writer == 0) {
      ::close(ends[0]);
      write_for_ever(file, ends[1]);
    }
    ::close(ends[1]);
    // Every other one dies while it writes, however slow the machine is; the rest wherever it has
    // come to.
    std::uint64_t first = 0;
    if (round % 2 == 0) REQUIRE(::read(ends[0], &first, sizeof first) == sizeof first);
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 20'000});
    ::kill(writer, SIGKILL);
    const auto reported = std::max(first, last_of(ends[0]));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(writer, &status, 0) == writer);
    REQUIRE(WIFSIGNALED(status));

    const auto store = open_store(file);
    const auto state = store->load().value();
    const auto newest = store->history({.limit = 2}).value();
    INFO("round " << round);
    if (!state) {
      REQUIRE(newest.empty());
      REQUIRE(reported == 0);
      continue;
    }
    REQUIRE(newest.size() == 2);
    REQUIRE(newest[0].event.decision + 1 == state->next_decision);
    REQUIRE(newest[1].event.decision + 1 == state->next_decision);
    REQUIRE(state->next_decision > reported);
  }
  CHECK(open_store(file)->load().value().value().next_decision > 100);
}

TEST_CASE("a reader sees what the writer has committed, while it writes and after it has left") {
  const Folder folder;
  auto writer = open_store(folder.path("h.db"));
  REQUIRE(writer->save(numbered(2), kNoon, {step(1)}));
  const auto reader = open_store(folder.path("h.db"), Access::read);
  CHECK(reader->load().value() == numbered(2));
  REQUIRE(writer->save(numbered(3), kNoon, {step(2)}));
  CHECK(reader->load().value() == numbered(3));
  CHECK(reader->history({}).value().size() == 2);
  writer.reset();
  CHECK(open_store(folder.path("h.db"), Access::read)->load().value() == numbered(3));
}

TEST_CASE("a user who may only read can look into a stopped daemon's file") {
  if (::geteuid() != 0) {
    WARN("SKIP: needs root to become another user");
    return;
  }
  const Folder folder;
  std::filesystem::permissions(folder.name(), std::filesystem::perms{0755});
  const auto file = folder.path("h.db");
  REQUIRE(open_store(file)->save(numbered(5), kNoon, {step(4)}));
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    const auto store = SqliteStore::open({.file = file, .access = Access::read});
    if (!store) ::_exit(3);
    const auto state = (*store)->load();
    ::_exit(state && *state == numbered(5) ? 0 : 4);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a reader takes a missing file and an empty one for an empty store, and makes none") {
  const Folder folder;
  const auto missing = open_store(folder.path("none.db"), Access::read);
  CHECK(missing->load().value() == std::nullopt);
  CHECK(missing->history({}).value().empty());
  CHECK_FALSE(std::filesystem::exists(folder.path("none.db")));
  CHECK_FALSE(missing->save({}, kNoon, {}).has_value());
  std::ofstream{folder.path("empty.db")};
  CHECK(open_store(folder.path("empty.db"), Access::read)->load().value() == std::nullopt);
}

TEST_CASE("a reader cannot save") {
  const Folder folder;
  REQUIRE(open_store(folder.path("h.db"))->save(numbered(2), kNoon, {}));
  const auto saved = open_store(folder.path("h.db"), Access::read)->save(numbered(3), kNoon, {});
  REQUIRE_FALSE(saved.has_value());
  CHECK(saved.error().text ==
        "history \"" + folder.path("h.db") + "\" was opened for reading only");
}

TEST_CASE("a file that is no database is an error and stays as it is") {
  const Folder folder;
  const std::string garbage(8192, 'x');
  std::ofstream{folder.path("h.db")} << garbage;
  for (const auto access : {Access::write, Access::read}) {
    CHECK(
        open_error(folder.path("h.db"), access) ==
        "history \"" + folder.path("h.db") +
            "\" is damaged (file is not a database), expected an SQLite database; move it away to "
            "start with an empty one");
  }
  CHECK(content(folder.path("h.db")) == garbage);
}

TEST_CASE("a database with overwritten pages is an error and stays as it is") {
  const Folder folder;
  const auto file = folder.path("h.db");
  {
    auto store = open_store(file);
    for (std::uint64_t n = 1; n < 400; ++n) REQUIRE(store->save(numbered(n), kNoon, {step(n)}));
  }
  REQUIRE(Database::open(file, Access::write)
              .value()
              .execute("PRAGMA wal_checkpoint(TRUNCATE)")
              .has_value());
  {
    std::fstream pages(file, std::ios::in | std::ios::out | std::ios::binary);
    pages.seekp(4096);
    pages << std::string(16384, '\xFF');
  }
  const auto before = content(file);
  CHECK(open_error(file).find("is damaged") != std::string::npos);
  CHECK(content(file) == before);
}

TEST_CASE("a schema from the future is an error and stays as it is") {
  const Folder folder;
  const auto file = folder.path("h.db");
  REQUIRE(open_store(file)->save(numbered(5), kNoon, {}));
  REQUIRE(Database::open(file, Access::write).value().execute("PRAGMA user_version = 99"));
  const auto expected = "history \"" + file +
                        "\" has schema 99, this anycastd knows up to 2; a newer anycastd wrote it";
  CHECK(open_error(file) == expected);
  CHECK(open_error(file, Access::read) == expected);
}

TEST_CASE("a state from the future stops the daemon before it is overwritten") {
  const Folder folder;
  const auto file = folder.path("h.db");
  REQUIRE(open_store(file)->save(numbered(5), kNoon, {}));
  REQUIRE(Database::open(file, Access::write)
              .value()
              .execute("UPDATE state SET body = '{\"format\": 9}'"));
  CHECK(open_error(file) ==
        "history \"" + file +
            "\": state has format 9, this anycastd reads 1 to 1; a newer anycastd wrote it");
}

TEST_CASE("a folder that is not there is an error") {
  const Folder folder;
  CHECK(open_error(folder.path("no/h.db")) ==
        "cannot open history \"" + folder.path("no/h.db") + "\": unable to open database file");
}

TEST_CASE("another process that holds the lock is an error to wait for, and nothing is half done") {
  const Folder folder;
  auto store = open_store(folder.path("h.db"));
  REQUIRE(store->save(numbered(2), kNoon, {step(1)}));
  auto other = Database::open(folder.path("h.db"), Access::write).value();
  REQUIRE(other.execute("BEGIN IMMEDIATE"));
  const auto saved = store->save(numbered(3), kNoon, {step(2)});
  REQUIRE_FALSE(saved.has_value());
  CHECK(saved.error().remedy == Remedy::wait);
  REQUIRE(other.execute("ROLLBACK"));
  CHECK(store->load().value() == numbered(2));
  REQUIRE(store->save(numbered(3), kNoon, {step(2)}));
  CHECK(store->history({}).value().size() == 2);
}

TEST_CASE("old history is looked for once an hour, and also after the clock was set back") {
  const Folder folder;
  auto store = open_store(folder.path("h.db"), Access::write, minutes{10});
  const auto left = [&] { return store->history({}).value().size(); };
  REQUIRE(store->save({}, kNoon, {step(1)}));
  REQUIRE(store->save({}, kNoon + minutes{59}, {}));
  CHECK(left() == 1);
  REQUIRE(store->save({}, kNoon + minutes{60}, {}));
  CHECK(left() == 0);
  REQUIRE(store->save({}, kNoon - hours{24}, {step(2)}));
  REQUIRE(store->save({}, kNoon - hours{23}, {}));
  CHECK(left() == 0);
}

TEST_CASE("a history that an older anycastd wrote is taken along") {
  const Folder folder;
  const auto file = folder.path("h.db");
  {
    auto old = Database::open(file, Access::write);
    REQUIRE(old.has_value());
    REQUIRE(
        old->execute("CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), at_us INTEGER "
                     "NOT NULL, body TEXT NOT NULL);"
                     "CREATE TABLE events (row INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER "
                     "NOT NULL, kind TEXT NOT NULL, priority INTEGER NOT NULL, text TEXT NOT "
                     "NULL, upstream TEXT NOT NULL, carrier TEXT NOT NULL, node TEXT NOT NULL, "
                     "\"from\" TEXT NOT NULL, \"to\" TEXT NOT NULL, cause TEXT NOT NULL, actor "
                     "TEXT NOT NULL, decision INTEGER NOT NULL);"
                     "INSERT INTO events VALUES (41, 1780000000000000, 'step-prepend', 5, "
                     "'prepended 2', 'cmi', 'mobile', 'hk-1', 'announce', 'prepend 2', "
                     "'carrier', '', 7);"
                     "PRAGMA user_version = 1")
            .has_value());
  }
  auto store = SqliteStore::open({.file = file});
  REQUIRE(store.has_value());
  const auto entries = (*store)->history({.decision = 7});
  REQUIRE(entries.has_value());
  REQUIRE(entries->size() == 1);
  CHECK(entries->front().row == 41);
  CHECK((*store)->keep(7, Time{seconds{1'780'000'000}}, "{}").has_value());
  CHECK((*store)->explanation(7).value() == "{}");
}
