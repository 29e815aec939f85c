#include "controller/model/inside.hpp"

#include "controller/model/inside_change.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

ServiceKey service(Protocol protocol, const char* address, std::uint16_t port) {
  return {.protocol = protocol, .address = *Address::parse(address), .port = port};
}
ServerKey server(const char* address, std::uint16_t port) {
  return {*Address::parse(address), port};
}

}  // namespace

TEST_CASE("the inside of a node is printed in the words of ip and ipvsadm") {
  Inside inside;
  inside.vips = {{*Prefix::parse("2001:db8::1/128"), "vip0"},
                 {*Prefix::parse("198.51.100.1/32"), "lo"}};
  inside.services[service(Protocol::tcp, "198.51.100.1", 80)] = {
      .settings = {.scheduler = "wrr", .persistence = Persistence{seconds{60}, 24}},
      .servers = {{server("192.0.2.11", 8080), {.weight = 3, .upper = 100, .lower = 50}},
                  {server("192.0.2.12", 8080), {.weight = 0}}}};
  inside.services[service(Protocol::udp, "2001:db8::1", 53)] = {
      .settings = {.scheduler = "mh",
                   .flags = {ServiceFlag::one_packet, ServiceFlag::first, ServiceFlag::second},
                   .persistence = Persistence{.mask = 64}},
      .servers = {{server("2001:db8:1::11", 53), {.forwarding = Forwarding::dr}}}};
  inside.services[ServiceKey::of_mark(Address::Family::v6, 7)] = {
      .settings = {.scheduler = "lc", .flags = {ServiceFlag::first, ServiceFlag::third}},
      .servers = {{server("2001:db8:1::12", 0),
                   {.forwarding = Forwarding::tunnel,
                    .tunnel = {Tunnel::Kind::gue, 6080, Tunnel::Checksum::full}}},
                  {server("2001:db8:1::13", 0),
                   {.forwarding = Forwarding::tunnel, .tunnel = {.kind = Tunnel::Kind::gre}}},
                  {server("2001:db8:1::14", 0), {.forwarding = Forwarding::tunnel}}}};
  CHECK(text_of(inside) ==
        "ip address add 198.51.100.1/32 dev lo\n"
        "ip address add 2001:db8::1/128 dev vip0\n"
        "ipvsadm -A -t 198.51.100.1:80 -s wrr -p 60 -M 255.255.255.0\n"
        "ipvsadm -a -t 198.51.100.1:80 -r 192.0.2.11:8080 -m -w 3 -x 100 -y 50\n"
        "ipvsadm -a -t 198.51.100.1:80 -r 192.0.2.12:8080 -m -w 0\n"
        "ipvsadm -A -f 7 -6 -s lc -b flag-1,flag-3\n"
        "ipvsadm -a -f 7 -6 -r [2001:db8:1::12]:0 -i -w 1 --tun-type gue --tun-port 6080 "
        "--tun-csum\n"
        "ipvsadm -a -f 7 -6 -r [2001:db8:1::13]:0 -i -w 1 --tun-type gre --tun-nocsum\n"
        "ipvsadm -a -f 7 -6 -r [2001:db8:1::14]:0 -i -w 1 --tun-type ipip\n"
        "ipvsadm -A -u [2001:db8::1]:53 -s mh -p 300 -M 64 -o -b mh-fallback,mh-port\n"
        "ipvsadm -a -u [2001:db8::1]:53 -r [2001:db8:1::11]:53 -g -w 1\n");
}

TEST_CASE("changes of the inside are commands too") {
  const auto web = service(Protocol::sctp, "198.51.100.1", 80);
  const auto real = server("192.0.2.11", 80);
  CHECK(
      to_string(InsideChange{VipChange{InsideVerb::remove, {*Prefix::parse("198.51.100.1/32")}}}) ==
      "ip address del 198.51.100.1/32 dev lo");
  CHECK(to_string(InsideChange{ServiceChange{InsideVerb::edit, web, {}}}) ==
        "ipvsadm -E --sctp-service 198.51.100.1:80 -s wlc");
  CHECK(to_string(InsideChange{ServiceChange{InsideVerb::remove, web}}) ==
        "ipvsadm -D --sctp-service 198.51.100.1:80");
  CHECK(to_string(InsideChange{ServerChange{InsideVerb::edit, web, real, {.weight = 0}}}) ==
        "ipvsadm -e --sctp-service 198.51.100.1:80 -r 192.0.2.11:80 -m -w 0");
  CHECK(to_string(InsideChange{ServerChange{InsideVerb::remove, web, real}}) ==
        "ipvsadm -d --sctp-service 198.51.100.1:80 -r 192.0.2.11:80");
  CHECK(to_string(web) == "sctp 198.51.100.1:80");
  CHECK(to_string(ServiceKey::of_mark(Address::Family::v6, 7)) == "fwmark 7 (IPv6)");
  CHECK(to_string(server("2001:db8::1", 53)) == "[2001:db8::1]:53");
}
