#include "adapters/frr/objects.hpp"

#include "adapters/frr/readout.hpp"
#include "tests/support/bird_config.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::frr;
using namespace anycast::test;

namespace {

// As FRR 8.4.4 prints it.
constexpr auto kRunning = R"(frr version 8.4.4
frr defaults traditional
!
hostname edge
!
router bgp 64500
 bgp router-id 192.0.2.1
 neighbor 192.0.2.2 remote-as 64501
 !
 address-family ipv4 unicast
  network 198.51.100.0/24 route-map customers
  network 203.0.113.0/24
  neighbor 192.0.2.2 route-map anycastd_cmi out
 exit-address-family
 !
 address-family ipv4 multicast
  network 192.0.2.0/24
 exit-address-family
exit
!
router bgp 64500 vrf red
 !
 address-family ipv4 unicast
  network 192.0.2.128/25
 exit-address-family
exit
!
ip prefix-list customers seq 5 permit 10.0.0.0/8 le 24
ip prefix-list anycastd.203.0.113.0-24 seq 5 permit 203.0.113.0/24
!
bgp as-path access-list anycastd.own seq 5 permit ^$
!
route-map customers permit 10
 set metric 7
 call anycastd_ntt
exit
!
route-map anycastd_cmi permit 10
 match ip address prefix-list anycastd.203.0.113.0-24
 match as-path anycastd.own
 set as-path prepend 64500 64500
 set community 64501:100 graceful-shutdown additive
exit
!
route-map anycastd.revision deny 1
 description anycastd revision 123
exit
!
end
)";

Objects objects_of(const std::map<std::string, Stance>& stances) {
  return read_running(frr_fragment(stances).text).objects;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("of a running configuration only what is ours is read") {
  const auto running = read_running(kRunning);
  CHECK(running.instance == "router bgp 64500");
  CHECK(running.attached == std::set<std::string>{"anycastd_cmi", "anycastd_ntt"});
  const auto& o = running.objects;
  CHECK(o.lists ==
        std::map<std::string, std::set<std::string>>{
            {"bgp as-path access-list anycastd.own", {"seq 5 permit ^$"}},
            {"ip prefix-list anycastd.203.0.113.0-24", {"seq 5 permit 203.0.113.0/24"}}});
  CHECK(o.networks == std::map<std::string, std::string>{{"198.51.100.0/24", "route-map customers"},
                                                         {"203.0.113.0/24", ""}});
  CHECK(o.maps.size() == 2);
  CHECK(o.maps.at("anycastd_cmi").at(10).permit);
  CHECK(
      o.maps.at("anycastd_cmi").at(10).lines.contains("set community 64501:100 65535:0 additive"));
  CHECK(marker_of(o) == 123);
  CHECK(communities_for(o, "anycastd_cmi", *Prefix::parse("203.0.113.0/24")) ==
        Words{"64501:100", "65535:0"});
  CHECK(read_running(text_of(o)).objects == o);
}

TEST_CASE("a withdrawal turns one entry in place") {
  const auto announced = objects_of(all_say({}));
  auto stances = all_say({});
  stances["cmi"] = {Stance::Kind::withdraw};
  const auto change = delta(announced, objects_of(stances), "router bgp 64500");
  CHECK(change.filters == Words{"route-map anycastd_cmi deny 10", "exit"});
  CHECK(change.removals.empty());
  CHECK(change.origins.empty());
  CHECK(change.changed_maps == std::set<std::string>{"anycastd_cmi"});
  CHECK(change.revision.size() == 3);
  const auto back = delta(objects_of(stances), announced, "router bgp 64500");
  CHECK(back.filters ==
        Words{"route-map anycastd_cmi deny 10", "route-map anycastd_cmi permit 10", "exit"});
}

TEST_CASE("a new entry denies until it is complete, and the network comes last") {
  const auto change =
      delta({}, objects_of(all_say({Stance::Kind::prepend, 1})), "router bgp 64500");
  const auto& f = change.filters;
  const auto at = [&](const std::string& line) { return std::ranges::find(f, line) - f.begin(); };
  CHECK(at("ip prefix-list anycastd.203.0.113.0-24 seq 5 permit 203.0.113.0/24") <
        at("route-map anycastd_cmi deny 10"));
  CHECK(at("route-map anycastd_cmi deny 10") < at("match as-path anycastd.own"));
  CHECK(at("set as-path prepend 64500") < at("route-map anycastd_cmi permit 10"));
  CHECK(change.origins == Words{"router bgp 64500", "address-family ipv4 unicast",
                                "network 203.0.113.0/24", "exit-address-family",
                                "address-family ipv6 unicast", "network 2001:db8:100::/48",
                                "exit-address-family", "exit"});
}

TEST_CASE("a repair takes the marker away first, so that it is the last again") {
  auto drifted = objects_of(all_say({}));
  const auto wanted = drifted;
  drifted.maps.at("anycastd_cmi").at(10).permit = false;
  const auto change = delta(drifted, wanted, "router bgp 64500");
  CHECK(change.filters.front() == "no route-map anycastd.revision");
  CHECK(change.revision ==
        Words{"route-map anycastd.revision deny 1",
              "description anycastd revision " + std::to_string(marker_of(wanted)), "exit"});
}

TEST_CASE("between two ways of announcing nothing is denied") {
  const auto change = delta(objects_of(all_say({Stance::Kind::prepend, 2})),
                            objects_of(all_say({Stance::Kind::drain})), "router bgp 64500");
  for (const auto& command : change.filters) CHECK(command.find(" deny ") == std::string::npos);
  CHECK(Words(change.filters.begin(), change.filters.begin() + 4) ==
        Words{"route-map anycastd_cmi permit 10", "set community 65535:0 additive",
              "no set as-path prepend", "exit"});
}

TEST_CASE("from any objects to any others the delta leads there and then is empty") {
  const std::vector<Objects> all{{},
                                 objects_of(all_say({})),
                                 objects_of(all_say({Stance::Kind::withdraw})),
                                 objects_of(all_say({Stance::Kind::prepend, 3})),
                                 read_running(kRunning).objects};
  for (const auto& from : all) {
    for (const auto& to : all) {
      CHECK(delta(from, to, "router bgp 64500").empty() == (from == to));
    }
  }
}

TEST_CASE("replies of bgpd that are no JSON, or other JSON, are errors or nothing") {
  for (const auto* text : {"", "{", "[]", "{}", "{\"192.0.2.2\":7}", "{\"a\":{},\"b\":{}}"}) {
    CHECK(!read_neighbor(text));
  }
  CHECK(*read_neighbor(R"({"bgpNoSuchNeighbor":true})") == std::nullopt);
  CHECK(!read_advertised("{}"));
  CHECK(!read_advertised(R"({"advertisedRoutes":{"x":{}}})"));
  CHECK(read_advertised(R"({"warning":"No such neighbor"})")->empty());
  const auto routes =
      read_advertised(R"({"advertisedRoutes":{"203.0.113.0/24":{"path":"64500 64500"}}})");
  CHECK(*routes == std::vector<Export>{
                       {.prefix = *Prefix::parse("203.0.113.0/24"), .as_path = {64500, 64500}}});
  CHECK(!read_usable("% Network not in table\n"));
  CHECK(!read_usable("{}"));
  CHECK(*read_usable(R"({"paths":[{"valid":true,"sourced":true}]})"));
  CHECK(!*read_usable(R"({"paths":[{"sourced":true}]})"));
  CHECK(!read_version("BIRD 2.0.12\n"));
  CHECK(*read_version("FRRouting 8.4.4 (edge) on Linux\nmore\n") == "8.4.4");
}

TEST_CASE("ROAs are read as bgpd lists them, and what is none is an error") {
  const auto one = [](const std::string& record) {
    return read_roas(R"({"prefixes":[)" + record + "]}");
  };
  CHECK(*one(R"({"prefix":"203.0.113.0","prefixLenMin":24,"prefixLenMax":25,"asn":64500})") ==
        std::vector<Roa>{*parse_roa("203.0.113.0/24-25 AS64500")});
  CHECK(one("")->empty());
  for (const std::string record :
       {R"({"prefix":"203.0.113.1","prefixLenMin":24,"prefixLenMax":24,"asn":64500})",
        R"({"prefix":"203.0.113.0","prefixLenMin":24,"prefixLenMax":23,"asn":64500})",
        R"({"prefix":"203.0.113.0","prefixLenMin":24,"prefixLenMax":24,"asn":4294967296})",
        R"({"prefix":"203.0.113.0","prefixLenMin":24,"prefixLenMax":24,"asn":"64500"})", "7",
        "null"})
    CHECK(!one(record));
  CHECK(!read_roas(R"({"error":"no"})"));
  CHECK(!read_roas(""));
}
