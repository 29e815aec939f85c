#include "adapters/health/checker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "adapters/health/tcp.hpp"
#include "adapters/health/timers.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificate.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_http.hpp"
#include "tests/support/real_servers.hpp"

using namespace anycast;
using namespace anycast::test;
using health::Checker;

namespace {

const Check kQuick{.interval = milliseconds{100},
                   .fast_interval = milliseconds{20},
                   .timeout = seconds{2},
                   .rise = 1,
                   .fall = 1};

Check http(Check::Kind kind = Check::Kind::http) {
  auto out = kQuick;
  out.kind = kind;
  out.path = "/healthz";
  return out;
}

Check patient(Check check, Duration timeout) {
  check.timeout = timeout;
  return check;
}

/// The first verdict on one real server, with its reason.
RealState ask(const ServerKey& endpoint, const Check& check) {
  auto checker = Checker::start(
      {.services = {{"web", {.check = check, .servers = {{.endpoint = endpoint}}}}}});
  REQUIRE(checker);
  RealState out;
  const bool judged = eventually([&] {
    out = (*checker)->health()->at("web").at(endpoint);
    return out.alive != Alive::unknown || !out.why.empty();
  });
  CHECK(judged);
  return out;
}

std::string verdict(const RealState& state) {
  return state.why.empty() ? to_string(state.alive) : to_string(state.alive) + ": " + state.why;
}

std::string verdict(const FakeReply& reply, const Check& check) {
  const FakeHttp server{[&](const FakeRequest&) { return reply; }};
  return verdict(ask(loopback(server.port()), check));
}

int threads() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{"/proc/self/task"})
    ++count;
  return count;
}

}  // namespace

TEST_CASE("a TCP connection is all that a check of that kind wants") {
  const Port accepts{Port::Manner::accepts};
  const Port hangs{Port::Manner::hangs};
  CHECK(verdict(ask(accepts.endpoint(), kQuick)) == "up");
  CHECK(verdict(ask(hangs.endpoint(), patient(kQuick, milliseconds{300}))) ==
        "down: took no connection within 300ms");
  CHECK(verdict(ask(hangs.endpoint(), patient(http(), milliseconds{300}))) ==
        "down: took no connection within 300ms");
}

TEST_CASE("IPv6 is checked like IPv4") {
  if (!std::ifstream{"/proc/net/if_inet6"}.good()) {
    WARN("SKIP: this host has no IPv6");
    return;
  }
  const Port accepts{Port::Manner::accepts, "::1"};
  const Port refuses{Port::Manner::refuses, "::1"};
  CHECK(verdict(ask(accepts.endpoint(), kQuick)) == "up");
  CHECK(verdict(ask(refuses.endpoint(), kQuick)) == "down: refused the connection");
  CHECK(verdict(ask(refuses.endpoint(), http())) == "down: refused the connection");
}

TEST_CASE("a source address that is not ours says nothing of the real server") {
  const Port accepts{Port::Manner::accepts};
  const FakeHttp server{[](const FakeRequest&) { return FakeReply{}; }};
  for (auto check : {kQuick, http()}) {
    const auto endpoint =
        check.kind == Check::Kind::tcp ? accepts.endpoint() : loopback(server.port());
    check.source = Address::parse("127.0.0.9");
    CHECK(verdict(ask(endpoint, check)) == "up");
    check.source = Address::parse("192.0.2.99");
    const auto state = ask(endpoint, check);
    CHECK(state.alive == Alive::unknown);
    CHECK(state.why.starts_with("could not be tried: "));
    CHECK(state.tries == 0);
  }
}

TEST_CASE("an HTTP answer counts by its status and by what is in it") {
  CHECK(verdict({.body = "all fine"}, http()) == "up");
  CHECK(verdict({.status = 503}, http()) == "down: answered 503, wants 200");
  auto check = http();
  check.status = {200, 204};
  CHECK(verdict({.status = 204}, check) == "up");
  CHECK(verdict({.status = 404}, check) == "down: answered 404, wants 200 or 204");
  check.body = "fine";
  CHECK(verdict({.body = "all fine"}, check) == "up");
  CHECK(verdict({.body = "all bad"}, check) == "down: answered 200 without \"fine\"");
}

TEST_CASE("the request is for the path, with the host's name") {
  FakeHttp server{[](const FakeRequest&) { return FakeReply{}; }};
  auto check = http();
  CHECK(ask(loopback(server.port()), check).alive == Alive::up);
  check.host = "www.example.net";
  CHECK(ask(loopback(server.port()), check).alive == Alive::up);
  const auto requests = server.requests();
  CHECK(requests.front().method == "GET");
  CHECK(requests.front().path == "/healthz");
  CHECK(requests.front().headers.at("host") == fmt::format("127.0.0.1:{}", server.port()));
  CHECK(requests.front().headers.at("user-agent").starts_with("anycastd/"));
  CHECK(requests.back().headers.at("host") == "www.example.net");
}

TEST_CASE("what hangs, drips, breaks off or floods is judged in time") {
  const auto soon = milliseconds{400};
  CHECK(verdict({.manner = FakeReply::Manner::silent}, patient(http(), soon)) ==
        "down: did not answer within 400ms");
  CHECK(verdict({.body = std::string(5'000, 'x'), .manner = FakeReply::Manner::drip},
                patient(http(), soon)) == "down: did not answer within 400ms");
  CHECK(verdict({.body = "half of it", .manner = FakeReply::Manner::cut}, http()) ==
        "down: broke off: Transferred a partial file");
  auto check = http();
  check.body = "end";
  const auto flood = std::string(80U << 10U, 'x');
  CHECK(verdict({.body = flood}, http()) == "up");
  CHECK(verdict({.body = flood + "end"}, check) == "down: answered 200 without \"end\"");
  CHECK(verdict({.body = "end" + flood}, check) == "up");
}

TEST_CASE("a redirect is an answer, and is followed only where that is asked for") {
  const FakeHttp server{[](const FakeRequest& request) {
    if (request.path == "/good") return FakeReply{};
    const auto to = request.path == "/loop" ? "/loop" : "http://elsewhere.example/good";
    return FakeReply{.status = 302, .headers = {std::string{"Location: "} + to}};
  }};
  auto check = http();
  CHECK(verdict(ask(loopback(server.port()), check)) == "down: answered 302, wants 200");
  check.redirects = 2;
  CHECK(verdict(ask(loopback(server.port()), check)) == "up");
  check.path = "/loop";
  CHECK(verdict(ask(loopback(server.port()), check)) == "down: redirects more than 2 times");
}

TEST_CASE("a certificate is checked, with our CA and by the host's name, unless told otherwise") {
  if (!has_program("openssl") || !has_program("python3")) {
    if (std::getenv("CI") != nullptr) FAIL("openssl or python3 is not installed");
    WARN("SKIP: openssl or python3 is not installed, TLS was not tried");
    return;
  }
  const TempDir dir;
  certify(dir, "ca", "");
  certify(dir, "www.example.net", "ca");
  const FakeHttp plain{[](const FakeRequest&) { return FakeReply{.body = "fine"}; }};
  const auto port = free_port();
  const Child front{{"python3", std::string{ANYCASTD_SOURCE_DIR} + "/tests/support/tls_front.py",
                     fmt::format("{}", plain.port()), fmt::format("{}", port),
                     dir.file("www.example.net.pem"), dir.file("www.example.net.key")},
                    dir.file("log")};
  const auto endpoint = loopback(port);
  REQUIRE(eventually([&] { return ask(endpoint, kQuick).alive == Alive::up; }));

  auto check = http(Check::Kind::https);
  check.body = "fine";
  CHECK(verdict(ask(endpoint, check)).starts_with("down: failed in TLS: "));
  check.ca_file = dir.file("ca.pem");
  CHECK(verdict(ask(endpoint, check)) == "up");
  check.host = "www.example.net";
  CHECK(verdict(ask(endpoint, check)) == "up");
  check.host = "other.example.net";
  CHECK(verdict(ask(endpoint, check)).starts_with("down: failed in TLS: "));
  check.verify = false;
  CHECK(verdict(ask(endpoint, check)) == "up");
  check.verify = true;
  check.ca_file = dir.file("no-such-file");
  CHECK(verdict(ask(endpoint, check)).starts_with("unknown: could not be tried: "));
}

TEST_CASE("a timeout while we were held up ourselves says nothing") {
  const Check check{.timeout = seconds{1}};
  CHECK(health::timed_out(check, milliseconds{250}, "took no connection") ==
        Answer{.kind = Answer::Kind::failed, .why = "took no connection within 1s"});
  CHECK(health::timed_out(check, milliseconds{251}, "took no connection").kind ==
        Answer::Kind::late);
}

TEST_CASE("the first that is due comes first, and setting a timer anew takes the old one back") {
  health::Timers timers{3};
  const health::Steady start{};
  CHECK_FALSE(timers.next());
  timers.set(0, start + seconds{3});
  timers.set(1, start + seconds{2});
  timers.set(2, start + seconds{1});
  timers.set(2, start + seconds{5});
  timers.set(0, start + seconds{1});
  CHECK(timers.next() == start + seconds{1});
  CHECK_FALSE(timers.pop(start));
  CHECK(timers.pop(start + seconds{4}) == 0U);
  timers.cancel(1);
  CHECK_FALSE(timers.pop(start + seconds{4}));
  CHECK(timers.pop(start + seconds{5}) == 2U);
  CHECK_FALSE(timers.next());
}

TEST_CASE("who waits for news is told when a verdict turns, and verdicts outlive a reload") {
  Port port{Port::Manner::refuses};
  std::atomic<int> told = 0;
  std::atomic<int> last = 0;
  const auto tell = [&](Checker::Turn turn) {
    if (turn == Checker::Turn::last) ++last;
    ++told;
  };
  const health::Services services{{"web", {.check = kQuick, .servers = {{port.endpoint()}}}}};
  auto checker = Checker::start({.services = services, .changed = tell});
  REQUIRE(checker);
  CHECK(eventually([&] { return told == 1; }));
  port.accept();
  CHECK(eventually([&] { return told == 2; }));
  CHECK(last == 1);
  const auto known = (*checker)->health();
  checker->reset();
  auto after = services;
  after.at("web").check.interval = hours{1};
  checker = Checker::start({.services = after, .known = *known});
  REQUIRE(checker);
  CHECK((*checker)->health()->at("web").at(port.endpoint()).alive == Alive::up);
}

TEST_CASE("the last real server of a service is told apart, whatever others or the spare say") {
  Port spare{Port::Manner::accepts};
  Port other{Port::Manner::accepts};
  std::vector<Port> ports;
  for (int i = 0; i < 2; ++i) ports.emplace_back(Port::Manner::refuses);
  Service web{.check = kQuick, .servers = {{.endpoint = spare.endpoint(), .weight = 0}}};
  Health known;
  for (const auto& port : ports) {
    web.servers.push_back({.endpoint = port.endpoint()});
    known["web"][port.endpoint()] = {.alive = Alive::up};
  }
  const health::Services services{
      {"dns", {.check = kQuick, .servers = {{.endpoint = other.endpoint()}}}}, {"web", web}};
  std::mutex mutex;
  std::vector<std::pair<Checker::Turn, std::size_t>> told;  ///< with those of web that are down
  std::unique_ptr<Checker> checker;
  const auto down = [&] {
    const auto reals = checker->health()->at("web");
    return static_cast<std::size_t>(std::ranges::count_if(
        reals, [](const auto& entry) { return entry.second.alive == Alive::down; }));
  };
  {
    const std::lock_guard lock{mutex};
    auto started =
        Checker::start({.services = services, .known = known, .changed = [&](Checker::Turn turn) {
                          const std::lock_guard told_lock{mutex};
                          told.emplace_back(turn, down());
                        }});
    REQUIRE(started);
    checker = *std::move(started);
  }
  CHECK(eventually([&] {
    const std::lock_guard lock{mutex};
    return std::ranges::count(told, Checker::Turn::last, [](auto& one) { return one.first; }) == 1;
  }));
  const std::lock_guard lock{mutex};
  for (const auto& [turn, dead] : told) CHECK((turn == Checker::Turn::one || dead == 2));
}

TEST_CASE("thousands of real servers are asked by one thread") {
  std::vector<Port> ports;
  Service tcp{.check = kQuick};
  tcp.check.interval = seconds{1};
  Service slow = tcp;
  slow.check = patient(http(), milliseconds{500});
  for (int i = 0; i < 200; ++i) ports.emplace_back(Port::Manner::accepts);
  // Each port under ten addresses of loopback.
  for (std::uint8_t last = 1; last <= 10; ++last) {
    for (const auto& port : ports) {
      const ServerKey endpoint{{.bytes = {127, 0, 0, last}}, port.endpoint().port};
      if (last == 1) tcp.servers.push_back({.endpoint = endpoint});
      if (last == 2) slow.servers.push_back({.endpoint = endpoint});
    }
  }
  const int before = threads();
  auto checker = Checker::start({.services = {{"slow", slow}, {"tcp", tcp}}});
  REQUIRE(checker);
  const auto all = [&](const std::string& name, Alive alive) {
    const auto health = (*checker)->health();
    return std::ranges::all_of(health->at(name),
                               [&](const auto& entry) { return entry.second.alive == alive; });
  };
  CHECK(eventually([&] { return all("tcp", Alive::up); }));
  CHECK(eventually([&] { return all("slow", Alive::down); }));
  CHECK(threads() == before + 1);
}
