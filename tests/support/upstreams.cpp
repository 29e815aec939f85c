#include "tests/support/upstreams.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string_view>
#include <vector>

#include "tests/support/gobgp.hpp"
#include "tests/support/process.hpp"

namespace anycast::test {
namespace {

constexpr auto kUpstreamText = R"(router id 192.0.2.2;
ipv4 table t_cmi;
ipv4 table t_ntt;
ipv6 table t_ntt6;
protocol device {{ }}
template bgp node {{
  connect delay time 1;
  error wait time 1, 2;
}}
protocol static users_cmi {{ ipv4 {{ table t_cmi; }}; route 198.51.100.128/25 blackhole; }}
protocol static users_ntt {{ ipv4 {{ table t_ntt; }}; route 198.51.100.128/25 blackhole; }}
filter to_users {{
  if source != RTS_STATIC then reject;
  bgp_path.prepend(64510);
  accept;
}}
protocol bgp from_cmi from node {{
  local 192.0.2.2 as 64501;
  neighbor 192.0.2.1 as 64500;
  ipv4 {{ table t_cmi; import all; export filter to_users; }};
}}
protocol bgp from_ntt from node {{
  local 192.0.2.6 as 64502;
  neighbor 192.0.2.5 as 64500;
  ipv4 {{ table t_ntt; import all; export filter to_users; }};
}}
protocol bgp from_ntt6 from node {{
  local 2001:db8::2 as 64502;
  neighbor 2001:db8::1 as 64500;
  ipv6 {{ table t_ntt6; import all; export none; }};
}}
)";

bool wants_gobgp() {
  const char* kind = std::getenv("ANYCAST_UPSTREAMS");
  return kind != nullptr && std::string_view{kind} == "gobgp";
}

}  // namespace

bool Upstreams::lead_to_users() { return !wants_gobgp(); }

std::string Upstreams::socket() const {
  return folder_ + (wants_gobgp() ? "/upstream.gobgp" : "/upstream.ctl");
}

Upstreams::~Upstreams() {
  end_process(daemon_);
  end_process(node_space_);
  end_process(upstream_space_);
}

std::string Upstreams::start() {
  const std::string program = wants_gobgp() ? "gobgpd" : "bird";
  if (run_program({program, "--version"}) != 0) return "no program '" + program + "'";
  node_space_ = new_space();
  upstream_space_ = new_space();
  if (node_space_ < 0 || upstream_space_ < 0) return "no right to make a network namespace";
  const auto peer = std::to_string(upstream_space_);
  struct Line {
    pid_t where;
    std::vector<std::string> words;
  };
  const std::vector<Line> lines{
      {node_space_,
       {"ip", "link", "add", "up0", "type", "veth", "peer", "name", "down0", "netns", peer}},
      {node_space_, {"ip", "link", "set", "lo", "up"}},
      {upstream_space_, {"ip", "link", "set", "lo", "up"}},
      {node_space_, {"ip", "addr", "add", "192.0.2.1/30", "dev", "up0"}},
      {node_space_, {"ip", "addr", "add", "192.0.2.5/30", "dev", "up0"}},
      {node_space_, {"ip", "addr", "add", "2001:db8::1/64", "dev", "up0", "nodad"}},
      {upstream_space_, {"ip", "addr", "add", "192.0.2.2/30", "dev", "down0"}},
      {upstream_space_, {"ip", "addr", "add", "192.0.2.6/30", "dev", "down0"}},
      {upstream_space_, {"ip", "addr", "add", "2001:db8::2/64", "dev", "down0", "nodad"}},
      {node_space_, {"ip", "link", "set", "up0", "up"}},
      {upstream_space_, {"ip", "link", "set", "down0", "up"}},
  };
  for (const auto& line : lines) {
    if (run_program(inside(line.where, line.words)) != 0)
      return "cannot join two namespaces by veth";
  }
  const auto file = folder_ + "/upstream.conf";
  std::ofstream{file} << (wants_gobgp() ? kGobgpText : fmt::format(kUpstreamText));
  const std::vector<std::string> words =
      wants_gobgp()
          ? std::vector<std::string>{"gobgpd",          "-f",          file,
                                     "--pprof-disable", "--api-hosts", "unix://" + socket()}
          : std::vector<std::string>{"bird", "-f",     "-c", file,
                                     "-s",   socket(), "-P", folder_ + "/upstream.pid"};
  daemon_ = spawn(inside(upstream_space_, words));
  return {};
}

}  // namespace anycast::test
