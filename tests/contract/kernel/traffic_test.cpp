// Clients' requests through IPVS to real servers: only on a kernel that has it (tests/vm).

#include "tests/support/traffic.hpp"

#include <signal.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>

#include "tests/contract/kernel/kernels.hpp"
#include "tests/support/child.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"

using namespace anycast;
using anycast::kernel::NetlinkKernel;
using anycast::test::Answers;
using anycast::test::eventually;
using anycast::test::requests;

namespace {

/// The guest is an emulated machine, and its host may be busy.
bool at_last(const std::function<bool()>& true_now) { return eventually(true_now, minutes{2}); }

const Address kVip = *Address::parse("198.51.100.1");

/// Whether the wire is there; this thread is then the director's.
bool at_director() {
  if (!test::has_ipvs()) {
    WARN("only on a kernel with IPVS: \"tests/run vm\"");
    return false;
  }
  test::lay_wire();
  test::enter_space("director");
  return true;
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

/// Name, connections, packets and bytes of each service and real server, as a table has them.
using Table = std::map<std::string, std::vector<std::uint64_t>>;

Table of_ipvsadm() {
  Table out;
  std::istringstream in{test::printed("ipvsadm -Ln --stats --exact")};
  std::string service;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words{line};
    std::string first;
    std::string address;
    words >> first >> address;
    const bool head = first == "TCP" || first == "UDP";
    if (head) service = address;
    if (!head && (first != "->" || address.find_first_of("0123456789") == std::string::npos))
      continue;
    auto& numbers = out[head ? service : service + " -> " + address];
    for (std::uint64_t number = 0; words >> number;) numbers.push_back(number);
  }
  return out;
}

std::vector<std::uint64_t> numbers(const nlohmann::json& counted) {
  std::vector<std::uint64_t> out;
  for (const char* key : {"connections", "packets_in", "packets_out", "bytes_in", "bytes_out"})
    out.push_back(counted.at(key).get<std::uint64_t>());
  return out;
}

/// In the configuration: real servers, which are next hops, too.
struct Servers {
  const char* real;
  const char* hops;
};
constexpr Servers kBoth{R"({address: "192.0.2.11:80"}, {address: "192.0.2.12:80"})",
                        "{via: 192.0.2.11, link: eth0}, {via: 192.0.2.12, link: eth0}"};
constexpr Servers kSecond{R"({address: "192.0.2.12:80"})", "{via: 192.0.2.12, link: eth0}"};

/// The daemon itself, without a routing daemon and without evidence: what it keeps in the kernel
/// needs neither.
class Daemon {
 public:
  explicit Daemon(const Servers& servers) {
    configure(servers);
    start();
  }
  void configure(const Servers& servers) const {
    std::ofstream{folder_.file("anycastd.yaml")}
        << R"(
mode: auto
node: here
prefixes: {198.51.100.0/24: {origin_asn: 64500, vips: [198.51.100.1]}}
prometheus: {urls: ["http://127.0.0.1:9"], interval: 1s, timeout: 900ms}
evidence: {rtt: "probe_icmp_duration_seconds{phase=\"rtt\"}", loss: probe_success}
regions: [beijing, shenzhen, chengdu]
carriers: [mobile]
upstreams: {cmi: {asn: 64496, carries: [mobile]}}
nodes:
  here:
    probe_target: 203.0.113.7
    local:
      link: lo
      drain: 2s
      routes:
        - {to: 203.0.113.128/28, table: 100, rule: 1000, service: web,
           nexthops: [)"
        << servers.hops << R"(]}
    sessions: {cmi: {neighbor: 192.0.2.31, local: 192.0.2.1}}
    services:
      web:
        check: {interval: 500ms, fast_interval: 100ms, timeout: 400ms, rise: 2, fall: 2}
        lvs: [{address: "198.51.100.1:80", scheduler: rr}]
        servers: [)"
        << servers.real << R"(]
policy: {carrier_bad: [{do: withdraw}]}
guards: {min_nodes: 1}
)"
        << "router: {socket: " << folder_.file("bird.ctl")
        << ", config: " << folder_.file("bird.conf")
        << ", fragment: " << folder_.file("fragment.conf") << "}\ncontrol: {socket: " << socket()
        << "}\nhistory: {file: " << folder_.file("history.db") << "}\n";
  }
  void start() {
    child_ = std::make_unique<test::Child>(
        std::vector<std::string>{program("anycastd"), "--config", folder_.file("anycastd.yaml")},
        folder_.file("log"));
  }
  void kill() { child_.reset(); }
  void reload() const {
    const std::vector<std::string> command{program("anycastctl"), "--socket", socket(), "reload"};
    REQUIRE(at_last([&] { return test::run_program(command) == 0; }));
  }
  nlohmann::json inside() const {
    const auto text =
        test::printed(program("anycastctl") + " --socket " + socket() + " status -o json");
    const auto json = nlohmann::json::parse(text, nullptr, false);
    return json.is_object() ? json.at("local").at("inside") : nlohmann::json{};
  }
  Table counted() const {
    Table out;
    const auto report = inside();
    if (!report.is_object()) return out;
    for (const auto& service : report.at("virtual_services")) {
      const auto name = service.at("name").get<std::string>().substr(4);
      out[name] = numbers(service);
      for (const auto& real : service.at("servers"))
        out[name + " -> " + real.at("address").get<std::string>()] = numbers(real);
    }
    return out;
  }
  std::string log() const {
    std::ifstream in{folder_.file("log")};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

 private:
  static std::string program(const std::string& name) {
    return std::string{ANYCASTD_BINARY_DIR} + "/" + name;
  }
  std::string socket() const { return folder_.file("anycastd.sock"); }

  test::TempDir folder_;
  std::unique_ptr<test::Child> child_;
};

/// Weights by real server, as ipvsadm has them.
std::string weights() {
  std::string out;
  std::istringstream in{test::printed("ipvsadm -Sn")};
  for (std::string line; std::getline(in, line);) {
    std::istringstream words{line};
    std::vector<std::string> all{std::istream_iterator<std::string>{words}, {}};
    if (all.size() < 8 || all[0] != "-a") continue;
    out += (out.empty() ? "" : " ") + all[4] + "=" + all.back();
  }
  return out;
}

/// What a daemon of another test has left is nobody's.
void clear_director() {
  test::printed("ipvsadm -C");
  // Busybox would run its own ip.
  for (const auto* what :
       {"address del 198.51.100.1/32 dev lo", "route flush table 100", "rule del priority 1000"})
    test::printed(std::string{"/usr/sbin/ip "} + what + " 2>&1");
}

/// Whether the route of the daemon's leads to a real server.
bool leads_to(const std::string& last) {
  return test::printed("/usr/sbin/ip route show table 100").find("192.0.2." + last + " ") !=
         std::string::npos;
}

/// Milliseconds since then.
long since(std::chrono::steady_clock::time_point then) {
  return static_cast<long>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - then)
          .count());
}

const std::string kWhole = "192.0.2.11:80=1 192.0.2.12:80=1";

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

TEST_CASE("the daemon: a real server dies, returns, leaves as planned, and its counters agree") {
  if (!at_director()) return;
  auto first = std::make_unique<test::Responder>("r1");
  const test::Responder second{"r2"};
  clear_director();
  Daemon daemon{kBoth};
  INFO(daemon.log());
  REQUIRE(at_last([] { return weights() == kWhole; }));
  test::Users users{kVip};
  users.wait_for(40);
  REQUIRE(users.failed() == 0);

  REQUIRE(at_last([] { return leads_to("11"); }));
  const auto died = std::chrono::steady_clock::now();
  first.reset();
  REQUIRE(at_last([] { return !leads_to("11"); }));
  const auto out_after = since(died);
  CHECK(leads_to("12"));
  REQUIRE(at_last([] { return weights() == "192.0.2.11:80=0 192.0.2.12:80=1"; }));
  const int lost = users.failed();
  users.wait_for(40);
  CHECK(users.failed() <= lost + 1);  // one may have been under way
  first = std::make_unique<test::Responder>("r1");
  REQUIRE(at_last([] { return weights() == kWhole; }));
  REQUIRE(at_last([] { return leads_to("11"); }));
  const int before = users.failed();

  // Who is connected stays connected through a planned leave.
  std::unique_ptr<test::Connection> held;
  bool first_holds = false;
  std::thread{[&] {
    test::enter_space("client");
    for (int tries = 0; tries < 100 && !first_holds; ++tries) {
      held = std::make_unique<test::Connection>(kVip);
      first_holds = held->ask() == "r1";
    }
  }}.join();
  REQUIRE(first_holds);
  daemon.configure(kSecond);
  daemon.reload();
  REQUIRE(at_last([] { return weights() == "192.0.2.11:80=0 192.0.2.12:80=1"; }));
  CHECK(held->ask() == "r1");
  CHECK(requests(kVip, 10) == Answers{{"r2", 10}});
  held.reset();
  REQUIRE(at_last([] { return weights() == "192.0.2.12:80=1"; }));
  daemon.configure(kBoth);
  daemon.reload();
  REQUIRE(at_last([] { return weights() == kWhole; }));
  users.wait_for(40);
  CHECK(users.failed() == before);
  const auto answers = users.end();
  CHECK(at_last([&] { return !daemon.counted().empty() && daemon.counted() == of_ipvsadm(); }));
  std::cout << "a real server died, came back, left and returned under " << users.asked()
            << " requests: " << test::to_string(answers) << ", " << lost
            << " of them before it was found dead, none by the planned leave; as a next hop it was "
               "left out after "
            << out_after << " ms (fall 2: 500 ms at most, then 100 ms)\n";
}

TEST_CASE("the daemon is killed at any moment of a change, starts again, and no client notices") {
  if (!at_director()) return;
  const test::Responder first{"r1"};
  const test::Responder second{"r2"};
  clear_director();
  const auto began = std::chrono::steady_clock::now();
  Daemon daemon{kBoth};
  INFO(daemon.log());
  REQUIRE(at_last([] { return weights() == kWhole; }));
  const auto takes = since(began);
  test::Users users{kVip};
  users.wait_for(10);
  std::mt19937 chance{11};
  const int kills = contract::count_of("ANYCASTD_KILLS", 3);
  std::set<std::string> found;
  for (int i = 0; i < kills; ++i) {
    const bool leaves = i % 2 == 0;
    daemon.kill();
    daemon.configure(leaves ? kSecond : kBoth);
    daemon.start();
    // Anywhere from before the first cycle to after the last change.
    std::this_thread::sleep_for(
        std::chrono::milliseconds{takes * static_cast<long>(chance() % 150) / 100});
    daemon.kill();
    found.insert(weights());
    daemon.start();
    REQUIRE(at_last([&] { return weights() == (leaves ? "192.0.2.12:80=1" : kWhole); }));
  }
  users.wait_for(20);
  CHECK(users.failed() == 0);
  std::cout << "killed " << kills << " times while real servers came and went (a start takes "
            << takes << " ms), with " << found.size()
            << " different states left behind: " << users.asked() << " requests, " << users.failed()
            << " failed; " << since(began) / 1000 << " s\n";
}
