#include <algorithm>

#include "controller/app/inside_hand.hpp"
#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"
#include "tests/support/fake_kernel.hpp"
#include "tests/support/stances.hpp"

using namespace anycast;
using anycast::test::Bench;

namespace {

using Lines = std::vector<std::string>;
using anycast::test::kPlain;
using anycast::test::kWithdraw;

const ServerKey kFirst{*Address::parse("192.0.2.201"), 8080};
const ServerKey kSecond{*Address::parse("192.0.2.202"), 8080};

/// A node that keeps its address and a virtual service in a kernel, cycle by cycle.
struct Site : Bench {
  Site() {
    auto& node = setup.config.nodes.at("hk-idc-1");
    setup.config.prefixes.front().vips = {*Address::parse("203.0.113.1")};
    setup.config.guards.min_paths_per_carrier = 1;
    setup.config.guards.hold_after_change = seconds{0};
    node.local.link = "vip0";
    node.services["web"] = {
        .servers = {{.endpoint = kFirst, .weight = 2}, {.endpoint = kSecond}},
        .high = 500'000,
        .low = 0,
        .lvs = {{.address = {*Address::parse("203.0.113.1"), 80}, .scheduler = "wrr"}}};
    alive(Alive::up, Alive::up);
  }
  void alive(Alive first, Alive second) { alive_ = {{kFirst, first}, {kSecond, second}}; }

  /// The commands that were carried out.
  Lines keep() {
    health.emplace();
    for (const auto& [key, verdict] : alive_)
      (*health)["web"][key] = {.alive = verdict, .since = now, .heard = now + minutes{1}};
    inside = kernel.view;
    cycle();
    InsideHand hand{&kernel, last.plan, state.inside};
    hand.before();
    const auto early = text_of(kernel.view.inside);
    hand.after();
    went = text_of(kernel.view.inside) != early;
    state.inside = hand.ours();
    faults = hand.faults();
    for (auto& event : hand.events("hk-idc-1", {})) told.push_back(std::move(event.text));
    Lines out;
    if (!last.plan.inside.waits.empty()) return out;
    for (const auto& change : last.plan.inside.changes) out.push_back(to_string(change));
    return out;
  }
  void keep_for(Duration span) {
    for (const auto end = now + span; now < end;) keep();
  }
  bool all_say(const Stance& stance) const {
    return std::ranges::all_of(state.sessions,
                               [&](const auto& entry) { return entry.second.stance == stance; });
  }
  std::string kept() const { return text_of(kernel.view.inside); }
  Lines notices(const std::string& code) const {
    Lines out;
    for (const auto& notice : plan().notices) {
      if (notice.code == code) out.push_back(notice.text);
    }
    return out;
  }
  Config& config() { return setup.config; }
  Node& node() { return setup.config.nodes.at("hk-idc-1"); }

  test::FakeKernel kernel;
  Lines faults;
  Lines told;
  bool went = false;  ///< something was changed in the part after the routing daemon

 private:
  std::map<ServerKey, Alive> alive_;
};

const std::string kWhole =
    "ip address add 203.0.113.1/32 dev vip0\n"
    "ipvsadm -A -t 203.0.113.1:80 -s wrr\n"
    "ipvsadm -a -t 203.0.113.1:80 -r 192.0.2.201:8080 -m -w 2\n"
    "ipvsadm -a -t 203.0.113.1:80 -r 192.0.2.202:8080 -m -w 1\n";

}  // namespace

TEST_CASE("the kernel gets what the configuration names, and what was taken away comes back") {
  Site site;
  CHECK(site.keep() == Lines{"ipvsadm -A -t 203.0.113.1:80 -s wrr",
                             "ipvsadm -a -t 203.0.113.1:80 -r 192.0.2.201:8080 -m -w 2",
                             "ipvsadm -a -t 203.0.113.1:80 -r 192.0.2.202:8080 -m -w 1",
                             "ip address add 203.0.113.1/32 dev vip0"});
  CHECK(site.told == Lines{"changed the kernel of hk-idc-1: ipvsadm -A -t 203.0.113.1:80 -s wrr; "
                           "ipvsadm -a -t 203.0.113.1:80 -r 192.0.2.201:8080 -m -w 2; ipvsadm -a "
                           "-t 203.0.113.1:80 -r 192.0.2.202:8080 -m -w 1; and 1 more; next: "
                           "looked at again in each cycle"});
  CHECK(site.keep().empty());
  CHECK(site.kept() == kWhole);
  site.kernel.view.inside.vips.clear();
  CHECK(site.keep() == Lines{"ip address add 203.0.113.1/32 dev vip0"});
  CHECK(site.all_say(kPlain));
}

TEST_CASE("nothing is read or changed where nothing is configured") {
  Site site;
  site.node().local = {};
  site.node().services.clear();
  CHECK(site.keep().empty());
  CHECK(site.kept().empty());
  CHECK(site.state.inside == InsideOurs{});
}

TEST_CASE("what observe and advise would do to the kernel is planned, and left to a person") {
  Site site;
  site.config().mode = Mode::observe;
  CHECK(site.keep().empty());
  CHECK(site.plan().inside.changes.size() == 4);
  CHECK(site.plan().inside.waits == "mode observe changes nothing");
  site.config().mode = Mode::advise;
  CHECK(site.keep().empty());
  CHECK(site.plan().inside.waits == "mode advise: a person applies it (anycastctl apply)");
  CHECK(site.kept().empty());
  CHECK(site.state.inside == InsideOurs{});
  site.order({.kind = Order::Kind::apply});
  CHECK(site.keep().size() == 4);
  CHECK(site.kept() == kWhole);
}

TEST_CASE(
    "a real server that is dead gets no new connection until it is back, but not if all are") {
  Site site;
  site.keep();
  site.alive(Alive::down, Alive::up);
  CHECK(site.keep() == Lines{"ipvsadm -e -t 203.0.113.1:80 -r 192.0.2.201:8080 -m -w 0"});
  site.alive(Alive::unknown, Alive::up);
  CHECK(site.keep().empty());
  site.alive(Alive::up, Alive::up);
  CHECK(site.keep() == Lines{"ipvsadm -e -t 203.0.113.1:80 -r 192.0.2.201:8080 -m -w 2"});
  site.alive(Alive::down, Alive::down);
  CHECK(site.keep().empty());
  CHECK(site.all_say(kWithdraw));
  CHECK(site.kept() == kWhole);
}

TEST_CASE(
    "one that lives is enough for the dead ones to get nothing, however dead the service is") {
  Site site;
  site.config().guards.min_nodes = 9;  // the floor: it goes on announcing
  site.node().services.at("web").high = kAll;
  site.keep();
  site.alive(Alive::down, Alive::down);
  site.keep();
  site.alive(Alive::down, Alive::up);
  CHECK(site.keep() == Lines{"ipvsadm -e -t 203.0.113.1:80 -r 192.0.2.201:8080 -m -w 0"});
  CHECK(site.state.services.at("web").level == Level::down);
}

TEST_CASE("where clients stay on a real server, a dead one goes at once, and comes back") {
  Site site;
  auto& lvs = site.node().services.at("web").lvs.front();
  std::string of;
  SECTION("persistent") {
    lvs.persistent = minutes{1};
    of = "-t";
  }
  SECTION("udp") {
    lvs.protocol = Protocol::udp;
    of = "-u";
  }
  site.keep();
  site.kernel.view.load[lvs.key()].servers[kFirst].active = 5;
  site.alive(Alive::down, Alive::up);
  CHECK(site.keep() == Lines{"ipvsadm -d " + of + " 203.0.113.1:80 -r 192.0.2.201:8080"});
  CHECK(site.keep().empty());
  site.alive(Alive::up, Alive::up);
  CHECK(site.keep() == Lines{"ipvsadm -a " + of + " 203.0.113.1:80 -r 192.0.2.201:8080 -m -w 2"});
  CHECK(site.keep().empty());
}

TEST_CASE("a next hop that the checks find dead is left out of its route, but not if all are") {
  Site site;
  site.kernel.links.insert("eth1");
  site.node().services.at("web").lvs.clear();
  site.node().local = {
      .routes = {{.to = *Prefix::parse("203.0.113.1/32"),
                  .table = 100,
                  .rule = 1'000,
                  .service = "web",
                  .nexthops = {{kFirst.address, "eth1", 2}, {kSecond.address, "eth1"}}}}};
  const std::string begin = "ip route replace 203.0.113.1/32 table 100 proto 119";
  const std::string first = " nexthop via 192.0.2.201 dev eth1 weight ";
  const std::string second = " nexthop via 192.0.2.202 dev eth1 weight 1";
  CHECK(
      site.keep() ==
      Lines{"ip route add 203.0.113.1/32 table 100 proto 119" + first + "2" + second,
            "ip rule add priority 1000 from 0.0.0.0/0 to 203.0.113.1/32 lookup 100 protocol 119"});
  CHECK(site.state.inside.tables == std::set<std::uint32_t>{100});
  CHECK(site.keep().empty());
  site.alive(Alive::up, Alive::down);
  CHECK(site.keep() == Lines{begin + first + "1"});
  CHECK(site.keep().empty());
  site.alive(Alive::down, Alive::down);
  CHECK(site.keep() == Lines{begin + first + "2" + second});
  site.alive(Alive::up, Alive::up);
  CHECK(site.keep().empty());

  // What the configuration does not name any more stays while the node announces.
  site.keep_for(minutes{10});
  site.node().local.routes.clear();
  CHECK(site.keep().empty());
  CHECK(site.notices("unlisted") ==
        Lines{"203.0.113.1/32 in table 100, rule 1000 are not in the configuration any more and "
              "are kept while this node announces, until a person applies that (anycastctl "
              "apply)"});
  site.order({.kind = Order::Kind::apply});
  CHECK(site.keep() ==
        Lines{"ip rule del priority 1000 from 0.0.0.0/0 to 203.0.113.1/32 lookup 100 protocol 119",
              "ip route del 203.0.113.1/32 table 100 proto 119"});
  site.keep();
  CHECK(site.state.inside == InsideOurs{});
}

TEST_CASE("what Keepalived owns is read, and given away without a change") {
  Site site;
  site.keep();
  auto& lvs = site.node().services.at("web").lvs.front();
  lvs.owner = Lvs::Owner::keepalived;
  site.alive(Alive::down, Alive::up);
  CHECK(site.keep().empty());
  CHECK(site.kept() == kWhole);
  CHECK(site.state.inside.services.empty());
  site.node().services.at("web").lvs.clear();
  site.order({.kind = Order::Kind::apply});
  site.keep_for(minutes{10});
  CHECK(site.kept() == kWhole);
}

TEST_CASE("what is there already and named is taken over, and told") {
  Site site;
  site.kernel.view.inside.vips = {{*Prefix::parse("203.0.113.1/32"), "vip0"}};
  site.keep();
  const auto told = [&] {
    return std::ranges::count(site.events,
                              "took over 203.0.113.1/32 on vip0, there already on "
                              "hk-idc-1 and named in its configuration; next: kept "
                              "as configured",
                              &Event::text);
  };
  CHECK(told() == 1);
  site.keep();
  CHECK(told() == 1);
}

TEST_CASE("the address of a drained node goes last, and is back before it announces again") {
  Site site;
  site.keep();
  site.order({.kind = Order::Kind::drain, .now = true, .reason = "work"});
  CHECK(site.keep().empty());
  REQUIRE(site.all_say(kWithdraw));
  site.keep_for(minutes{5} - seconds{15});
  CHECK(site.kept() == kWhole);
  CHECK(site.keep() == Lines{"ip address del 203.0.113.1/32 dev vip0"});
  CHECK(site.went);
  CHECK(site.keep().empty());

  site.order({.kind = Order::Kind::undrain});
  CHECK(site.keep() == Lines{"ip address add 203.0.113.1/32 dev vip0"});
  CHECK(site.all_say(kWithdraw));
  CHECK(site.refusals("cmi") == Lines{"inside: 203.0.113.1/32 is not on vip0"});
  CHECK(site.keep().empty());
  CHECK(site.all_say(kPlain));
}

TEST_CASE("while the router does not answer, or exports still, no address goes") {
  Site site;
  site.keep();
  site.order({.kind = Order::Kind::drain, .now = true, .reason = "work"});
  site.keep();
  SECTION("silent") { site.router_up = false; }
  SECTION("exports") {
    site.tamper_router = [](RouterView& view) {
      view.sessions.at("cmi").exports = {{.prefix = *Prefix::parse("203.0.113.0/24")}};
    };
  }
  site.keep_for(minutes{20});
  CHECK(site.kept() == kWhole);
}

TEST_CASE("what is not in the configuration any more stays until a person applies that") {
  Site site;
  site.keep();
  site.config().prefixes.front().vips.clear();
  site.node().services.at("web").lvs.clear();
  CHECK(site.keep().empty());
  CHECK(site.kept() == kWhole);
  CHECK(site.notices("unlisted") ==
        Lines{"203.0.113.1/32 on vip0, tcp 203.0.113.1:80 are not in the configuration any more "
              "and are kept while this node announces, until a person applies that (anycastctl "
              "apply)"});
  Lines proposal;
  for (const auto& change : site.plan().inside.proposal) proposal.push_back(to_string(change));
  CHECK(proposal == Lines{"ipvsadm -e -t 203.0.113.1:80 -r 192.0.2.201:8080 -m -w 0",
                          "ipvsadm -e -t 203.0.113.1:80 -r 192.0.2.202:8080 -m -w 0"});
  site.order({.kind = Order::Kind::apply});
  CHECK(site.keep().size() == 2);  // its real servers get no new connection
  site.keep_for(minutes{6});
  CHECK(site.kept().empty());
  CHECK(site.state.inside == InsideOurs{});
  CHECK(site.all_say(kPlain));
}

TEST_CASE("what is not in the configuration any more outlasts the drain of its node") {
  Site site;
  site.keep();
  site.config().prefixes.front().vips.clear();
  site.node().services.at("web").lvs.clear();
  site.order({.kind = Order::Kind::drain, .now = true, .reason = "work"});
  site.keep_for(minutes{5});
  CHECK(site.all_say(kWithdraw));
  CHECK(site.kept() == kWhole);
  site.keep_for(minutes{7});
  CHECK(site.kept().empty());
}

TEST_CASE("a node that has just come up announces once its inside is there") {
  Site site;
  site.state = {};
  for (auto& [upstream, exports] : site.running.exports) exports.clear();
  site.running.revision = 1;
  site.kernel.links.erase("vip0");
  site.keep_for(minutes{2});
  CHECK(site.all_say(kWithdraw));
  CHECK(site.faults.size() == 1);
  CHECK(site.refusals("cmi") == Lines{"inside: 203.0.113.1/32 is not on vip0"});
  site.node().local.routes = {{.to = *Prefix::parse("203.0.113.1/32"),
                               .table = 100,
                               .nexthops = {{kFirst.address, "eth9"}}}};
  site.kernel.links.insert("vip0");
  site.keep_for(minutes{2});
  CHECK(site.all_say(kWithdraw));
  CHECK(site.refusals("cmi") == Lines{"inside: there is no route to 203.0.113.1/32 in table 100"});
  site.kernel.links.insert("eth9");
  site.keep_for(minutes{2});
  CHECK(site.all_say(kPlain));
}

TEST_CASE("a kernel without IPVS, or that does not answer, is told and leaves the rest working") {
  Site site;
  site.kernel.view.no_services = Error{.text = "the kernel has no IPVS"};
  CHECK(site.keep() == Lines{"ip address add 203.0.113.1/32 dev vip0"});
  CHECK(site.notices("ipvs") == Lines{"the kernel has no IPVS"});
  CHECK(site.all_say(kPlain));
}

TEST_CASE("an entry of somebody else's is never touched") {
  Site site;
  const ServiceKey dns{Protocol::udp, *Address::parse("203.0.113.1"), 53};
  const Vip other{*Prefix::parse("203.0.113.7/32"), "vip0"};
  site.kernel.view.inside.services[dns].servers[kFirst] = {};
  site.kernel.view.inside.vips = {other};
  site.keep();
  site.order({.kind = Order::Kind::drain, .now = true, .reason = "work"});
  site.keep_for(minutes{10});
  CHECK(site.kernel.view.inside.vips == std::set{other});
  CHECK(site.kernel.view.inside.services.contains(dns));
}
