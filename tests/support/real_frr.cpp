#include "tests/support/real_frr.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/support/process.hpp"

namespace anycast::test {
namespace {

constexpr auto kPrograms = "/usr/lib/frr/";

void wait_for(const std::string& file) {
  for (int i = 0; i < 500 && ::access(file.c_str(), F_OK) != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}

}  // namespace

std::string frr_operator_text() {
  return R"(hostname edge
ip prefix-list customers seq 5 permit 198.51.100.0/24
route-map customers permit 10
 match ip address prefix-list customers
 set metric 7
exit
router bgp 64500
 bgp router-id 192.0.2.1
 no bgp network import-check
 timers bgp 3 9
 neighbor 192.0.2.2 remote-as 64501
 neighbor 192.0.2.2 timers connect 1
 neighbor 192.0.2.6 remote-as 64502
 neighbor 192.0.2.6 update-source 192.0.2.5
 neighbor 192.0.2.6 timers connect 1
 neighbor 2001:db8::2 remote-as 64502
 neighbor 2001:db8::2 timers connect 1
 address-family ipv4 unicast
  network 198.51.100.0/24
  neighbor 192.0.2.2 route-map anycastd_cmi out
  neighbor 192.0.2.6 route-map anycastd_ntt-hk out
 exit-address-family
 address-family ipv6 unicast
  neighbor 2001:db8::2 activate
  neighbor 2001:db8::2 route-map anycastd_ntt6 out
 exit-address-family
exit
)";
}

std::unique_ptr<RealFrr> RealFrr::make(const std::string& folder, std::string& why) {
  if (run_program({std::string{kPrograms} + "bgpd", "--version"}) != 0) {
    why = "no program 'bgpd'";
    return nullptr;
  }
  std::unique_ptr<RealFrr> world{new RealFrr{folder}};
  why = world->upstreams_.start();
  if (!why.empty()) return nullptr;
  // The daemons give up root before they read their file and make their sockets.
  ::chmod(folder.c_str(), 0755);
  std::filesystem::create_directory(folder + "/vty");
  if (run_program({"chown", "frr:frr", folder + "/vty"}) != 0) {
    why = "no user 'frr'";
    return nullptr;
  }
  world->zebra_ = world->daemon("zebra");
  wait_for(folder + "/vty/zserv.api");
  world->start();
  return world;
}

pid_t RealFrr::daemon(const std::string& name) const {
  const auto vty = folder_ + "/vty";
  return spawn(inside(upstreams_.node_space(),
                      {kPrograms + name, "-f", operator_config(), "-i", vty + "/" + name + ".pid",
                       "-z", vty + "/zserv.api", "--vty_socket", vty, "-P", "0"}));
}

void RealFrr::start() {
  ::unlink(socket().c_str());
  bgpd_ = daemon("bgpd");
  wait_for(socket());
}

RealFrr::~RealFrr() {
  end_process(bgpd_);
  end_process(zebra_);
}

void RealFrr::kill() { end_process(bgpd_); }
void RealFrr::freeze() { freeze_process(bgpd_); }
void RealFrr::thaw() { ::kill(bgpd_, SIGCONT); }

}  // namespace anycast::test
