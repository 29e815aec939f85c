#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

#include "adapters/system/fd.hpp"
#include "controller/base/text.hpp"
#include "tests/contract/kernel/kernels.hpp"
#include "tests/support/process.hpp"

using namespace anycast;
using namespace anycast::contract;
using anycast::test::printed;

namespace {

constexpr std::array kLinks{"hop1", "hop2", "hop3"};

// The guest's shell has an "ip" of its own, which knows less.
const std::string kShell = "ip() { /usr/sbin/ip \"$@\"; }; ";

void run(const std::string& command) {
  INFO(command);
  REQUIRE(test::run_program({"sh", "-c", kShell + command}) == 0);
}

/// Three links, each with a neighbour of both families, whom nobody need look for.
void add_links() {
  for (std::size_t i = 0; i < kLinks.size(); ++i) {
    const std::string link = kLinks[i];
    const auto net = std::to_string(16 * i);
    const auto v4 = "192.0.2." + std::to_string(16 * i + 2);
    const auto v6 = "2001:db8:" + net + "::2";
    run("ip link add " + link + " type veth peer name far" + link);
    run("ip link set far" + link + " up && ip link set " + link + " up");
    run("ip address add 192.0.2." + std::to_string(16 * i + 1) + "/28 dev " + link);
    run("ip address add 2001:db8:" + net + "::1/64 dev " + link + " nodad");
    for (const auto& address : {v4, v6})
      run("ip neigh replace " + address + " lladdr 02:00:00:00:00:09 dev " + link);
  }
}

std::vector<Case> kernels_with_links() {
  auto out = kernels();
  dynamic_cast<test::FakeKernel&>(*out[0].kernel).links.insert(kLinks.begin(), kLinks.end());
  if (out.size() > 1) add_links();
  return out;
}

NextHop hop(int i, bool v6 = false) {
  const auto via = v6 ? "2001:db8:" + std::to_string(16 * (i - 1)) + "::2"
                      : "192.0.2." + std::to_string(16 * (i - 1) + 2);
  return {*Address::parse(via), kLinks.at(static_cast<std::size_t>(i - 1))};
}

const RouteKey kWeb4{*Prefix::parse("198.51.100.1/32"), 100};
const RouteKey kRest4{*Prefix::parse("0.0.0.0/0"), 70'000};
const RouteKey kWeb6{*Prefix::parse("2001:db8:f::1/128"), 100};
const RouteKey kRest6{*Prefix::parse("::/0"), 70'000};

bool is_v6(const RouteKey& key) { return key.to.address.family == Address::Family::v6; }

RouteRule rule_to(const RouteKey& key, std::uint32_t priority) {
  // One for everything would come before the networks of the links, too.
  const auto from = key == kRest4   ? *Prefix::parse("198.51.100.0/24")
                    : key == kRest6 ? *Prefix::parse("2001:db8:f::/64")
                                    : Prefix{{.family = key.to.address.family}, 0};
  return {priority, from, key.to, key.table};
}

/// All that could be of ours, in the kernel's own words.
std::string ours_by_ip() {
  return printed(kShell +
                 "for f in -4 -6; do ip $f route show table all proto 119; "
                 "ip -d $f rule show | grep 'proto 119'; done; ip nexthop show proto 119");
}
std::string not_ours_by_ip() {
  return printed(kShell +
                 "for f in -4 -6; do ip $f route show table 100; ip -d $f rule show; done | "
                 "grep -v 'proto 119'; ip nexthop show | grep -v 'proto 119' || true");
}

}  // namespace

TEST_CASE("routes and rules come, change and go, of both families and kinds") {
  for (auto& [name, kernel] : kernels_with_links()) {
    for (const auto& key : {kWeb4, kRest4, kWeb6, kRest6}) {
      for (const bool resilient : {false, true}) {
        INFO(name << " " << to_string(key) << (resilient ? " resilient" : ""));
        const auto paths = [&](std::initializer_list<std::pair<int, int>> hops) {
          Multipath out{.resilient = resilient};
          for (const auto& [i, weight] : hops) out.hops[hop(i, is_v6(key))] = weight;
          return out;
        };
        const auto before = read(*kernel);
        const auto rule = rule_to(key, 1'000);
        auto expected = before;
        for (const auto& wanted : {paths({{1, 1}, {2, 256}}), paths({{1, 3}, {2, 1}, {3, 1}}),
                                   paths({{3, 1}}), paths({{1, 1}, {3, 2}})}) {
          const auto verb = expected.routes.contains(key) ? InsideVerb::edit : InsideVerb::add;
          const auto other = verb == InsideVerb::add ? InsideVerb::edit : InsideVerb::add;
          CHECK_FALSE(done(*kernel, RouteChange{other, key, wanted}));
          CHECK(done(*kernel, RouteChange{verb, key, wanted}));
          expected.routes[key] = wanted;
          CHECK(text_of(read(*kernel)) == text_of(expected));
        }
        CHECK(done(*kernel, RuleChange{InsideVerb::add, rule}));
        CHECK_FALSE(done(*kernel, RuleChange{InsideVerb::add, rule}));
        expected.rules.insert(rule);
        CHECK(text_of(read(*kernel)) == text_of(expected));
        CHECK(done(*kernel, RuleChange{InsideVerb::remove, rule}));
        CHECK_FALSE(done(*kernel, RuleChange{InsideVerb::remove, rule}));
        CHECK(done(*kernel, RouteChange{InsideVerb::remove, key, expected.routes[key]}));
        CHECK_FALSE(done(*kernel, RouteChange{InsideVerb::remove, key, expected.routes[key]}));
        CHECK(text_of(read(*kernel)) == text_of(before));
        if (std::string{name} == "real") CHECK(ours_by_ip() == "");
      }
    }
    CHECK_FALSE(
        done(*kernel, RouteChange{InsideVerb::add, kWeb4, {.hops = {{{hop(1).via, "eth9"}, 1}}}}));
  }
}

TEST_CASE("a route of ours reads in the words of ip as it was planned") {
  auto all = kernels_with_links();
  if (all.size() < 2) return;
  auto& kernel = *all[1].kernel;
  const Multipath two{.hops = {{hop(1), 1}, {hop(2), 3}}};
  REQUIRE(done(kernel, RouteChange{InsideVerb::add, kWeb4, two}));
  const auto change = to_string(RouteChange{InsideVerb::add, kWeb4, two});
  CHECK(change ==
        "ip route add 198.51.100.1/32 table 100 proto 119 nexthop via 192.0.2.2 dev hop1 weight 1 "
        "nexthop via 192.0.2.18 dev hop2 weight 3");
  const auto made = ours_by_ip();
  REQUIRE(done(kernel, RouteChange{InsideVerb::remove, kWeb4}));
  // The very commands that a plan shows do the same, also those of a resilient group.
  run(change);
  CHECK(ours_by_ip() == made);
  const Multipath steady{.hops = two.hops, .resilient = true};
  REQUIRE(done(kernel, RouteChange{InsideVerb::edit, kWeb4, steady}));
  const auto grouped = ours_by_ip();
  REQUIRE(done(kernel, RouteChange{InsideVerb::remove, kWeb4}));
  REQUIRE(ours_by_ip() == "");
  run(to_string(RouteChange{InsideVerb::add, kWeb4, steady}));
  CHECK(ours_by_ip() == grouped);
  CHECK(read(kernel).routes == std::map<RouteKey, Multipath>{{kWeb4, steady}});
}

TEST_CASE("any routes become any others, and what is there from elsewhere stays") {
  std::mt19937 chance{11};
  const auto below = [&](int n) { return static_cast<int>(chance() % static_cast<unsigned>(n)); };
  const auto drawn = [&] {
    Inside out;
    for (const auto& key : {kWeb4, kRest4, kWeb6, kRest6}) {
      if (below(3) == 0) continue;
      Multipath paths{.resilient = below(2) == 0};
      for (int i = 1; i <= 3; ++i) {
        if (below(2) == 0) paths.hops[hop(i, is_v6(key))] = 1 + below(3);
      }
      if (paths.hops.empty()) continue;
      if (paths.hops.size() == 1 && !paths.resilient) paths.hops.begin()->second = 1;
      out.routes[key] = paths;
      if (below(2) == 0)
        out.rules.insert(rule_to(key, 1'000U + static_cast<std::uint32_t>(below(2))));
    }
    return out;
  };
  for (auto& [name, kernel] : kernels_with_links()) {
    INFO(name);
    const bool real = std::string{name} == "real";
    if (real) {
      run("ip route add 198.51.100.0/24 via 192.0.2.2 table 100 && ip rule add to 198.51.100.0/24 "
          "lookup 100 priority 999 && ip -6 route add 2001:db8:f::/64 via 2001:db8:16::2 table "
          "100 && ip nexthop add id 7 via 192.0.2.2 dev hop1");
    }
    const auto foreign = real ? not_ours_by_ip() : "";
    Keeper keeper{*kernel};
    const int transitions = !real ? 3'000 : test::has_ipvs() ? 50 : 300;
    for (int i = 0; i < transitions; ++i) {
      keeper.wish.inside = drawn();
      keeper.wish.inside.vips = read(*kernel).vips;
      while (keeper.cycle()) {
      }
      REQUIRE(text_of(read(*kernel)) == text_of(keeper.wish.inside));
    }
    keeper.wish.inside = {.vips = read(*kernel).vips};
    while (keeper.cycle()) {
    }
    if (real) CHECK(ours_by_ip() == "");
    if (real) CHECK(not_ours_by_ip() == foreign);
    std::cout << name << ": " << transitions << " transitions of routes, " << keeper.changes
              << " changes\n";
    CHECK(keeper.changes > transitions);
  }
}

namespace {

/// The guest is an emulated machine.
const int kFlows = test::has_ipvs() ? 2'000 : 10'000;

/// Packets that each of the links has sent.
std::array<std::uint64_t, 3> sent() {
  std::array<std::uint64_t, 3> out{};
  std::ifstream file{"/proc/thread-self/net/dev"};
  for (std::string line; std::getline(file, line);) {
    std::istringstream words{line};
    std::string name;
    words >> name;
    for (std::size_t i = 0; i < kLinks.size(); ++i) {
      if (name != std::string{kLinks[i]} + ":") continue;
      std::string skipped;
      for (int column = 0; column < 9; ++column) words >> skipped;
      words >> out[i];
    }
  }
  return out;
}

sockaddr_in at(const char* address, int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(port));
  const auto parsed = *Address::parse(address);
  std::copy_n(parsed.bytes.begin(), 4, reinterpret_cast<std::uint8_t*>(&out.sin_addr));
  return out;
}

/// Which next hop each flow is sent to: a flow is a source port.
std::vector<int> flows() {
  std::vector<int> out;
  auto before = sent();
  const auto to = at("198.51.100.1", 80);
  for (int i = 0; i < kFlows; ++i) {
    const Fd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const auto from = at("198.51.100.9", 20'000 + i);
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0);
    REQUIRE(::sendto(socket.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) ==
            1);
    const auto now = sent();
    int by = -1;
    for (int link = 0; link < 3; ++link) {
      const auto l = static_cast<std::size_t>(link);
      if (now[l] != before[l]) by = link;
    }
    out.push_back(by);
    before = now;
  }
  return out;
}

std::array<int, 3> counted(const std::vector<int>& by) {
  std::array<int, 3> out{};
  for (const auto link : by) ++out.at(static_cast<std::size_t>(link));
  return out;
}

/// Flows of the other next hops that are not where they were.
int moved(const std::vector<int>& before, const std::vector<int>& after, int without) {
  int out = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    out += static_cast<int>(before[i] != without && before[i] != after[i]);
  return out;
}

}  // namespace

TEST_CASE("flows are spread by weight; when a next hop goes, a resilient group moves no other") {
  auto all = kernels_with_links();
  if (all.size() < 2) return;
  auto& kernel = *all[1].kernel;
  // What else a link would send: IPv6 asks who is there.
  run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1");
  run("sysctl -qw net.ipv4.fib_multipath_hash_policy=1 && ip address add 198.51.100.9/32 dev lo");
  REQUIRE(done(kernel, RuleChange{InsideVerb::add, rule_to(kWeb4, 1'000)}));
  for (const bool resilient : {false, true}) {
    INFO((resilient ? "resilient" : "classic"));
    const Multipath weighted{.hops = {{hop(1), 1}, {hop(2), 3}}, .resilient = resilient};
    REQUIRE(done(kernel, RouteChange{InsideVerb::add, kWeb4, weighted}));
    const auto shares = counted(flows());
    CHECK(std::abs(shares[0] - kFlows / 4) < kFlows / 20);
    CHECK(shares[2] == 0);
    REQUIRE(done(kernel, RouteChange{InsideVerb::remove, kWeb4}));

    Multipath equal{.hops = {{hop(1), 1}, {hop(2), 1}, {hop(3), 1}}, .resilient = resilient};
    REQUIRE(done(kernel, RouteChange{InsideVerb::add, kWeb4, equal}));
    const auto before = flows();
    equal.hops.erase(hop(1));
    REQUIRE(done(kernel, RouteChange{InsideVerb::edit, kWeb4, equal}));
    const auto after = flows();
    CHECK(counted(after)[0] == 0);
    const auto others = moved(before, after, 0);
    CHECK((others == 0) == resilient);
    equal.hops[hop(1)] = 1;
    REQUIRE(done(kernel, RouteChange{InsideVerb::edit, kWeb4, equal}));
    const auto back = flows();
    if (resilient) CHECK(back == after);  // buckets in use stay; the idle ones go to who is back
    REQUIRE(done(kernel, RouteChange{InsideVerb::remove, kWeb4}));
    std::cout << (resilient ? "resilient" : "classic") << ": of " << kFlows
              << " flows by weights 1:3 " << shares[0] << ":" << shares[1]
              << "; one of three next hops goes: " << counted(before)[0] << " flows lose theirs, "
              << others << " others move\n";
  }
}
