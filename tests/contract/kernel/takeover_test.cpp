// Two hosts whose real Keepalived settles which of them serves, with real BGP and real servers
// behind IPVS: only on a kernel that has it (tests/vm).

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <thread>

#include "controller/base/net.hpp"
#include "controller/base/time.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/director_pair.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/net_space.hpp"
#include "tests/support/traffic.hpp"

using namespace anycast;
using anycast::test::Director;
using anycast::test::DirectorPair;
using anycast::test::printed_in;
using anycast::test::Way;
using std::chrono::steady_clock;

namespace {

constexpr auto* kForeign = "-A -t 198.51.100.77:81 -s rr";

/// The guest is an emulated machine, and its host may be busy. Each look runs programs, which takes
/// time from those that are looked at.
bool settles(const std::function<bool()>& true_now) {
  return test::eventually(true_now, minutes{2}, milliseconds{200});
}

/// What users lose while `to` becomes the one that serves, as text.
std::string moved(DirectorPair& pair, const test::Crowd& crowd, Director& to,
                  const std::function<void()>& cause) {
  const int before = std::max(0, to.taken());
  const auto began = steady_clock::now();
  cause();
  const bool serves = settles([&] { return pair.serves(to); });
  INFO(pair.logs());
  REQUIRE(serves);
  REQUIRE(settles([&] { return to.taken() > before; }));
  const auto now = steady_clock::now();
  REQUIRE(settles([&] { return crowd.answered(now); }));
  const auto loss = crowd.lost(began, steady_clock::now());
  return fmt::format("{} requests lost in {} ms", loss.requests, loss.ms);
}

/// The moves of a pair, one after the other; the second serves in the end.
std::string moves(DirectorPair& pair, Way way) {
  auto& first = pair.first();
  auto& second = pair.second();
  first.start(way);
  second.start(way);
  const bool serves = settles([&] { return pair.serves(first); });
  INFO(pair.logs());
  REQUIRE(serves);
  printed_in("d2", std::string{"ipvsadm "} + kForeign);
  const test::Crowd crowd{*Address::parse("198.51.100.1")};
  REQUIRE(settles([&] { return first.taken() > 5; }));
  auto out = "MASTER's Keepalived is stopped: " +
             moved(pair, crowd, second, [&] { first.stop_keepalived(); });
  out += ", is back: " + moved(pair, crowd, first, [&] { first.start_keepalived(); });
  out += ", its host dies: " + moved(pair, crowd, second, [&] { first.power_off(); });
  CHECK(printed_in("d2", "ipvsadm -Sn").find(kForeign) != std::string::npos);
  return out;
}

}  // namespace

TEST_CASE("two hosts with Keepalived: address, virtual service and announcement move together") {
  if (!test::has_ipvs()) {
    WARN("only on a kernel with IPVS: \"tests/run vm\"");
    return;
  }
  const auto began = steady_clock::now();
  DirectorPair pair;
  const test::Responder one{"r1"};
  const test::Responder two{"r2"};
  const auto alone = moves(pair, Way::alone);
  pair.second().power_off();
  const auto ours = moves(pair, Way::with_us);
  // Its addresses stay, as nobody takes them away.
  pair.second().kill_keepalived();
  CHECK(settles([&] {
    return pair.second().status().find("another host may have the address too") !=
           std::string::npos;
  }));
  CHECK(pair.second().attracts());
  std::cout << "of 20 requests a second, Keepalived alone: " << alone
            << "\nof 20 requests a second, with anycastd: " << ours << "; "
            << std::chrono::duration_cast<seconds>(steady_clock::now() - began).count() << " s\n";
}
