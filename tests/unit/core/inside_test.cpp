#include "controller/core/inside.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/catch.hpp"
#include "tests/support/fake_kernel.hpp"
#include "tests/support/inside_world.hpp"

using namespace anycast;
using anycast::test::expected;
using anycast::test::FakeKernel;
using anycast::test::server;
using anycast::test::unnamed;

namespace {

const ServiceKey kWeb{Protocol::tcp, *Address::parse("198.51.100.1"), 80};
const Vip kVip{*Prefix::parse("198.51.100.1/32"), "lo"};
const Time kFirstCycle{hours{500'000}};

/// A kernel that is kept in step, cycle by cycle.
struct Keeper {
  FakeKernel kernel = {};
  core::InsideWish wish = {.drain = minutes{5}};
  InsideOurs ours = {};
  Time now = kFirstCycle;
  core::InsideStep step = {};

  /// The commands of one cycle, all carried out.
  std::vector<std::string> cycle() {
    step = core::inside_step(wish, kernel.view, ours, now);
    ours = step.ours;
    std::vector<std::string> out;
    for (const auto& change : step.changes) {
      const auto done = kernel.carry_out(change);
      INFO(to_string(change));
      REQUIRE(done);
      ours = core::after(ours, change);
      out.push_back(to_string(change));
    }
    return out;
  }
  std::vector<std::string> notices() const {
    std::vector<std::string> out;
    for (const auto& notice : step.notices) out.push_back(notice.code + ": " + notice.text);
    return out;
  }
};

Keeper serving() {
  Keeper out;
  out.wish.inside.vips = {kVip};
  out.wish.inside.services[kWeb] = {.settings = {.scheduler = "wrr"},
                                    .servers = {{server(11), {.weight = 2}}, {server(12), {}}}};
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an empty kernel gets the service, its real servers, and then the address") {
  auto keeper = serving();
  CHECK(keeper.cycle() == Lines{"ipvsadm -A -t 198.51.100.1:80 -s wrr",
                                "ipvsadm -a -t 198.51.100.1:80 -r 192.0.2.11:80 -m -w 2",
                                "ipvsadm -a -t 198.51.100.1:80 -r 192.0.2.12:80 -m -w 1",
                                "ip address add 198.51.100.1/32 dev lo"});
  CHECK(keeper.cycle().empty());
  CHECK(keeper.kernel.view.inside == keeper.wish.inside);
}

TEST_CASE(
    "a real server that goes gets weight 0 after its successor is in, and leaves when nobody "
    "is connected") {
  auto keeper = serving();
  keeper.cycle();
  auto& servers = keeper.wish.inside.services[kWeb].servers;
  servers.erase(server(11));
  servers[server(13)] = {.weight = 2};
  keeper.kernel.view.load[kWeb].servers[server(11)].active = 3;
  CHECK(keeper.cycle() == Lines{"ipvsadm -a -t 198.51.100.1:80 -r 192.0.2.13:80 -m -w 2",
                                "ipvsadm -e -t 198.51.100.1:80 -r 192.0.2.11:80 -m -w 0"});
  CHECK(keeper.step.next == kFirstCycle + minutes{5});
  keeper.now += minutes{1};
  CHECK(keeper.cycle().empty());
  CHECK(keeper.step.next == kFirstCycle + minutes{5});
  keeper.kernel.view.load[kWeb].servers[server(11)].active = 0;
  CHECK(keeper.cycle() == Lines{"ipvsadm -d -t 198.51.100.1:80 -r 192.0.2.11:80"});
  CHECK(keeper.cycle().empty());
  CHECK(keeper.step.next == std::nullopt);
}

TEST_CASE("a drain ends with its time, and a real server that is wanted again comes back at once") {
  auto keeper = serving();
  keeper.cycle();
  const auto all = keeper.wish.inside.services[kWeb].servers;
  keeper.wish.inside.services[kWeb].servers.erase(server(11));
  keeper.kernel.view.load[kWeb].servers[server(11)].inactive = 1;
  keeper.cycle();
  SECTION("its time is over") {
    keeper.now += minutes{5};
    CHECK(keeper.cycle() == Lines{"ipvsadm -d -t 198.51.100.1:80 -r 192.0.2.11:80"});
  }
  SECTION("it is wanted again") {
    keeper.wish.inside.services[kWeb].servers = all;
    CHECK(keeper.cycle() == Lines{"ipvsadm -e -t 198.51.100.1:80 -r 192.0.2.11:80 -m -w 2"});
  }
  SECTION("somebody gives it a weight by hand") {
    keeper.kernel.view.inside.services[kWeb].servers[server(11)].weight = 9;
    keeper.now += minutes{1};
    CHECK(keeper.cycle() == Lines{"ipvsadm -e -t 198.51.100.1:80 -r 192.0.2.11:80 -m -w 0"});
    CHECK(keeper.step.next == kFirstCycle + minutes{5});
  }
}

TEST_CASE("a service drains before it goes, and its address goes after it") {
  auto keeper = serving();
  keeper.cycle();
  keeper.wish.inside = {};
  keeper.kernel.view.load[kWeb].servers[server(12)].active = 1;
  CHECK(keeper.cycle() == Lines{"ipvsadm -e -t 198.51.100.1:80 -r 192.0.2.11:80 -m -w 0",
                                "ipvsadm -e -t 198.51.100.1:80 -r 192.0.2.12:80 -m -w 0"});
  keeper.now += minutes{1};
  CHECK(keeper.cycle() == Lines{"ipvsadm -d -t 198.51.100.1:80 -r 192.0.2.11:80"});
  keeper.now += minutes{4};
  CHECK(keeper.cycle() == Lines{"ipvsadm -d -t 198.51.100.1:80 -r 192.0.2.12:80",
                                "ipvsadm -D -t 198.51.100.1:80",
                                "ip address del 198.51.100.1/32 dev lo"});
  CHECK(keeper.ours == InsideOurs{});
  CHECK(keeper.cycle().empty());
}

TEST_CASE("what somebody took away or changed by hand is put right") {
  auto keeper = serving();
  keeper.cycle();
  auto& kernel = keeper.kernel.view.inside;
  kernel.vips.clear();
  kernel.services[kWeb].servers.erase(server(11));
  kernel.services[kWeb].servers[server(12)].forwarding = Forwarding::dr;
  kernel.services[kWeb].settings.scheduler = "rr";
  CHECK(keeper.cycle() == Lines{"ipvsadm -a -t 198.51.100.1:80 -r 192.0.2.11:80 -m -w 2",
                                "ipvsadm -e -t 198.51.100.1:80 -r 192.0.2.12:80 -m -w 1",
                                "ipvsadm -E -t 198.51.100.1:80 -s wrr",
                                "ip address add 198.51.100.1/32 dev lo"});
}

TEST_CASE("what is there from elsewhere stays, and keeps a service of ours") {
  auto keeper = serving();
  keeper.cycle();
  const ServiceKey dns{Protocol::udp, kWeb.address, 53};
  auto& kernel = keeper.kernel.view.inside;
  kernel.services[dns].servers[server(14)] = {};
  kernel.services[kWeb].servers[server(14)] = {.weight = 7};
  kernel.vips.insert({*Prefix::parse("198.51.100.1/24"), "eth0"});
  const auto before = kernel;
  CHECK(keeper.cycle().empty());
  CHECK(keeper.notices() ==
        Lines{"foreign-real-server: tcp 198.51.100.1:80 has a real server 192.0.2.14:80 that is "
              "not ours; it stays",
              "foreign-address: 198.51.100.1 is on eth0 as 198.51.100.1/24 too, from elsewhere; it "
              "stays"});
  CHECK(kernel == before);
  keeper.wish.inside = {};
  keeper.wish.drain = {};
  CHECK(keeper.cycle() == Lines{"ipvsadm -d -t 198.51.100.1:80 -r 192.0.2.11:80",
                                "ipvsadm -d -t 198.51.100.1:80 -r 192.0.2.12:80",
                                "ip address del 198.51.100.1/32 dev lo"});
  CHECK(kernel.services.at(kWeb).servers ==
        std::map<ServerKey, RealServer>{{server(14), {.weight = 7}}});
  CHECK(kernel.services.contains(dns));
}

TEST_CASE("an IPv6 address with another length is in the way") {
  Keeper keeper;
  keeper.wish.inside.vips = {{*Prefix::parse("2001:db8::1/128"), "lo"}};
  keeper.kernel.view.inside.vips = {{*Prefix::parse("2001:db8::1/64"), "lo"}};
  CHECK(keeper.cycle().empty());
  CHECK(keeper.notices() == Lines{"foreign-address: 2001:db8::1 is on lo as 2001:db8::1/64 too, "
                                  "from elsewhere; it stays"});
}

TEST_CASE("without IPVS the addresses are kept, and nothing is forgotten") {
  auto keeper = serving();
  keeper.cycle();
  const auto ours = keeper.ours;
  keeper.kernel.view = {.no_services = Error{.text = "the kernel has no IPVS"}};
  keeper.wish.inside.services.clear();
  CHECK(keeper.cycle() == Lines{"ip address add 198.51.100.1/32 dev lo"});
  CHECK(keeper.ours == ours);
}

namespace {

/// What the histories have met, so that a run which meets nothing is seen.
struct Met {
  int draws = 0;
  int changes = 0;
  int stays = 0;
  int interrupted = 0;
};
Met met;

int drawn(int below) { return *rc::gen::inRange(0, below); }

bool open(const VirtualService& service) {
  return std::ranges::any_of(service.servers, [](const auto& s) { return s.second.weight > 0; });
}

/// One cycle, of which a part may be carried out: the process dies after it.
void check_cycle(Keeper& keeper, const Inside& foreign, const Inside& named, std::size_t limit) {
  auto& kernel = keeper.kernel;
  const auto step = core::inside_step(keeper.wish, kernel.view, keeper.ours, keeper.now);
  keeper.ours = step.ours;
  const auto before = kernel.view.inside;
  for (std::size_t i = 0; i < std::min(limit, step.changes.size()); ++i) {
    const auto& change = step.changes[i];
    RC_LOG(to_string(change));
    RC_ASSERT(kernel.carry_out(change).has_value());
    keeper.ours = core::after(keeper.ours, change);
    RC_ASSERT(unnamed(kernel.view.inside, named) == foreign);
    for (const auto& [key, wanted] : keeper.wish.inside.services) {
      const auto had = before.services.find(key);
      if (had != before.services.end() && open(had->second) && open(wanted))
        RC_ASSERT(open(kernel.view.inside.services.at(key)));
    }
    ++met.changes;
  }
  if (limit < step.changes.size()) ++met.interrupted;
}

}  // namespace

TEST_CASE(
    "any state becomes any other, killed or not, and what is there from elsewhere is never "
    "touched") {
  ::setenv("RC_PARAMS", "max_success=300", 0);
  const bool holds = rc::check("any states", [] {
    ++met.draws;
    Keeper keeper;
    keeper.kernel.view.inside = test::drawn_inside(drawn);
    Inside named;
    for (int wishes = *rc::gen::inRange(1, 5); wishes > 0; --wishes) {
      keeper.wish.inside = test::drawn_inside(drawn);
      keeper.wish.drain = minutes{*rc::gen::inRange(0, 3)};
      test::name(named, keeper.wish.inside);
      for (auto& [key, service] : keeper.kernel.view.inside.services) {
        for (const auto& [address, settings] : service.servers)
          keeper.kernel.view.load[key].servers[address].active =
              static_cast<std::uint32_t>(*rc::gen::inRange(0, 2));
      }
      const auto foreign = unnamed(keeper.kernel.view.inside, named);
      check_cycle(keeper, foreign, named, static_cast<std::size_t>(*rc::gen::inRange(0, 12)));
      for (int cycles = 0; cycles < 4; ++cycles) {
        keeper.now += minutes{1};
        check_cycle(keeper, foreign, named, SIZE_MAX);
      }
      if (foreign != Inside{}) ++met.stays;
      const auto& kernel = keeper.kernel.view.inside;
      RC_ASSERT(text_of(kernel) == text_of(expected(keeper.wish.inside, foreign, kernel)));
    }
  });
  INFO(met.changes << " changes, " << met.stays << " states with entries from elsewhere, "
                   << met.interrupted << " interrupted");
  CHECK(met.changes > 4 * met.draws);
  CHECK(met.stays > met.draws / 2);
  CHECK(met.interrupted > met.draws / 2);
  CHECK(holds);
}
