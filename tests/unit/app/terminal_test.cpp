// The real anycastctl on a terminal of any width, in any locale, with colours and without.
#include <fmt/format.h>
#include <pty.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>

#include "controller/app/text_table.hpp"
#include "tests/support/fake_http.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/texts.hpp"
#include "tests/unit/app/paper_daemon.hpp"

using namespace anycast;
using namespace anycast::testing;

namespace {

const std::map<std::string, std::string> kPlainC = {{"LC_ALL", "C"}, {"NO_COLOR", "1"}};
const std::map<std::string, std::string> kColouredC = {{"LC_ALL", "C"}};
const std::map<std::string, std::string> kPlainChinese = {{"LC_ALL", "zh_CN.UTF-8"},
                                                          {"NO_COLOR", "1"}};
const std::map<std::string, std::string> kChinese = {{"LC_ALL", "zh_CN.UTF-8"}};

/// What a command writes on a terminal, without the carriage returns that the terminal adds. What
/// is typed comes once it has written something.
std::string on_terminal(int width, const std::map<std::string, std::string>& environment,
                        std::vector<std::string> words, std::string typed = "") {
  words.insert(words.begin(), kProgram);
  winsize size{
      .ws_row = 40, .ws_col = static_cast<unsigned short>(width), .ws_xpixel = 0, .ws_ypixel = 0};
  int master = -1;
  int slave = -1;
  REQUIRE(::openpty(&master, &slave, nullptr, nullptr, &size) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Not the leader of a session: where that one exits, the kernel hangs up its terminal and
    // throws away what nobody has read yet.
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(slave, fd);
    ::close(master);
    ::close(slave);
    for (const char* name : {"NO_COLOR", "LANG", "LC_CTYPE"}) ::unsetenv(name);
    ::setenv("TERM", "xterm-256color", 1);
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (::chdir(ANYCASTD_SOURCE_DIR) == 0) ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(slave);
  std::string out;
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto got = ::read(master, buffer.data(), buffer.size());
    if (got <= 0) break;  // EIO once the other side is closed
    for (const char c : std::string_view{buffer.data(), static_cast<std::size_t>(got)}) {
      if (c != '\r') out += c;
    }
    if (::write(master, typed.data(), typed.size()) > 0) typed.clear();
  }
  ::close(master);
  ::waitpid(child, nullptr, 0);
  // How long the demo took is its last word.
  const auto took = out.find("6 h in ");
  return took == std::string::npos ? out : out.substr(0, took) + "6 h in T s\n";
}

/// Without colours and what else a terminal obeys (ECMA-48: CSI, parameters, one letter).
std::string without_escapes(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto escape = std::min(text.find('\x1b'), text.size());
    out += text.substr(0, escape);
    const auto end = text.find_first_not_of("[?;0123456789", std::min(escape + 1, text.size()));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

bool coloured(std::string_view text) {
  for (auto at = text.find('\x1b'); at != std::string_view::npos; at = text.find('\x1b', at + 1)) {
    const auto end = text.find_first_not_of("[?;0123456789", at + 1);
    if (end != std::string_view::npos && text[end] == 'm') return true;
  }
  return false;
}

bool ascii(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

struct Command {
  std::string name;        ///< of its file
  std::string words = {};  ///< FOLDER stands for one with files of a fleet
  std::string typed = {};
  enum class Kind {
    told,     ///< to people
    figures,  ///< a simulation's, which change with every decision: told without their numbers
    file,     ///< what another program reads stays as it is at every width
  } kind = Kind::told;
};

std::vector<Command> reading() {
  return {{"status", "status"},
          {"top", "top", "q"},
          {"explain", "explain"},
          {"explain-upstream", "explain hk-idc-1 cmi"},
          {"explain-decision", "explain --decision 7"},
          {"plan", "plan"},
          {"history", "history"},
          {"probes", "probes"},
          {"config", "config", "", Command::Kind::file},
          {"version", "version"},
          {"doctor", "doctor --config deploy/example/anycastd.yaml"},
          {"doctor-alone", "-s /nowhere doctor --node hk-a --config tests/config/bad/many.yaml"},
          {"blackholes", "blackhole list"},
          {"misspelt", "statsu"},
          {"nobody", "-s /run/anycastd/a-socket-that-is-not-there.sock history"}};
}

std::vector<Command> orders() {
  return {{"apply", "apply -y --reason x"},
          {"confirm", "confirm -y --reason x"},
          {"undo", "undo -y --reason x"},
          {"drain", "drain -y --reason x --for 1h"},
          {"drain-asked", "drain --now --reason x", "no\n"},
          {"undrain", "undrain -y --reason x"},
          {"pin", "pin cmi prepend=2 -y --reason x --for 1h"},
          {"unpin", "unpin cmi -y --reason x"},
          {"freeze", "freeze -y --reason x --for 1h"},
          {"unfreeze", "unfreeze -y --reason x"},
          {"blackhole-add", "blackhole add 203.0.113.7 --upstream cmi --for 1h --reason attack",
           "no\n"},
          {"blackhole-del", "blackhole del 203.0.113.7 --upstream cmi -y --reason over"},
          {"survey", "survey cmi mobile=local_pref --prefix 203.0.113.0/24 -y"},
          {"survey-what", "survey cmi mobile --prefix 203.0.113.0/24 -y"},
          {"reload", "reload"},
          {"refused", "pin cmi sideways -y --reason x --for 1h"}};
}

std::vector<Command> without_daemon() {
  using Kind = Command::Kind;
  const std::string fleet = " --config FOLDER/fleet.yaml";
  const std::string span = " --from 2024-06-01T12:00:00Z --to 2024-06-01T12:30:00Z";
  return {{"sizing", "probes sizing --config deploy/example/anycastd.yaml"},
          {"blackbox", "probes render --for blackbox" + fleet, "", Kind::file},
          {"agent", "probes render --for agent --probe north/red" + fleet, "", Kind::file},
          {"prometheus", "probes render --for prometheus --metrics {node}.example.net:9477" + fleet,
           "", Kind::file},
          {"agent-whose", "probes render --for agent" + fleet},
          {"check", "check-config --all-nodes FOLDER/fleet.yaml"},
          {"check-bad", "check-config tests/config/bad/many.yaml"},
          {"render", "render" + fleet, "", Kind::file},
          {"render-boot", "render --boot" + fleet, "", Kind::file},
          {"render-boot-advise", "render --boot --config FOLDER/here.yaml", "", Kind::file},
          {"render-bad", "render --node hk-a --config tests/config/bad/many.yaml"},
          {"keepalived", "keepalived --link eth1 --config FOLDER/pair.yaml", "", Kind::file},
          {"keepalived-none", "keepalived --link eth1" + fleet},
          {"record", "record --out FOLDER/trace --config FOLDER/here.yaml" + span},
          {"record-when", "record --out FOLDER/trace" + fleet},
          {"replay", "replay tests/golden/lab.trace"},
          {"replay-other", "replay tests/golden/lab.trace --config FOLDER/fleet.yaml"},
          {"schema", "schema", "", Kind::file},
          {"demo", "demo", "", Kind::figures},
          {"simulate", "simulate --days 1", "", Kind::figures},
          {"completion-bash", "completion bash", "", Kind::file},
          {"completion-zsh", "completion zsh", "", Kind::file},
          {"completion-fish", "completion fish", "", Kind::file}};
}

constexpr const char* kFleet = R"(version: 1
node: hk-a
mode: observe
prefixes: {203.0.113.0/24: {origin_asn: 64500, vips: [203.0.113.1/32]}}
prometheus: {urls: ['URL']}
evidence:
  rtt: 'probe_icmp_duration_seconds{job="icmp",phase="rtt"}'
  loss: 'probe_success{job="icmp"}'
regions: [north, south]
carriers: [red, blue]
thresholds:
  default:
    rtt: {warn: 140ms, bad: 200ms, clear: 160ms}
    loss: {warn: 2%, bad: 5%, clear: 2%}
upstreams: {one: {asn: 64501, carries: [red, blue]}}
nodes:
  hk-a: {probe_target: 198.51.100.1, sessions: {one: {neighbor: 192.0.2.1, local: 192.0.2.2}}}
  hk-b: {probe_target: 198.51.100.2, sessions: {one: {neighbor: 192.0.2.5, local: 192.0.2.6}}}
policy: {carrier_bad: [{do: prepend, count: 2, settle: 3m}]}
)";

/// What commands ask: a daemon, a Prometheus that knows nothing, a fleet's file.
struct Surroundings {
  test::FakeHttp prometheus{[](const test::FakeRequest&) {
    return test::FakeReply{
        .body = R"({"status":"success","data":{"resultType":"matrix","result":[]}})"};
  }};
  Folder folder = {};
  ApiFixture fixture = {};
  PaperDaemon daemon{fixture};

  Surroundings() {
    for (std::uint64_t i = 1; i <= 400; ++i) {
      fixture.replies[i] = {
          .id = i, .outcome = OrderReply::Outcome::done, .text = "as it was asked"};
    }
    std::ofstream(folder.path("fleet.yaml")) << replaced(kFleet, "URL", "http://192.0.2.9:9090");
    std::ofstream(folder.path("pair.yaml")) << replaced(
        replaced(kFleet, "URL", "http://192.0.2.9:9090"), "{probe_target: 198.51.100.1,",
        "{local: {keepalived: {fifo: /run/fifo, instance: VI_1, address: 192.0.2.65}}, "
        "probe_target: 198.51.100.1,");
    std::ofstream(folder.path("here.yaml"))
        << replaced(replaced(kFleet, "URL", prometheus.url()), "observe", "advise");
  }

  static std::string replaced(std::string text, std::string_view what, std::string_view by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
      text.replace(at, what.size(), by);
    return text;
  }

  /// On a terminal, with names in it that are the same in every run and as long.
  std::string seen(const Command& command, int width,
                   const std::map<std::string, std::string>& environment) const {
    const auto words = replaced(command.words, "FOLDER", folder.name());
    const auto before = words.starts_with("-s ") ? std::string{} : "-s " + daemon.path() + " ";
    auto out =
        on_terminal(width, environment, split("--utc " + before + words, ' '), command.typed);
    auto name = folder.name();
    std::fill(name.end() - 6, name.end(), '0');
    return replaced(std::move(out), folder.name(), name);
  }
};

/// Figures and the spaces before them, which make room for figures.
std::string without_figures(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool figure = (c >= '0' && c <= '9') || (c == '.' && out.ends_with('#'));
    if (!figure) {
      out += c;
      continue;
    }
    while (out.ends_with("  ")) out.pop_back();
    if (!out.ends_with('#')) out += '#';
  }
  return out;
}

/// The same at three widths, in two locales, with colours and without; the text of each width.
std::string at_widths(const Command& command, const Surroundings& around) {
  using Kind = Command::Kind;
  std::string out;
  std::string before;
  for (const int width : {80, 100, 160}) {
    std::optional<std::string> text;
    for (const auto* environment : {&kPlainC, &kChinese, &kColouredC, &kPlainChinese}) {
      // Long work is done once a width.
      if (command.kind == Kind::figures && (environment == &kChinese) != (width == 100)) continue;
      if (command.kind == Kind::figures && text) continue;
      const auto shown = around.seen(command, width, *environment);
      CHECK_FALSE((coloured(shown) && environment->contains("NO_COLOR")));
      const auto bare = without_escapes(shown);
      INFO(command.words << " at " << width << "\n" << bare);
      CHECK(bare == text.value_or(bare));
      CHECK((command.kind == Kind::file || test::widest(bare) <= width));
      text = bare;
    }
    const auto kept = command.kind == Kind::figures ? without_figures(*text) : *text;
    CHECK((command.kind != Kind::file || before.empty() || kept == before));
    if (kept != before) out += fmt::format("== {} columns\n{}", width, kept);
    before = kept;
  }
  return out;
}

/// The help of each command, by its name as one types it, those below others too; not its aliases.
std::map<std::string, std::string> every_help() {
  std::map<std::string, std::string> out;
  std::vector<std::string> left = {""};
  while (!left.empty()) {
    const auto name = left.back();
    left.pop_back();
    const auto before = name.empty() ? name : name + " ";
    const auto& help = out[name] = on_terminal(80, kPlainC, split(before + "--help", ' '));
    const auto begin = help.find("Subcommands:\n");
    if (begin == std::string::npos) continue;
    for (const auto& line : split(help.substr(begin + 13), '\n')) {
      if (!line.starts_with("  ") || line.starts_with("   ")) continue;
      left.push_back(before + line.substr(2, line.find_first_of(" ,", 2) - 2));
    }
  }
  return out;
}

void same_on_terminal(const std::string& name, const std::string& text) {
  test::same_as_golden("terminal/" + name + ".txt", text);
}

}  // namespace

TEST_CASE("every command prints the text in its file at three widths, whatever the locale") {
  if (missing()) return;
  const Surroundings around;
  for (const auto& commands : {reading(), orders(), without_daemon()}) {
    for (const auto& command : commands) {
      auto text = at_widths(command, around);
      CHECK(ascii(text));
      if (command.name == "schema") text = text.substr(0, text.find("\"properties\""));
      same_on_terminal(command.name, text);
    }
  }
}

TEST_CASE("a refused reload shows the faults with their lines") {
  if (missing()) return;
  Surroundings around;
  around.fixture.reloaded = tl::unexpected(Error{
      .remedy = Remedy::fix_text,
      .text = "refused configuration, the one in force stays: a.yaml:7:7: error: 'atuo' is not "
              "known here [type]\n    7 | mode: atuo   # auto\n      |       ^^^^\n"});
  same_on_terminal("reload-refused", at_widths({"reload-refused", "reload"}, around));
}

TEST_CASE("Chinese names take two cells a character in every table and locale") {
  if (missing()) return;
  Surroundings around;
  around.fixture.published = std::make_shared<Published>(chinese());
  for (const std::string words : {"status", "explain", "plan", "probes", "history"}) {
    same_on_terminal("chinese-" + words, at_widths({"chinese", words}, around));
  }
}

TEST_CASE("colours are there for a terminal that has them, and for nothing else") {
  if (missing()) return;
  ApiFixture f;
  const PaperDaemon daemon{f};
  const std::vector<std::string> status = {"--socket", daemon.path(), "status"};
  const auto shown_in_colour = [&](std::map<std::string, std::string> environment,
                                   std::vector<std::string> words) {
    return coloured(on_terminal(100, environment, std::move(words)));
  };
  CHECK(shown_in_colour({}, status));
  CHECK(shown_in_colour({{"LC_ALL", "C"}}, status));
  CHECK_FALSE(shown_in_colour({{"NO_COLOR", "1"}}, status));
  CHECK_FALSE(shown_in_colour({{"TERM", "dumb"}}, status));
  CHECK_FALSE(shown_in_colour({}, {"--no-color", "--socket", daemon.path(), "status"}));
  CHECK_FALSE(shown_in_colour({}, {"--socket", daemon.path(), "status", "-o", "json"}));
}

TEST_CASE("every command has a text of its own in a file, and no line of help wider than 80") {
  if (missing()) return;
  const auto all = every_help();
  CHECK(all.size() > 30);
  for (const auto& [name, help] : all) {
    INFO(help);
    CHECK(test::widest(help) <= 80);
    CHECK(ascii(help));
    bool found = false;
    for (const auto& commands : {reading(), orders(), without_daemon()}) {
      for (const auto& command : commands)
        found = found || (" " + command.words + " ").find(" " + name + " ") != std::string::npos;
    }
    INFO("this file has no line for '" << name << "'");
    CHECK((found || name.empty()));
  }
}

TEST_CASE("a line that is too wide goes on below its words, or further in than it began") {
  CHECK(text::within("short\n", 20) == "short\n");
  CHECK(text::within("12:00  one two three four\n\nlast", 16) ==
        "12:00  one two\n       three\n       four\n\nlast");
  CHECK(text::within("node one: two three four\n", 16) == "node one: two\n  three four\n");
  CHECK(text::within("\x1b[1;31mBAD\x1b[0m and wide\n", 12) == "\x1b[1;31mBAD\x1b[0m and wide\n");
}
