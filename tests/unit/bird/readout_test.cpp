#include "adapters/bird/readout.hpp"

#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::bird;

namespace {

Reply reply(std::string_view transcript) {
  ReplyParser parser;
  for (const auto& line : split(transcript, '\n')) {
    if (!line.empty()) REQUIRE(parser.feed(line));
  }
  return parser.take();
}

Time at(std::string_view text) { return parse_utc(text).value(); }

// 2.0.12
constexpr auto kProtocol2 = R"(2002-Name       Proto      Table      State  Since         Info
1002-cmi        BGP        ---        up     00:59:41.102  Established   
1006-  BGP state:          Established
     Neighbor address: 192.0.2.2
     Neighbor AS:      64501
     Hold timer:       151.021/240
   Channel ipv4
     State:          UP
     Table:          master4
     Input filter:   REJECT
     Output filter:  anycastd_cmi
     Routes:         0 imported, 1 exported, 0 preferred
     Route change stats:     received   rejected   filtered    ignored   accepted
       Import updates:              0          0          0          0          0
   Channel ipv6
     State:          DOWN
     Output filter:  anycastd_cmi
 
0000 
)";

// 3.x: more states and columns, a long time of day
constexpr auto kProtocol3 = R"(2002-Name       Proto      Table      State  Since         Info
1002-ntt-hk     BGP        ---        up     2026-06-01 12:20:20.123  Established   
1006-  Created:            2026-06-01 12:00:00.000
   BGP state:          Established
     Neighbor AS:      64502
   Channel ipv4
     State:          UP
     Import state:   UP
     Export state:   READY
     Table:          master4
     Input filter:   REJECT
     Output filter:  anycastd_ntt-hk
     Routes:         0 imported, 2 exported, 0 preferred
     Route change stats:     received   rejected   filtered    ignored   RX limit  IN limit   accepted
0000 
)";

constexpr auto kRoutes2 =
    "1007-Table master4:\n"
    " 203.0.113.0/24       blackhole [anycastd4 00:59:37.442] * (200)\n"
    "1008-\tType: static univ\n"
    "1012-\tBGP.origin: IGP\n"
    " \tBGP.as_path: 64500 64500\n"
    " \tBGP.community: (65535,0) (64501,100)\n"
    " \tBGP.large_community: (64500, 1, 2)\n"
    "0000 \n";

// 3.1.8
constexpr auto kRoutes3 =
    "1007-Table master4:\n"
    " 203.0.113.0/24       blackhole [anycastd4 01:46:41.681] * (200)\n"
    "1012-\tpreference: 200\n"
    " \tsource: static\n"
    " \tbgp_path: 64500\n"
    " \tbgp_community: (65535,0)\n"
    " \tbgp_large_community: (64500, 1, 2)\n"
    "1008-\tInternal route handling values: 0L 2G 0S id 1\n"
    "0000 \n";

}  // namespace

TEST_CASE("a session is read from the layouts of 2.x and 3.x") {
  const auto two = read_protocol(reply(kProtocol2));
  REQUIRE(two);
  REQUIRE(*two);
  CHECK((*two)->state == "Established");
  CHECK((*two)->since == "00:59:41.102");
  CHECK((*two)->channels.at("ipv4").up);
  CHECK((*two)->channels.at("ipv4").exported == 1);
  CHECK((*two)->channels.at("ipv4").output_filter == "anycastd_cmi");
  CHECK(!(*two)->channels.at("ipv6").up);

  const auto three = read_protocol(reply(kProtocol3));
  REQUIRE(three);
  REQUIRE(*three);
  CHECK((*three)->state == "Established");
  CHECK((*three)->since == "2026-06-01 12:20:20.123");
  CHECK((*three)->channels.at("ipv4").up);
  CHECK((*three)->channels.at("ipv4").exported == 2);
}

TEST_CASE("a protocol that is not there is nothing, one that is no answer an error") {
  CHECK(read_protocol(reply("8003 No protocols match\n")).value() == std::nullopt);
  CHECK(!read_protocol(reply("0000 \n")));
  CHECK(!read_protocol(reply("1002-cmi BGP\n0000 \n")));
  CHECK(read_protocol(reply("9001 syntax error\n")).error().text ==
        "bird answers '9001 syntax error' to 'show protocols all'");
}

TEST_CASE("exports are read from the layouts of 2.x and 3.x") {
  const auto prefix = *Prefix::parse("203.0.113.0/24");
  CHECK(read_routes(reply(kRoutes2)).value() ==
        std::vector<Export>{{.prefix = prefix,
                             .as_path = {64500, 64500},
                             .communities = {"64500:1:2", "64501:100", "65535:0"}}});
  CHECK(read_routes(reply(kRoutes3)).value() ==
        std::vector<Export>{
            {.prefix = prefix, .as_path = {64500}, .communities = {"64500:1:2", "65535:0"}}});
  CHECK(read_routes(reply("0000 \n")).value().empty());
  CHECK(!read_routes(reply("1012-\tbgp_path: 64500\n0000 \n")));
  CHECK(read_routes(reply("8001 Network not found\n")).value().empty());
  CHECK(!read_routes(reply("8007 Access denied\n")));
}

TEST_CASE("a path with sets and a route with next hops do not confuse the reader") {
  const auto routes = read_routes(
      reply("1007-Table master4:\n 203.0.113.0/24       unicast [up1 12:00:00.000] * (100) "
            "[AS64496?]\n \tvia 192.0.2.2 on up0\n \tvia 192.0.2.6 on up0\n"
            "1012-\tBGP.as_path: 64501 {64496 64497}\n"
            "1007-                     unicast [up2 12:00:00.000] (100)\n \tvia 192.0.2.6 on up0\n"
            "1012-\tBGP.as_path: 64502\n0000 \n"));
  const auto prefix = *Prefix::parse("203.0.113.0/24");
  CHECK(routes.value() == std::vector<Export>{{.prefix = prefix, .as_path = {64501, 64496, 64497}},
                                              {.prefix = prefix, .as_path = {64502}}});
}

TEST_CASE("the revision is a number, nothing, or an error") {
  CHECK(read_revision(reply("0023 4294967295\n")).value() == 4294967295U);
  CHECK(read_revision(reply("9001 syntax error, unexpected CF_SYM_UNDEFINED\n")).value() ==
        std::nullopt);
  CHECK(!read_revision(reply("0023 4294967296\n")));
  CHECK(!read_revision(reply("0023 TRUE\n")));
  CHECK(!read_revision(reply("8008 runtime error\n")));
}

TEST_CASE("an undo that is scheduled shows in the status of the configuration") {
  CHECK(!read_unconfirmed(reply("0003-Daemon is up and running\n0000 \n")).value());
  CHECK(read_unconfirmed(reply("0003-Daemon is up and running\n0022-Configuration unconfirmed, "
                               "undo in 4.999 s\n0000 \n"))
            .value());
}

TEST_CASE("the time of the last reconfiguration is found in any time zone") {
  Status status{.server_time = "2026-06-01 14:20:20.500",
                .reconfigured = "2026-06-01 14:00:00.250"};
  CHECK(reconfigured_at(status, at("2026-06-01T12:20:20.510Z")) == at("2026-06-01T12:00:00.250Z"));
  CHECK(reconfigured_at(status, at("2026-06-01T08:50:20.400Z")) == at("2026-06-01T08:30:00.250Z"));
  status.reconfigured = "2026-06-01 14:00:00";
  CHECK(reconfigured_at(status, at("2026-06-01T12:20:20.510Z")) == at("2026-06-01T12:00:00.999Z"));
  status.reconfigured = "14:00:00.250";
  CHECK(reconfigured_at(status, at("2026-06-01T12:20:20.510Z")) == std::nullopt);
}

TEST_CASE("the status gives version and times") {
  const auto status =
      read_status(reply("1000-BIRD 3.1.7\n1011-Router ID is 192.0.2.1\n Hostname is hk1\n Current "
                        "server time is 2026-06-01 14:20:20.500\n Last reboot on 2026-06-01 "
                        "10:00:00.000\n Last reconfiguration on 2026-06-01 14:00:00.250\n0013 "
                        "Daemon is up and running\n"));
  REQUIRE(status);
  CHECK(status->version == "3.1.7");
  CHECK(status->server_time == "2026-06-01 14:20:20.500");
  CHECK(status->reconfigured == "2026-06-01 14:00:00.250");
  CHECK(!read_status(reply("0000 \n")));
}

TEST_CASE("a refusal carries bird's place") {
  const auto error = configuration_error(
      reply("0002-Reading configuration from /etc/bird.conf\n8002 /etc/bird/a b:c.conf:12:5 syntax "
            "error, unexpected '}'\n"));
  CHECK(error.place == Place{"/etc/bird/a b:c.conf", 12, 5});
  CHECK(error.text == "bird refuses: syntax error, unexpected '}'");
  CHECK(configuration_error(reply("8002 /nope: No such file or directory\n")).text ==
        "bird refuses: /nope: No such file or directory");
}

TEST_CASE("an RPKI protocol says how old its ROAs are, or that it has no whole set") {
  const std::string before =
      "1002-rtr1       RPKI       ---        up     03:56:19.909  Established\n"
      "1006-  Cache server:     127.0.0.1\n"
      "       Serial number:    0\n";
  const auto age = [&](const std::string& line) {
    return read_roa_age(reply(before + "       Last update:      " + line + "\n0000 \n"));
  };
  CHECK(**age("before 1.079 s") == Duration{1'079'000});
  CHECK(*age("---") == std::nullopt);
  CHECK(!age("yesterday"));
  CHECK(*read_roa_age(reply(before + "0000 \n")) == std::nullopt);
  CHECK(*read_roa_age(reply("8003 No protocols match\n")) == std::nullopt);
  CHECK(!read_roa_age(reply("8007 Access denied\n")));
}

TEST_CASE("ROAs are read as BIRD lists them, and a line that is none is an error") {
  const auto roas =
      read_roas(reply("1007-Table r4:\n"
                      " 203.0.112.0/22-22 AS64500  [s4 03:56:19.903] * (200)\n"
                      " 203.0.113.0/24-24 AS64500  [rtr1 03:56:19.910] * (100)\n"
                      "                            [s4 03:56:19.903] (200)\n"
                      "0000 \n"));
  REQUIRE(roas);
  CHECK(*roas == std::vector<Roa>{*parse_roa("203.0.112.0/22-22 AS64500"),
                                  *parse_roa("203.0.113.0/24-24 AS64500")});
  CHECK(read_roas(reply("1007-Table r4:\n0000 \n"))->empty());
  CHECK(read_roas(reply("0000 \n"))->empty());
  CHECK(!read_roas(reply("1007-Table r4:\n 203.0.113.0/24 blackhole\n0000 \n")));
  CHECK(!read_roas(reply("9001 syntax error, unexpected CF_SYM_UNDEFINED\n")));
}

TEST_CASE("a truth is TRUE or FALSE and nothing else") {
  CHECK(read_truth(reply("0023 TRUE\n")) == true);
  CHECK(read_truth(reply("0023 FALSE\n")) == false);
  CHECK(!read_truth(reply("0023 (enum 35)1\n")));
  CHECK(!read_truth(reply("9001 syntax error\n")));
}
