#include "adapters/system/user.hpp"

#include <grp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/system/clock.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;

TEST_CASE("a uid has a name, or stands for itself") {
  CHECK(user_name(0) == "root");
  CHECK(user_name(4'000'000'000U) == "uid 4000000000");
}

TEST_CASE("a group is found by its name") {
  CHECK(group_id("root").value() == 0);
  CHECK(group_id("nogroup-here").error().text ==
        "there is no group \"nogroup-here\" on this host, expected one of /etc/group");
}

TEST_CASE("the kernel says who is at the other end of a socket") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const auto peer = peer_of(ends[0]);
  ::close(ends[0]);
  ::close(ends[1]);
  REQUIRE(peer.has_value());
  CHECK(peer->uid == ::geteuid());
  CHECK(peer->is_in(::getegid()));
  CHECK_FALSE(peer->is_in(4'000'000'000U));
  CHECK_FALSE(peer_of(-1).has_value());
}

TEST_CASE("supplementary groups of the peer count, however many") {
  if (::geteuid() != 0) {
    WARN("SKIP: needs root to take other groups");
    return;
  }
  // In a child, because a process cannot take its groups back once it is another user.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::vector<gid_t> groups;
    for (gid_t gid = 5000; gid < 5200; ++gid) groups.push_back(gid);
    int ends[2];
    if (::setgroups(groups.size(), groups.data()) != 0 || ::setgid(65534) != 0 ||
        ::setuid(65534) != 0 || ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
      ::_exit(2);
    const auto peer = peer_of(ends[0]);
    const bool right = peer && peer->uid == 65534 && peer->is_in(65534) && peer->is_in(5000) &&
                       peer->is_in(5199) && !peer->is_in(5200) && !peer->is_in(0);
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("the clock of the system is this host's time, in whole microseconds") {
  const SystemClock clock;
  const auto before = std::chrono::system_clock::now();
  const auto now = clock.now();
  CHECK(now >= std::chrono::floor<Duration>(before));
  CHECK(now <= std::chrono::system_clock::now());
}
