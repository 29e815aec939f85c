#include "tests/support/real_bird.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

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
protocol bgp from_cmi from node {{
  local 192.0.2.2 as 64501;
  neighbor 192.0.2.1 as 64500;
  ipv4 {{ table t_cmi; import all; export none; }};
}}
protocol bgp from_ntt from node {{
  local 192.0.2.6 as 64502;
  neighbor 192.0.2.5 as 64500;
  ipv4 {{ table t_ntt; import all; export none; }};
}}
protocol bgp from_ntt6 from node {{
  local 2001:db8::2 as 64502;
  neighbor 2001:db8::1 as 64500;
  ipv6 {{ table t_ntt6; import all; export none; }};
}}
)";

/// Starts a program that dies with us; its output goes nowhere. The pid is the program's own:
/// nsenter(1) replaces itself.
pid_t spawn(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const auto pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

/// A process that does nothing but keep a network namespace of its own, or -1.
pid_t space() {
  int ready[2];
  if (::pipe2(ready, O_CLOEXEC) != 0) return -1;
  const auto pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char made = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
    if (::write(ready[1], &made, 1) != 1 || made != 'y') ::_exit(1);
    for (;;) ::pause();
  }
  char made = 'n';
  ::close(ready[1]);
  if (::read(ready[0], &made, 1) != 1) made = 'n';
  ::close(ready[0]);
  if (made == 'y') return pid;
  ::waitpid(pid, nullptr, 0);
  return -1;
}

void end(pid_t& pid) {
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  pid = 0;
}

std::vector<std::string> inside(pid_t space, std::vector<std::string> words) {
  std::vector<std::string> all{"nsenter", "-t", std::to_string(space), "-n"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

}  // namespace

int run_program(const std::vector<std::string>& words) {
  const auto pid = spawn(words);
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::unique_ptr<RealBird> RealBird::make(const std::string& folder, std::string& why) {
  if (run_program({"bird", "--version"}) != 0) {
    why = "no program 'bird'";
    return nullptr;
  }
  std::unique_ptr<RealBird> world{new RealBird{folder}};
  why = world->set_up();
  return why.empty() ? std::move(world) : nullptr;
}

std::string RealBird::set_up() {
  node_space_ = space();
  upstream_space_ = space();
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
  std::ofstream{folder_ + "/upstream.conf"} << fmt::format(kUpstreamText);
  upstream_ = spawn(inside(upstream_space_, {"bird", "-f", "-c", folder_ + "/upstream.conf", "-s",
                                             upstream_socket(), "-P", folder_ + "/upstream.pid"}));
  start();
  return {};
}

void RealBird::start() {
  ::unlink(socket().c_str());
  node_ = spawn(inside(node_space_, {"bird", "-f", "-c", operator_config(), "-s", socket(), "-P",
                                     folder_ + "/bird.pid"}));
  for (int i = 0; i < 500 && ::access(socket().c_str(), F_OK) != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}

RealBird::~RealBird() {
  end(node_);
  end(upstream_);
  end(node_space_);
  end(upstream_space_);
}

void RealBird::kill() { end(node_); }

void RealBird::freeze() {
  ::kill(node_, SIGSTOP);
  int status = 0;
  ::waitpid(node_, &status, WUNTRACED);
}

void RealBird::thaw() { ::kill(node_, SIGCONT); }

}  // namespace anycast::test
