#include "adapters/kernel/kernel.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <random>

#include "adapters/kernel/addresses.hpp"
#include "adapters/system/fd.hpp"
#include "controller/base/text.hpp"
#include "controller/core/inside.hpp"
#include "tests/contract/kernel/kernels.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/inside_world.hpp"
#include "tests/support/net_space.hpp"
#include "tests/support/process.hpp"

using namespace anycast;
using namespace anycast::contract;
using anycast::kernel::AddressMonitor;
using anycast::kernel::NetlinkKernel;
using anycast::test::printed;
using anycast::test::server;

namespace {

/// Of those, the ones that have services.
std::vector<Case> kernels_with_ipvs() {
  auto out = kernels();
  if (out.size() > 1 && !test::has_ipvs()) {
    WARN("only the fake here: \"tests/run vm\" does it on a kernel with IPVS");
    out.pop_back();
  }
  return out;
}

Vip vip(const char* prefix, const char* link = "vip0") { return {*Prefix::parse(prefix), link}; }
const ServiceKey kWeb{Protocol::tcp, *Address::parse("198.51.100.1"), 80};

/// What an address of which the kernel still asks whether it is free does not allow.
bool can_bind(const Address& address) {
  const Fd socket{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_in6 own{};
  own.sin6_family = AF_INET6;
  std::ranges::copy(address.bytes, own.sin6_addr.s6_addr);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0;
}

/// Commands that make the state on an empty kernel.
std::vector<InsideChange> making(const Inside& inside) {
  return core::inside_step({.inside = inside}, {}, {}, {}).changes;
}

/// The services of a state as `ipvsadm -Sn` prints them; it says nothing of thresholds.
std::vector<std::string> as_saved(Inside inside) {
  inside.vips.clear();
  for (auto& [key, service] : inside.services) {
    for (auto& [at, settings] : service.servers) settings.upper = settings.lower = 0;
  }
  std::vector<std::string> out;
  for (auto& line : split(text_of(inside), '\n')) {
    if (line.size() > 8) out.push_back(line.substr(8));
  }
  std::ranges::sort(out);
  return out;
}
std::vector<std::string> saved() {
  std::vector<std::string> out;
  for (auto& line : split(printed("ipvsadm -Sn"), '\n')) {
    if (!line.empty()) out.emplace_back(trim(line));
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

TEST_CASE("addresses come and go, of both families, and what is there stays") {
  for (auto& [name, kernel] : kernels()) {
    INFO(name);
    const auto before = read(*kernel);
    for (const auto& address : {vip("198.51.100.1/32", "lo"), vip("198.51.100.2/32"),
                                vip("2001:db8::1/128", "lo"), vip("2001:db8::2/128")}) {
      INFO(to_string(address.prefix));
      CHECK(done(*kernel, VipChange{InsideVerb::add, address}));
      auto expected = before;
      expected.vips.insert(address);
      CHECK(text_of(read(*kernel)) == text_of(expected));
      CHECK_FALSE(done(*kernel, VipChange{InsideVerb::add, address}));
      CHECK(done(*kernel, VipChange{InsideVerb::remove, address}));
      CHECK(text_of(read(*kernel)) == text_of(before));
      CHECK_FALSE(done(*kernel, VipChange{InsideVerb::remove, address}));
    }
    CHECK_FALSE(done(*kernel, VipChange{InsideVerb::add, vip("198.51.100.1/32", "eth9")}));
  }
}

TEST_CASE("an IPv6 address can be used at once, and is on a link once") {
  for (auto& [name, kernel] : kernels()) {
    INFO(name);
    REQUIRE(done(*kernel, VipChange{InsideVerb::add, vip("2001:db8::1/128")}));
    CHECK_FALSE(done(*kernel, VipChange{InsideVerb::add, vip("2001:db8::1/64")}));
    REQUIRE(done(*kernel, VipChange{InsideVerb::add, vip("198.51.100.1/32")}));
    CHECK(done(*kernel, VipChange{InsideVerb::add, vip("198.51.100.1/24")}));
    if (std::string{name} == "real") CHECK(can_bind(vip("2001:db8::1/128").prefix.address));
  }
}

TEST_CASE("the kernel's refusal is told in the words of the command and of what to do") {
  const auto all = kernels();
  if (all.size() < 2) return;
  auto& kernel = *all[1].kernel;
  const auto text = [&](const InsideChange& change) {
    const auto results = kernel.carry_out({change});
    return results.at(0) ? std::string{"done"} : results.at(0).error().text;
  };
  CHECK(text(VipChange{InsideVerb::add, vip("198.51.100.1/32", "eth9")}) ==
        "there is no link \"eth9\" on this host, expected one of 'ip link'");
  CHECK(text(VipChange{InsideVerb::add, vip("198.51.100.1/32")}) == "done");
  CHECK(text(VipChange{InsideVerb::add, vip("198.51.100.1/32")}) ==
        "\"ip address add 198.51.100.1/32 dev vip0\": it is there already");
  CHECK(text(VipChange{InsideVerb::remove, vip("198.51.100.9/32")}) ==
        "\"ip address del 198.51.100.9/32 dev vip0\": it is not there");
  if (test::has_ipvs()) {
    CHECK(text(ServiceChange{InsideVerb::add, kWeb, {.scheduler = "none-such"}}) ==
          "\"ipvsadm -A -t 198.51.100.1:80 -s none-such\": no such service, or the kernel has no "
          "scheduler \"none-such\" (module ip_vs_none-such)");
    CHECK(text(ServerChange{InsideVerb::remove, kWeb, server(11)}) ==
          "\"ipvsadm -d -t 198.51.100.1:80 -r 192.0.2.11:80\": it is not there");
  } else if (const auto view = kernel.inside(kTables); view->no_services) {
    CHECK(view->no_services->text ==
          "the kernel has no IPVS: 'modprobe ip_vs', and a line \"ip_vs\" in a file of "
          "/etc/modules-load.d");
    CHECK(text(ServiceChange{InsideVerb::add, kWeb}) == view->no_services->text);
  }
}

TEST_CASE("without CAP_NET_ADMIN the addresses are read, and no change is possible") {
  if (::geteuid() != 0 || kernels().size() < 2) {
    WARN("SKIP: needs root, whose rights it can give up");
    return;
  }
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const auto pid = ::fork();
  if (pid == 0) {
    std::string said = "no rights given up";
    if (::setresuid(65534, 65534, 65534) == 0) {
      auto kernel = *NetlinkKernel::open();
      const auto results =
          kernel->carry_out({VipChange{InsideVerb::add, vip("198.51.100.1/32", "lo")}});
      const auto view = *kernel->inside(kTables);
      said = results[0] ? "done" : results[0].error().text;
      said += "|" + std::to_string(view.inside.vips.count(vip("127.0.0.1/8", "lo"))) + "|" +
              (view.no_services ? view.no_services->text : "");
    }
    ::_exit(::write(pipe[1], said.data(), said.size()) < 0 ? 1 : 0);
  }
  ::close(pipe[1]);
  std::array<char, 1024> said = {};
  CHECK(::read(pipe[0], said.data(), said.size() - 1) > 0);
  ::close(pipe[0]);
  ::waitpid(pid, nullptr, 0);
  CHECK(std::string{said.data()} ==
        std::string{"\"ip address add 198.51.100.1/32 dev lo\": no right to do it: the process "
                    "lacks CAP_NET_ADMIN|1|"} +
            (test::has_ipvs() ? "no right to read IPVS: the process lacks CAP_NET_ADMIN"
                              : "the kernel has no IPVS: 'modprobe ip_vs', and a line \"ip_vs\" in "
                                "a file of /etc/modules-load.d"));
}

TEST_CASE("the monitor hears of every address that comes or goes, and survives a flood") {
  if (!test::enter_own_space()) {
    WARN("SKIP: no right to make a network namespace");
    return;
  }
  auto monitor = AddressMonitor::open();
  REQUIRE(monitor.has_value());
  const auto heard = [&] {
    pollfd waits{monitor->fd(), POLLIN, 0};
    return ::poll(&waits, 1, 5'000) == 1 && monitor->heard();
  };
  CHECK_FALSE(monitor->heard());
  REQUIRE(test::run_program({"ip", "address", "add", "198.51.100.1/32", "dev", "lo"}) == 0);
  CHECK(heard());
  REQUIRE(test::run_program({"ip", "address", "del", "198.51.100.1/32", "dev", "lo"}) == 0);
  CHECK(heard());
  // More than any receive buffer holds: the kernel drops the rest and says ENOBUFS.
  auto kernel = *NetlinkKernel::open();
  std::vector<InsideChange> flood;
  for (int i = 0; i < 4'000; ++i) {
    const auto address = Address::parse("192.0.2." + std::to_string(i % 200 + 1));
    flood.emplace_back(VipChange{i % 400 < 200 ? InsideVerb::add : InsideVerb::remove,
                                 {Prefix{*address, 32}, "lo"}});
  }
  for (const auto& result : kernel->carry_out(flood)) REQUIRE(result.has_value());
  CHECK(heard());
  monitor->heard();
  REQUIRE(test::run_program({"ip", "address", "add", "198.51.100.1/32", "dev", "lo"}) == 0);
  CHECK(heard());
}

TEST_CASE("services and real servers of every kind are read back as they were made") {
  Inside wanted;
  const auto v6 = *Address::parse("2001:db8::1");
  wanted.services[kWeb] = {
      .settings = {.scheduler = "wrr", .persistence = Persistence{seconds{60}, 24}},
      .servers = {{server(11), {.weight = 3, .upper = 100, .lower = 50}},
                  {server(12), {.forwarding = Forwarding::dr, .weight = 0}}}};
  wanted.services[{Protocol::udp, v6, 53}] = {
      .settings = {.scheduler = "mh",
                   .flags = {ServiceFlag::one_packet, ServiceFlag::first, ServiceFlag::second},
                   .persistence = Persistence{.mask = 64}},
      .servers = {{{*Address::parse("2001:db8:1::11"), 53}, {}}}};
  wanted.services[{Protocol::sctp, kWeb.address, 36412}] = {
      .settings = {.scheduler = "sh", .flags = {ServiceFlag::second}}};
  wanted.services[ServiceKey::of_mark(Address::Family::v6, 7)] = {
      .settings = {.scheduler = "dh"},
      .servers = {{{*Address::parse("2001:db8:1::12"), 0},
                   {.forwarding = Forwarding::tunnel,
                    .tunnel = {Tunnel::Kind::gue, 6080, Tunnel::Checksum::remote}}},
                  {{*Address::parse("192.0.2.13"), 0},
                   {.forwarding = Forwarding::tunnel, .tunnel = {.kind = Tunnel::Kind::gre}}},
                  {{*Address::parse("2001:db8:1::14"), 0}, {.forwarding = Forwarding::tunnel}}}};
  wanted.services[ServiceKey::of_mark(Address::Family::v4, 0x70000000U)] = {
      .settings = {.scheduler = "lc"}};
  for (auto& [name, kernel] : kernels_with_ipvs()) {
    INFO(name);
    const auto changes = making(wanted);
    const auto results = kernel->carry_out(changes);
    for (std::size_t i = 0; i < results.size(); ++i) {
      INFO(to_string(changes[i]));
      CHECK(results[i].has_value());
    }
    auto there = read(*kernel);
    there.vips.clear();
    CHECK(text_of(there) == text_of(wanted));
    if (std::string{name} == "real") CHECK(as_saved(wanted) == saved());
    CHECK_FALSE(done(*kernel, ServiceChange{InsideVerb::add, kWeb}));
    CHECK_FALSE(done(*kernel, ServerChange{InsideVerb::add, kWeb, server(11)}));
    CHECK_FALSE(done(*kernel, ServerChange{InsideVerb::edit, kWeb, server(15)}));
    CHECK(done(*kernel, ServiceChange{InsideVerb::remove, kWeb}));
    CHECK_FALSE(read(*kernel).services.contains(kWeb));
  }
}

TEST_CASE("what takes away is not done where its replacement was refused") {
  for (auto& [name, kernel] : kernels_with_ipvs()) {
    INFO(name);
    const ServiceKey dns{Protocol::udp, kWeb.address, 53};
    Inside start;
    start.services[kWeb].servers[server(11)] = {};
    start.services[dns].servers[server(11)] = {};
    for (const auto& result : kernel->carry_out(making(start))) REQUIRE(result.has_value());
    const auto results = kernel->carry_out({
        ServerChange{InsideVerb::edit, kWeb, server(12)},
        ServerChange{InsideVerb::add, dns, server(12)},
        ServerChange{InsideVerb::edit, kWeb, server(11), {.weight = 0}},
        ServerChange{InsideVerb::edit, dns, server(11), {.weight = 0}},
        ServerChange{InsideVerb::remove, kWeb, server(11)},
        ServiceChange{InsideVerb::remove, kWeb},
    });
    std::vector<bool> went;
    for (const auto& result : results) went.push_back(result.has_value());
    CHECK(went == std::vector{false, true, false, true, false, false});
    const auto there = read(*kernel);
    CHECK(there.services.at(kWeb) == start.services.at(kWeb));
    CHECK(there.services.at(dns).servers ==
          std::map<ServerKey, RealServer>{{server(11), {.weight = 0}}, {server(12), {}}});
  }
}

TEST_CASE("any state becomes any other, whatever is there from elsewhere") {
  std::mt19937 chance{7};
  const auto below = [&](int n) { return static_cast<int>(chance() % static_cast<unsigned>(n)); };
  for (auto& [name, kernel] : kernels_with_ipvs()) {
    INFO(name);
    int changes = 0;
    int foreign_seen = 0;
    int compared = 0;
    const bool real = std::string{name} == "real";
    const int rounds = real ? contract::count_of("ANYCASTD_ROUNDS", 10) : 100;
    for (int round = 0; round < rounds; ++round) {
      // What is there from elsewhere; the addresses of the links are, too.
      auto clear = Keeper{*kernel};
      clear.wish.drain = {};
      clear.ours.vips = test::drawn_vips();
      for (const auto& [key, service] : read(*kernel).services) {
        for (const auto& [at, settings] : service.servers) clear.ours.services[key][at] = Time{};
        clear.ours.services[key];
      }
      clear.cycle();
      for (const auto& result : kernel->carry_out(making(test::drawn_inside(below))))
        REQUIRE(result.has_value());
      auto keeper = Keeper{*kernel};
      Inside named;
      for (int transition = 0; transition < 10; ++transition) {
        keeper.wish.inside = test::drawn_inside(below);
        keeper.wish.drain = minutes{below(2)};
        test::name(named, keeper.wish.inside);
        const auto foreign = test::unnamed(read(*kernel), named);
        for (int cycles = 0; keeper.cycle(); ++cycles) {
          REQUIRE(cycles < 5);
          REQUIRE(test::unnamed(read(*kernel), named) == foreign);
          keeper.now += minutes{1};
        }
        const auto there = read(*kernel);
        const auto expected = test::expected(keeper.wish.inside, foreign, there);
        REQUIRE(text_of(there) == text_of(expected));
        if (!foreign.services.empty()) ++foreign_seen;
        if (std::string{name} == "real" && transition == 9) {
          REQUIRE(as_saved(there) == saved());
          ++compared;
        }
      }
      changes += keeper.changes;
    }
    std::cout << name << ": " << rounds * 10 << " transitions, " << changes << " changes, "
              << foreign_seen << " with foreign services, " << compared
              << " compared with ipvsadm\n";
    CHECK(changes > 50 * rounds);
    CHECK(foreign_seen > rounds);
  }
}
