// The real anycastctl against a daemon of paper on a unix socket: exit codes, questions, words.
#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include "tests/unit/app/paper_daemon.hpp"

using namespace anycast;
using namespace anycast::testing;

namespace {

struct Run {
  int code;
  std::string text;  ///< standard output and error
};

Run run(const std::string& arguments, const std::string& socket) {
  const auto command =
      kProgram + " --utc --socket " + socket + " " + arguments + " 2>&1 </dev/null";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Run out{};
  std::array<char, 4096> buffer{};
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.text.append(buffer.data(), got);
  out.code = WEXITSTATUS(::pclose(pipe));
  return out;
}

}  // namespace

TEST_CASE("exit codes tell what to do, the same for every command") {
  if (missing()) return;
  ApiFixture f;
  const PaperDaemon daemon{f};
  const std::map<std::string, int> expected = {
      {"status", 0},
      {"status --exit-code", 2},
      {"status --nagios", 1},
      {"plan --exit-code", 2},
      {"explain", 0},
      {"explain hk-ali-1", 0},
      {"explain hk-ali-1 telecom", 0},
      {"explain mobile", 0},
      {"explain nowhere", 64},
      {"history -n 5", 0},
      {"probes", 0},
      {"config", 0},
      {"reload", 0},
      {"nonsense", 64},
      {"", 64},
      {"status --nonsense", 64},
      {"drain --reason x", 64},
      {"drain -y", 64},
      {"drain hk-ali-1 -y --reason x", 64},
      {"pin cmi drained -y --reason x", 64},
      {"pin cmi sideways --for 1h -y --reason x", 64},
      {"blackhole add 203.0.113.7 --upstream cmi -y --reason x", 64},
      {"blackhole add 203.0.113.7 --for 1h -y --reason x", 64},
      {"survey cmi mobile=local_pref -y", 64},
      {"survey cmi mobile --prefix 203.0.113.0/24 -y", 64},
      {"survey cmi mobile=local_pref --prefix 203.0.113.0/24 --settle 1s -y", 64},
      {"survey cmi mobile=local_pref --prefix 192.0.2.0/24 -y", 75},
      {"survey cmi mobile=local_pref --prefix 203.0.113.0/24 -y", 75},
      {"--help", 0},
      {"--version", 0},
  };
  for (const auto& [arguments, code] : expected) {
    const auto seen = run(arguments, daemon.path());
    INFO(arguments << "\n" << seen.text);
    CHECK(seen.code == code);
  }
  CHECK(f.orders.empty());
}

TEST_CASE("the outcome of an order is the exit code") {
  if (missing()) return;
  ApiFixture f;
  f.replies = {{1, {.id = 1, .outcome = OrderReply::Outcome::done, .text = "frozen"}},
               {2, {.id = 2, .outcome = OrderReply::Outcome::refused, .text = "the floor"}},
               {3, {.id = 3, .outcome = OrderReply::Outcome::failed, .text = "bird said no"}}};
  std::optional<PaperDaemon> daemon{std::in_place, f};
  const auto done = run("freeze --for 90m --reason \"live event\" -y", daemon->path());
  CHECK(done.code == 0);
  CHECK(done.text == "done: frozen\n");
  CHECK(run("pin cmi prepend=2 --for 2h --reason x -y", daemon->path()).code == 75);
  CHECK(run("drain hk-idc-1 --now --reason x -y", daemon->path()).code == 1);
  daemon.reset();  // its thread wrote the orders
  REQUIRE(f.orders.size() == 3);
  CHECK(f.orders[0].lasts == minutes{90});
  CHECK(f.orders[0].reason == "live event");
  CHECK(to_string(f.orders[1].stance) == "prepend 2");
  CHECK(f.orders[2].now);
}

namespace {

/// The words of a text, whatever its lines and columns.
std::string unfolded(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::string out;
  for (const auto& word : split(text, ' ')) out += word.empty() ? "" : word + " ";
  return out;
}

}  // namespace

TEST_CASE(
    "a host that an upstream drops is ordered, listed with the time that is left, and ended") {
  if (missing()) return;
  ApiFixture f;
  auto p = testing::evening();
  p.state.blackholes["203.0.113.7/32 cmi"] = {.host = *Prefix::parse("203.0.113.7/32"),
                                              .upstream = "cmi",
                                              .since = testing::noon(),
                                              .until = p.now + minutes{52},
                                              .reason = "attack",
                                              .actor = "lin (uid 1004)"};
  f.replies = {{1, {.id = 1, .outcome = OrderReply::Outcome::done, .text = "applied"}},
               {2, {.id = 2, .outcome = OrderReply::Outcome::done, .text = "applied"}}};
  std::optional<PaperDaemon> daemon{std::in_place, f};
  CHECK(run("blackhole list", daemon->path()).text ==
        "no host of ours is dropped by an upstream\n");
  CHECK(run("blackhole add 203.0.113.7 --upstream cmi --for 1h -y --reason attack", daemon->path())
            .code == 0);
  CHECK(run("blackhole del 203.0.113.7/32 --upstream cmi -y --reason over", daemon->path()).code ==
        0);
  daemon.reset();  // its thread wrote the orders
  REQUIRE(f.orders.size() == 2);
  CHECK(f.orders[0].kind == Order::Kind::blackhole);
  CHECK(f.orders[0].lasts == hours{1});
  CHECK(f.orders[0].actor == "tester (uid 0)");
  CHECK(f.orders[1].kind == Order::Kind::unblackhole);
  for (const auto& order : f.orders) {
    CHECK(order.upstream == "cmi");
    CHECK(to_string(order.host) == "203.0.113.7/32");
  }
  f.published = std::make_shared<Published>(std::move(p));
  daemon.emplace(f);
  const std::string line =
      "drops 203.0.113.7/32 at cmi by lin (uid 1004), until 13:12:20 (52m left): \"attack\"";
  for (const auto* command : {"blackhole", "status", "plan"}) {
    CHECK(unfolded(run(command, daemon->path()).text).find(line) != std::string::npos);
  }
}

TEST_CASE("doctor tells what the kernel has of what it should have") {
  if (missing()) return;
  ApiFixture f;
  f.published = std::make_shared<Published>(testing::kept());
  const PaperDaemon daemon{f};
  const auto said = unfolded(run("doctor", daemon.path()).text);
  for (const auto* line :
       {"ok vip 203.0.113.1/32 is on lo", "ok lvs tcp 203.0.113.1:80 is in IPVS",
        "fail lvs udp 203.0.113.1:53 is not in IPVS", "ok route 192.0.2.144/28 table 100 is routed",
        "warn route 192.0.2.144/28 table 100: nothing goes to 192.0.2.202 on eth1"})
    CHECK(said.find(line) != std::string::npos);
}

TEST_CASE("somebody who may only read is told so") {
  if (missing()) return;
  ApiFixture f;
  const PaperDaemon daemon{f, false};
  CHECK(run("status", daemon.path()).code == 0);
  const auto refused = run("unfreeze --reason x -y", daemon.path());
  CHECK(refused.code == 77);
  CHECK(refused.text ==
        "anycastctl: 'tester' may read here but not write; members of the control socket's group "
        "may\n");
}

TEST_CASE(
    "no daemon, a daemon before its first cycle, and a refused reload have codes of their own") {
  if (missing()) return;
  CHECK(run("status", "/nonexistent/ctl.sock").code == 69);
  CHECK(run("status --nagios", "/nonexistent/ctl.sock").code == 3);
  CHECK(run("doctor", "/nonexistent/ctl.sock").code == 2);
  ApiFixture f;
  f.published = nullptr;
  f.reloaded = tl::unexpected(Error{.remedy = Remedy::fix_value, .text = "180 has no unit"});
  const PaperDaemon daemon{f};
  CHECK(run("status", daemon.path()).code == 75);
  CHECK(run("reload", daemon.path()).code == 78);
}

TEST_CASE("doctor judges the file as the node that the daemon is") {
  if (missing()) return;
  ApiFixture f;
  const PaperDaemon daemon{f};
  const std::string file = " --config " ANYCASTD_SOURCE_DIR "/deploy/example/anycastd.yaml";
  CHECK(run("doctor" + file, daemon.path()).text.find("fail  file") == std::string::npos);
  CHECK(run("doctor" + file, "/nonexistent").text.find("fail  file") != std::string::npos);
}

TEST_CASE("a pipe gets 100 columns, no colour, and records on request") {
  if (missing()) return;
  ApiFixture f;
  const PaperDaemon daemon{f};
  const auto table = run("status", daemon.path());
  CHECK(table.text.find('\x1b') == std::string::npos);
  for (const auto& line : split(table.text, '\n')) CHECK(display_width(line) <= 100);
  CHECK(run("status -o plain", daemon.path()).text.starts_with("record\tnode\tname\tstate"));
  CHECK(run("status -o json", daemon.path()).text.starts_with("{\n  \"api\": \"anycastd/v1\""));
}

TEST_CASE("a misspelt command or option is answered with the nearest one") {
  if (missing()) return;
  CHECK(run("statsu", "/nonexistent").text ==
        "anycastctl: unknown command 'statsu'; did you mean 'status'?\n");
  CHECK(run("history --upsteam cmi", "/nonexistent").text ==
        "anycastctl: unknown option '--upsteam'; did you mean '--upstream'?\n");
}

TEST_CASE("completion offers commands, options and the names that live in the daemon") {
  if (missing()) return;
  ApiFixture f;
  const PaperDaemon daemon{f};
  const auto complete = [&](const std::string& words) {
    const auto command =
        "ANYCASTCTL_SOCKET=" + daemon.path() + " " + kProgram + " __complete -- " + words + " 2>&1";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string out;
    std::array<char, 4096> buffer{};
    while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe))
      out.append(buffer.data(), got);
    ::pclose(pipe);
    return out;
  };
  CHECK(complete("stat") == "status\n");
  CHECK(complete("status --na") == "--nagios\n");
  CHECK(complete("explain hk-a") == "hk-ali-1\nhk-aws-1\n");
  CHECK(complete("unpin ''") == "cmi\nhkbn\npccw\n");
}
