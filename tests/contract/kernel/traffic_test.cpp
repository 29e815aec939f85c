// Clients' requests through IPVS to real servers: only on a kernel that has it (tests/vm).

#include "tests/support/traffic.hpp"

#include <algorithm>
#include <iostream>
#include <memory>

#include "tests/contract/kernel/kernels.hpp"

using namespace anycast;
using anycast::kernel::NetlinkKernel;
using anycast::test::Answers;
using anycast::test::requests;

namespace {

/// Whether the wire is there; this thread is then the director's.
bool at_director() {
  if (!test::has_ipvs()) {
    WARN("only on a kernel with IPVS: \"tests/run vm\"");
    return false;
  }
  static const bool kLaid = [] {
    test::lay_wire();
    return true;
  }();
  test::enter_space("director");
  return kLaid;
}

ServerKey server(Address::Family family, const std::string& last) {
  const bool v4 = family == Address::Family::v4;
  return {*Address::parse((v4 ? "192.0.2." : "2001:db8:1::") + last), 80};
}

/// Two real servers with weights 3 and 1, or equal ones.
Inside pair_of(const Address& vip, Forwarding forwarding, const std::string& scheduler) {
  const int first = scheduler.starts_with('w') ? 3 : 1;
  Inside out{.vips = {{Prefix{vip, vip.bits()}, "lo"}}};
  out.services[{Protocol::tcp, vip, 80}] = {
      .settings = {.scheduler = scheduler},
      .servers = {{server(vip.family, "11"), {.forwarding = forwarding, .weight = first}},
                  {server(vip.family, "12"), {.forwarding = forwarding}}}};
  return out;
}

}  // namespace

TEST_CASE("requests reach real servers by every way and each scheduler's rule, of both families") {
  if (!at_director()) return;
  const test::Responder first{"r1"};
  const test::Responder second{"r2"};
  const auto kernel = *NetlinkKernel::open();
  contract::Keeper keeper{*kernel};
  keeper.wish.drain = {};
  const std::vector<Answers> even{{{"r1", 6}, {"r2", 6}}};
  const std::vector<Answers> weighed{{{"r1", 9}, {"r2", 3}}};
  const std::vector<Answers> one{{{"r1", 12}}, {{"r2", 12}}};
  const std::map<std::string, std::vector<Answers>> expected{
      {"rr", even}, {"wrr", weighed}, {"lc", even}, {"wlc", weighed},
      {"sh", one},  {"dh", one},      {"mh", one}};
  int ways = 0;
  // An address for each: the kernel remembers connections of a service that is made anew.
  for (auto vip : {*Address::parse("198.51.100.7"), *Address::parse("2001:db8:f::7")}) {
    auto& last = vip.bytes[vip.family == Address::Family::v4 ? 3 : 15];
    for (const auto forwarding : {Forwarding::nat, Forwarding::dr, Forwarding::tunnel}) {
      for (const auto& [scheduler, allowed] : expected) {
        ++last;
        keeper.wish.inside = pair_of(vip, forwarding, scheduler);
        keeper.cycle();
        const auto got = requests(vip, 12);
        INFO(text_of(keeper.wish.inside) << test::to_string(got));
        CHECK(std::ranges::find(allowed, got) != allowed.end());
        ++ways;
      }
    }
  }
  keeper.wish.inside = {};
  keeper.cycle();
  std::cout << ways << " ways of 12 requests each: 2 families, 3 forwardings, 7 schedulers\n";
}
