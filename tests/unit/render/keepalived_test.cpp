#include "controller/render/keepalived.hpp"

#include "controller/render/builtin.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::render;

namespace {

/// Two of three nodes are a pair.
Config pair_config() {
  Config config;
  config.self = "hk-1";
  for (const auto* name : {"hk-1", "hk-2"}) {
    config.nodes[name].local.keepalived = {.fifo = "/run/keepalived/anycastd.fifo",
                                           .instance = "VI_1",
                                           .address = Address::parse("192.0.2.65"),
                                           .track_file = "/run/anycastd/track"};
  }
  config.nodes["hk-0"];
  return config;
}

PairSite on_eth1() { return {.link = "eth1"}; }

std::string rendered(const Config& config, const PairSite& site) {
  const auto text = compile_keepalived("pair.tmpl", builtin_keepalived());
  REQUIRE(text);
  const auto out = keepalived(*text, config, site);
  return out ? *out : to_string(out.error());
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the configuration of a pair's Keepalived") {
  auto site = on_eth1();
  site.local = Address::parse("192.0.2.66");
  site.peers = {*Address::parse("192.0.2.67")};
  site.length = 26;
  site.advert = milliseconds{200};
  CHECK(
      rendered(pair_config(), site) ==
      R"(# Keepalived of node hk-1. Made by 'anycastctl keepalived': change the fleet's file and make this anew.

global_defs {
  router_id hk-1
  enable_script_security
  script_user root
  vrrp_version 3
  vrrp_notify_fifo /run/keepalived/anycastd.fifo anycastd
}

# 0 while this host serves well, -60 while its services are weak, -120 while they are dead or it is drained.
track_file anycastd {
  file /run/anycastd/track
  weight 1
  init_file 0
}

vrrp_instance VI_1 {
  state BACKUP
  interface eth1
  virtual_router_id 51
  priority 150
  advert_int 0.2
  unicast_src_ip 192.0.2.66
  unicast_peer {
    192.0.2.67
  }
  track_file {
    anycastd
  }
  virtual_ipaddress {
    192.0.2.65/26 dev eth1
  }
}
)");
}

TEST_CASE("the second of a pair has the lower priority, and may do with less") {
  auto config = pair_config();
  config.self = "hk-2";
  config.nodes["hk-2"].local.keepalived.track_file.clear();
  const auto text = rendered(config, on_eth1());
  CHECK(has(text, "\n  priority 100\n"));
  CHECK(has(text, "\n  advert_int 1.0\n"));
  CHECK(has(text, "\n    192.0.2.65/32 dev eth1\n"));
  CHECK_FALSE(has(text, "track_file"));
  CHECK_FALSE(has(text, "unicast"));
}

TEST_CASE("nothing that Keepalived could read as something else reaches its configuration") {
  auto config = pair_config();
  auto& own = config.nodes["hk-1"].local.keepalived;
  auto site = on_eth1();
  const auto* word = GENERATE("", "a b", "a\n}", "a}", "a{", "a!", "a#", "a\"", "$A", "~SEQ", "@a");
  CAPTURE(word);
  SECTION("instance") { own.instance = word; }
  SECTION("fifo") { own.fifo = std::string{"/run/"} + (*word == 0 ? " " : word); }
  SECTION("track file") { own.track_file = std::string{"/run/"} + (*word == 0 ? " " : word); }
  SECTION("link") { site.link = word; }
  SECTION("user") { site.user = word; }
  CHECK(has(rendered(config, site), "cannot be used here"));
}

TEST_CASE("numbers and addresses of a pair that cannot be") {
  auto config = pair_config();
  auto site = on_eth1();
  std::string why;
  SECTION("id") {
    site.id = GENERATE(0U, 256U);
    why = "is no virtual_router_id";
  }
  SECTION("priority") {
    site.priority = 255;
    why = "is no priority";
  }
  SECTION("advert") {
    site.advert =
        GENERATE(milliseconds{0}, milliseconds{50}, milliseconds{250}, milliseconds{41000});
    why = "cannot be between two adverts";
  }
  SECTION("one address alone") {
    site.local = Address::parse("192.0.2.66");
    why = "give both or none";
  }
  SECTION("two families") {
    site.local = Address::parse("2001:db8::1");
    site.peers = {*Address::parse("2001:db8::2")};
    why = "are not of one family";
  }
  SECTION("length") {
    site.length = 33;
    why = "is no prefix length";
  }
  SECTION("no pair") {
    config.self = "hk-0";
    why = "node 'hk-0' has no local.keepalived";
  }
  CHECK(has(rendered(config, site), why));
}
