#include "adapters/system/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

const Event kStep = {.kind = "step",
                     .priority = 4,
                     .text = "withdrew cmi: mobile bad",
                     .upstream = "cmi",
                     .carrier = "mobile",
                     .node = "hk-1",
                     .from = "prepend 2",
                     .to = "withdraw",
                     .cause = "carrier",
                     .actor = "lin (uid 1004)",
                     .decision = 1842};

std::string written(const Event& event) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  SystemJournal{SystemJournal::Sink::lines, ends[1]}.write(event);
  ::close(ends[1]);
  char buffer[4096];
  const auto got = ::read(ends[0], buffer, sizeof buffer);
  ::close(ends[0]);
  return {buffer, static_cast<std::size_t>(got)};
}

std::string_view id_of(std::string kind, std::string to = {}) {
  return message_id({.kind = std::move(kind), .priority = 5, .text = "", .to = std::move(to)});
}

/// In a mount namespace of its own: the journal's socket is ours, one event is written, and what
/// came is printed to `report`. Exit 77: this machine does not let us.
int play_journald(int report) {
  constexpr auto kFolder = "/run/systemd/journal";
  if (::unshare(CLONE_NEWNS) != 0) return 77;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
  if (::mount("none", "/run", "tmpfs", 0, "size=64k") != 0) return 77;
  std::filesystem::create_directories(kFolder);
  const int server = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/run/systemd/journal/socket");
  if (::bind(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 1;
  SystemJournal{SystemJournal::Sink::journal, STDERR_FILENO}.write(kStep);
  char buffer[8192];
  const auto got = ::recv(server, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got < 0) return 2;
  return ::write(report, buffer, static_cast<std::size_t>(got)) == got ? 0 : 3;
}

}  // namespace

TEST_CASE("an event has a journal field for each thing that it knows") {
  CHECK(journal_fields(kStep) ==
        std::vector<std::string>{
            "MESSAGE=withdrew cmi: mobile bad", "PRIORITY=4",
            "MESSAGE_ID=02605c60323a48579147c14348dadabb", "ANYCASTD_EVENT=step",
            "ANYCASTD_DECISION=1842", "ANYCASTD_NODE=hk-1", "ANYCASTD_UPSTREAM=cmi",
            "ANYCASTD_CARRIER=mobile", "ANYCASTD_FROM=prepend 2", "ANYCASTD_TO=withdraw",
            "ANYCASTD_CAUSE=carrier", "ANYCASTD_ACTOR=lin (uid 1004)"});
  CHECK(journal_fields({.kind = "odd", .priority = 6, .text = "a\nPRIORITY=0"}) ==
        std::vector<std::string>{"MESSAGE=a?PRIORITY=0", "PRIORITY=6", "ANYCASTD_EVENT=odd"});
}

TEST_CASE("a step is catalogued by the stance that it leads to") {
  CHECK(id_of("step", "withdraw") == "02605c60323a48579147c14348dadabb");
  CHECK(id_of("step", "withdrawn") == "02605c60323a48579147c14348dadabb");
  CHECK(id_of("step", "prepend 2") == "08f73c40b050455bac69d6be9cfac120");
  CHECK(id_of("step", "announce") == "0206765a121d4cc09bb1792f03472038");
  CHECK(id_of("step", "drain") == "0fe078a8ea9b4f09a8ffaf3f186d0317");
  CHECK(id_of("step", "?").empty());
  CHECK(id_of("blind") == "714fd6eb612145418f398138d746e34d");
  CHECK(id_of("").empty());
}

TEST_CASE("without a journal an event is one line with its priority in front") {
  CHECK(written(kStep) == "<4>withdrew cmi: mobile bad\n");
  CHECK(written({.kind = "x", .priority = 6, .text = "two\nlines \x1B[31m"}) ==
        "<6>two?lines ?[31m\n");
}

TEST_CASE("the journal is taken only where the descriptor leads to it and its socket is there") {
  const std::string folder =
      std::filesystem::temp_directory_path() / fmt::format("anycastd-journal-{}", ::getpid());
  std::filesystem::create_directory(folder);
  const auto path = folder + "/socket";
  const int file = ::open((folder + "/err").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const int server = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  struct stat info = {};
  ::fstat(file, &info);
  const auto stream = fmt::format("{}:{}", info.st_dev, info.st_ino);
  CHECK(journal_sink(stream, file, path) == SystemJournal::Sink::lines);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  CHECK(::bind(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK(journal_sink(stream, file, path) == SystemJournal::Sink::journal);
  CHECK(journal_sink("", file, path) == SystemJournal::Sink::lines);
  CHECK(journal_sink("1:2", file, path) == SystemJournal::Sink::lines);
  CHECK(journal_sink(stream, -1, path) == SystemJournal::Sink::lines);
  ::close(server);
  ::close(file);
  std::filesystem::remove_all(folder);
}

TEST_CASE("journald gets the fields of an event in one datagram") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(play_journald(ends[1]));
  ::close(ends[1]);
  std::string got(8192, '\0');
  got.resize(
      static_cast<std::size_t>(std::max<ssize_t>(0, ::read(ends[0], got.data(), got.size()))));
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WEXITSTATUS(status) == 77) {
    if (std::getenv("CI") != nullptr) FAIL("needs a mount namespace");
    WARN("SKIP: needs a mount namespace");
    return;
  }
  REQUIRE(WEXITSTATUS(status) == 0);
  for (const auto& field : journal_fields(kStep)) {
    INFO(field);
    CHECK(got.find(field + "\n") != std::string::npos);
  }
}
