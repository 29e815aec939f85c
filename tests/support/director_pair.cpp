#include "tests/support/director_pair.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "adapters/http/unix_client.hpp"
#include "controller/base/text.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_fleet.hpp"
#include "tests/support/net_space.hpp"
#include "tests/support/process.hpp"
#include "tests/support/traffic.hpp"

namespace anycast::test {
namespace {

constexpr auto* kVip = "198.51.100.1";
constexpr auto* kShared = "192.0.2.65";

constexpr auto* kFleet = R"(
mode: auto
prefixes: {{198.51.100.0/24: {{origin_asn: 64500, vips: [198.51.100.1]}}}}
prometheus: {{urls: ["{url}"], interval: 1s, timeout: 900ms, max_age: 5s}}
evidence:
  rtt: 'probe_icmp_duration_seconds{{phase="rtt"}}'
  loss: probe_success
  labels: {{node: node, carrier: carrier, region: region, upstream: upstream}}
  window: 10s
  scrape: 500ms
  min_samples: 12
regions: [beijing]
carriers: [telecom]
upstreams: {{isp: {{asn: 64496, carries: [telecom]}}}}
thresholds:
  default:
    loss: {{warn: 15%, bad: 30%, clear: 25%}}
    regions: 1
    for: 6s
    clear_for: 6s
nodes:
{nodes}policy: {{carrier_bad: [{{do: withdraw, settle: 10s}}], restore: {{settle: 10s}}}}
guards:
  min_nodes: 1
  min_paths_per_carrier: 1
  max_changes: {{count: 60, per: 1h}}
  hold_after_change: 5s
  turn: 1s
  confirm: 5s
  damping: {{half_life: 1s}}
  reannounce: {{after: 45m, most: 6h}}  # which a takeover does not wait for
fleet: {{announcements: anycast_announces, max_age: 3s}}
router: {{socket: {folder}/bird.ctl, config: {folder}/bird.conf, fragment: {folder}/fragment.conf}}
control: {{socket: {folder}/ctl.sock}}
history: {{file: {folder}/history.db}}
)";

constexpr auto* kNode = R"(  {name}:
    probe_target: {probed}
    sessions: {{isp: {{neighbor: {isp}, local: {up}}}}}
    local:
      link: lo
      drain: 1s
      keepalived: {{fifo: {folder}/fifo, instance: VI_1, address: 192.0.2.65, track_file: {folder}/track, config: {folder}/keepalived.conf}}
    services:
      web:
        check: {{interval: 500ms, fast_interval: 100ms, timeout: 400ms, rise: 2, fall: 2}}
        lvs: [{{address: "198.51.100.1:80", scheduler: rr}}]
        servers: [{{address: "192.0.2.11:80"}}, {{address: "192.0.2.12:80"}}]
)";

/// What Keepalived needs to do all of it by itself: the same real servers.
constexpr auto* kVirtualServer = R"(
virtual_server 198.51.100.1 80 {
  delay_loop 1
  lb_algo rr
  lb_kind NAT
  protocol TCP
  real_server 192.0.2.11 80 {
    TCP_CHECK {
      connect_timeout 1
    }
  }
  real_server 192.0.2.12 80 {
    TCP_CHECK {
      connect_timeout 1
    }
  }
}
)";
/// Keepalived starts one for each word and orders them by nothing, so that each looks whether its
/// word still holds once it is done.
constexpr auto* kScript = R"(#!/bin/sh
word=BACKUP
[ "$3" = MASTER ] && word=MASTER
while :; do
  case $word in
    MASTER) birdc -s {folder}/bird.ctl enable anycast ;;
    *) birdc -s {folder}/bird.ctl disable anycast ;;
  esac
  now=BACKUP
  ip -o address show dev lo | grep -q ' 198.51.100.1/' && now=MASTER
  [ $now = $word ] && exit
  word=$now
done
)";
constexpr auto* kAlone = R"(
protocol static anycast { ipv4; disabled; route 198.51.100.0/24 blackhole; }
filter anycastd_isp { if proto = "anycast" then accept; reject; }
)";

/// What BIRD runs until anycastd has written what it wants. Revision 0 is nobody's.
constexpr auto* kSilent = R"(define ANYCASTD_REVISION = 0;
protocol static anycastd4 { ipv4; route 198.51.100.0/24 blackhole; }
filter anycastd_isp { reject; }
)";

std::string binary(const std::string& name) {
  return std::string{ANYCASTD_BINARY_DIR} + "/" + name;
}

std::string bgp(const std::string& name, const std::string& local, const std::string& neighbor,
                const std::string& channel) {
  const bool isp = channel.starts_with("import where");
  return fmt::format(
      "protocol bgp {} {{ local {} as {}; neighbor {} as {}; connect delay time 1; connect retry "
      "time 1; error wait time 1, 2; ipv4 {{ {} }}; }}\n",
      name, local, isp ? 64496 : 64500, neighbor, isp ? 64500 : 64496, channel);
}

/// The hosts of the pair and the ISP, which stay.
void lay(const std::array<std::unique_ptr<Director>, 2>& directors) {
  if (std::filesystem::exists("/run/netns/isp")) return;
  join_wire("isp", "203.0.113.3/24", "2001:db8:2::3/64");
  set_in("isp", "ipv4/ip_forward", "1");
  for (const auto& director : directors) {
    const auto& [name, own, peer, up, isp, probed] = director->place();
    join_wire(name, own + "/24", "2001:db8:1::" + name + "/64");
    ip(fmt::format("-n {} link add isp type veth peer name {} netns isp", name, name));
    ip(fmt::format("-n isp address add {}/30 dev {}", isp, name));
    ip(fmt::format("-n isp link set dev {} up", name));
    ip(fmt::format("-n {} address add {}/30 dev isp", name, up));
    set_in(name, "ipv4/ip_forward", "1");
    for (const auto* link : {"all", "eth0", "isp"})
      set_in(name, fmt::format("ipv4/conf/{}/send_redirects", link), "0");
  }
}

/// Keepalived's configuration that does all of it by itself.
std::string alone(std::string text, const std::string& script) {
  const auto fifo = text.find("  vrrp_notify_fifo");
  text.erase(fifo, text.find('\n', fifo) - fifo);
  const std::string addresses = "  virtual_ipaddress {";
  text.replace(text.find(addresses), addresses.size(),
               fmt::format("  notify {}\n{}\n    {}/32 dev lo", script, addresses, kVip));
  return text + kVirtualServer;
}

}  // namespace

Director::Director(Place place, std::string folder)
    : place_{std::move(place)}, folder_{std::move(folder)} {
  std::filesystem::create_directory(folder_);
}

void Director::take(const std::string& yaml) {
  write("anycastd.yaml", yaml);
  const auto words = fmt::format(
      "keepalived --config {} --node {} --link eth0 --length 24 --local {} --peer {} --advert "
      "200ms --user root 2>>{}",
      file("anycastd.yaml"), place_.name, place_.own, place_.peer, file("log"));
  keepalived_text_ = printed(binary("anycastctl") + " " + words);
  if (keepalived_text_.empty()) throw std::runtime_error("anycastctl of " + log());
}

void Director::write(const std::string& name, const std::string& text) const {
  std::ofstream{file(name)} << text;
}

std::unique_ptr<Child> Director::run(const std::vector<std::string>& command) const {
  enter_space(place_.name);
  return std::make_unique<Child>(command, file("log"));
}

void Director::start(Way way) {
  for (const auto* link : {"eth0", "isp"})
    ip(fmt::format("-n {} link set dev {} up", place_.name, link));
  ip(fmt::format("-n {} route replace default via {}", place_.name, place_.isp));
  write("notify", fmt::format(kScript, fmt::arg("folder", folder_)));
  std::filesystem::permissions(file("notify"), std::filesystem::perms::owner_all);
  write("fragment.conf", kSilent);
  const bool ours = way == Way::with_us;
  write("keepalived.conf", ours ? keepalived_text_ : alone(keepalived_text_, file("notify")));
  write("bird.conf",
        fmt::format("router id {};\nprotocol device {{}}\n", place_.up) +
            (ours ? fmt::format("include \"{}\";\n", file("fragment.conf")) : kAlone) +
            bgp("isp", place_.up, place_.isp, "import none; export filter anycastd_isp;"));
  bird_ = run({"bird", "-f", "-c", file("bird.conf"), "-s", file("bird.ctl")});
  if (!eventually([&] { return std::filesystem::exists(file("bird.ctl")); }))
    throw std::runtime_error("BIRD of " + log());
  if (ours) {
    anycastd_ = run({binary("anycastd"), "--config", file("anycastd.yaml"), "--node", place_.name});
  }
  start_keepalived();
}

void Director::start_keepalived() {
  keepalived_ = run({"keepalived", "-n", "-l", "-D", "-f", file("keepalived.conf"), "-p",
                     file("pid"), "-r", file("vrrp"), "-c", file("checker")});
}

void Director::stop_keepalived() {
  ::kill(keepalived_->pid(), SIGTERM);
  keepalived_->wait();
  keepalived_.reset();
}

void Director::kill_keepalived() {
  if (!keepalived_) return;
  freeze_process(keepalived_->pid());
  for (const auto* name : {"vrrp", "checker"}) {
    pid_t pid = 0;
    if (std::ifstream{file(name)} >> pid && pid > 1) ::kill(pid, SIGKILL);
  }
  keepalived_.reset();
  for (const auto* name : {"pid", "vrrp", "checker"}) std::filesystem::remove(file(name));
}

void Director::power_off() {
  for (const auto* link : {"eth0", "isp"})
    ip(fmt::format("-n {} link set dev {} down", place_.name, link));
  kill_keepalived();
  anycastd_.reset();
  bird_.reset();
  // Busybox would run its own ip.
  printed_in(place_.name, fmt::format("ipvsadm -C; /usr/sbin/ip address del {}/32 dev lo 2>&1; "
                                      "/usr/sbin/ip address del {}/24 dev eth0 2>&1",
                                      kVip, kShared));
  for (const auto* name : {"fifo", "history.db", "bird.ctl", "ctl.sock", "track"})
    std::filesystem::remove(file(name));
}

bool Director::has(const std::string& address) const {
  return printed_in(place_.name, "/usr/sbin/ip -o -4 address show").find(address + "/") !=
         std::string::npos;
}

int Director::taken() const {
  const auto table = printed_in(place_.name, "ipvsadm -Ln --stats --exact");
  for (const auto& line : split(table, '\n')) {
    int connections = -1;
    const std::string text{line};
    if (std::sscanf(text.c_str(), "TCP 198.51.100.1:80 %d", &connections) == 1) return connections;
  }
  return -1;
}

bool Director::attracts() const {
  return printed_in("isp", "/usr/sbin/ip route show 198.51.100.0/24").find(place_.up + " ") !=
         std::string::npos;
}

std::string Director::status() const {
  const auto said = UnixHttpClient{file("ctl.sock")}.request("GET", "/v1/status", "", seconds{2});
  return said ? said->body : std::string{};
}

std::string Director::log() const {
  std::ifstream in{file("log")};
  return place_.name + ":\n" + std::string{std::istreambuf_iterator<char>{in}, {}};
}

DirectorPair::DirectorPair()
    : directors_{std::make_unique<Director>(Place{"d1", "192.0.2.66", "192.0.2.67", "192.0.2.130",
                                                  "192.0.2.129", "203.0.113.201"},
                                            room_.file("d1")),
                 std::make_unique<Director>(Place{"d2", "192.0.2.67", "192.0.2.66", "192.0.2.134",
                                                  "192.0.2.133", "203.0.113.202"},
                                            room_.file("d2"))} {
  lay_wire();
  lay(directors_);
  ip("-n client route replace 198.51.100.0/24 via 203.0.113.3");
  for (const auto* real : {"r1", "r2"})
    ip(fmt::format("-n {} route replace default via {}", real, kShared));
  std::string nodes;
  std::map<std::string, std::string> sockets;
  for (const auto& director : directors_) {
    const auto& place = director->place();
    nodes += fmt::format(kNode, fmt::arg("name", place.name), fmt::arg("probed", place.probed),
                         fmt::arg("isp", place.isp), fmt::arg("up", place.up),
                         fmt::arg("folder", room_.file(place.name)));
    sockets[place.name] = director->file("ctl.sock");
  }
  for (std::size_t i = 0; i < directors_.size(); ++i) {
    const auto& name = directors_.at(i)->place().name;
    // Its threads are in the namespace of the one that makes it.
    enter_space(name);
    prometheus_.at(i) = std::make_unique<FakeHttp>(FakeFleet{sockets});
    directors_.at(i)->take(fmt::format(kFleet, fmt::arg("url", prometheus_.at(i)->url()),
                                       fmt::arg("nodes", nodes),
                                       fmt::arg("folder", room_.file(name))));
  }
  start_isp();
}

void DirectorPair::start_isp() {
  std::string bird =
      "router id 203.0.113.3;\nprotocol device {}\n"
      "protocol kernel { ipv4 { import none; export all; }; }\n";
  for (const auto& director : directors_) {
    const auto& place = director->place();
    bird +=
        bgp(place.name, place.isp, place.up, "import where net = 198.51.100.0/24; export none;");
  }
  std::ofstream{room_.file("bird.conf")} << bird;
  enter_space("isp");
  isp_ =
      std::make_unique<Child>(std::vector<std::string>{"bird", "-f", "-c", room_.file("bird.conf"),
                                                       "-s", room_.file("bird.ctl")},
                              room_.file("log"));
}

DirectorPair::~DirectorPair() {
  for (auto& director : directors_) director->power_off();
  ip("-n client route del 198.51.100.0/24");
  for (const auto* real : {"r1", "r2"})
    ip(fmt::format("-n {} route replace default via 192.0.2.1", real));
}

bool DirectorPair::serves(const Director& director) const {
  const auto& other = *directors_.at(&director == directors_[0].get() ? 1 : 0);
  return director.attracts() && director.has(kVip) && !other.has(kVip) && director.taken() >= 0;
}

std::string DirectorPair::logs() const { return directors_[0]->log() + directors_[1]->log(); }

}  // namespace anycast::test
