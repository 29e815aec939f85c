// The real anycastctl on a terminal of any width, in any locale, with colours and without.
#include <fmt/format.h>
#include <pty.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "controller/app/text_table.hpp"
#include "tests/unit/app/paper_daemon.hpp"

using namespace anycast;
using namespace anycast::testing;

namespace {

const std::map<std::string, std::string> kPlainC = {{"LC_ALL", "C"}, {"NO_COLOR", "1"}};
const std::map<std::string, std::string> kChinese = {{"LC_ALL", "zh_CN.UTF-8"}};

/// What a command writes on a terminal, without the carriage returns that the terminal adds.
std::string on_terminal(int width, const std::map<std::string, std::string>& environment,
                        std::vector<std::string> words) {
  words.insert(words.begin(), kProgram);
  winsize size{
      .ws_row = 40, .ws_col = static_cast<unsigned short>(width), .ws_xpixel = 0, .ws_ypixel = 0};
  int master = -1;
  const pid_t child = ::forkpty(&master, nullptr, nullptr, &size);
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const char* name : {"NO_COLOR", "LANG", "LC_CTYPE"}) ::unsetenv(name);
    ::setenv("TERM", "xterm-256color", 1);
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (::chdir(ANYCASTD_SOURCE_DIR) == 0) ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  std::string out;
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto got = ::read(master, buffer.data(), buffer.size());
    if (got <= 0) break;  // EIO once the other side is closed
    for (const char c : std::string_view{buffer.data(), static_cast<std::size_t>(got)}) {
      if (c != '\r') out += c;
    }
  }
  ::close(master);
  ::waitpid(child, nullptr, 0);
  // How long the demo took is its last word.
  const auto took = out.find("6 h in ");
  return took == std::string::npos ? out : out.substr(0, took) + "6 h in T s\n";
}

std::string without_colours(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto escape = std::min(text.find('\x1b'), text.size());
    out += text.substr(0, escape);
    const auto end = text.find('m', escape);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

int widest(const std::string& text) {
  int width = 0;
  for (const auto& line : split(text, '\n')) width = std::max(width, display_width(line));
  return width;
}

bool ascii(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

/// Every command that prints what the daemon or a file says, its words and the name of its file;
/// but the line for Nagios, and what quotes a line of a file with a mark below it, stay whole.
std::vector<std::pair<std::string, std::string>> commands() {
  return {{"status", "status"},
          {"explain", "explain"},
          {"explain-upstream", "explain hk-idc-1 cmi"},
          {"explain-decision", "explain --decision 7"},
          {"plan", "plan"},
          {"history", "history"},
          {"probes", "probes"},
          {"sizing", "probes sizing --config deploy/example/anycastd.yaml"},
          {"apply", "apply -y --reason x"},
          {"confirm", "confirm -y --reason x"},
          {"undo", "undo -y --reason x"},
          {"drain", "drain -y --reason x --for 1h"},
          {"undrain", "undrain -y --reason x"},
          {"pin", "pin cmi prepend=2 -y --reason x --for 1h"},
          {"unpin", "unpin cmi -y --reason x"},
          {"freeze", "freeze -y --reason x --for 1h"},
          {"unfreeze", "unfreeze -y --reason x"},
          {"blackholes", "blackhole list"},
          {"reload", "reload"},
          {"misspelt", "statsu"},
          {"refused", "pin cmi sideways -y --reason x --for 1h"}};
}

/// The same at three widths, in two locales, with colours and without; the text of each width.
std::string at_widths(const std::string& words, const std::string& socket,
                      const std::vector<int>& widths = {80, 100, 160}) {
  std::string out;
  std::string before;
  for (const int width : widths) {
    auto all = split("--utc --socket " + socket + " " + words, ' ');
    const auto text = on_terminal(width, kPlainC, all);
    INFO(words << " at " << width << "\n" << text);
    CHECK(widest(text) <= width);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(without_colours(on_terminal(width, kChinese, all)) == text);
    if (text != before) out += fmt::format("== {} columns\n{}", width, text);
    before = text;
  }
  return out;
}

/// ANYCASTD_GOLDEN=write rewrites the files; the difference is then read by a person.
void same_as_file(const std::string& name, const std::string& text) {
  const auto path = fmt::format("{}/tests/golden/terminal/{}.txt", ANYCASTD_SOURCE_DIR, name);
  const char* mode = std::getenv("ANYCASTD_GOLDEN");
  if (mode != nullptr && std::string_view{mode} == "write") std::ofstream(path) << text;
  std::ifstream file(path);
  const std::string kept{std::istreambuf_iterator<char>(file), {}};
  INFO(path);
  CHECK(unified_diff(kept, text, "golden", "printed") == "");
}

}  // namespace

TEST_CASE("every command prints the text in its file at three widths, whatever the locale") {
  if (missing()) return;
  ApiFixture f;
  for (std::uint64_t i = 1; i <= 90; ++i) {
    f.replies[i] = {.id = i, .outcome = OrderReply::Outcome::done, .text = "as it was asked"};
  }
  const PaperDaemon daemon{f};
  for (const auto& [name, words] : commands()) {
    const auto text = at_widths(words, daemon.path());
    CHECK(ascii(text));
    same_as_file(name, text);
  }
  // What these tell is the business of other tests.
  at_widths("replay tests/golden/lab.trace", daemon.path());
  at_widths("demo", daemon.path(), {80});
}

TEST_CASE("Chinese names take two cells a character in every table and locale") {
  if (missing()) return;
  ApiFixture f;
  f.published = std::make_shared<Published>(chinese());
  const PaperDaemon daemon{f};
  for (const char* words : {"status", "explain", "plan", "probes", "history"}) {
    same_as_file(std::string{"chinese-"} + words, at_widths(words, daemon.path()));
  }
}

TEST_CASE("colours are there for a terminal that has them, and for nothing else") {
  if (missing()) return;
  ApiFixture f;
  const PaperDaemon daemon{f};
  const std::vector<std::string> status = {"--socket", daemon.path(), "status"};
  const auto coloured = [&](std::map<std::string, std::string> environment,
                            std::vector<std::string> words) {
    return on_terminal(100, environment, std::move(words)).find('\x1b') != std::string::npos;
  };
  CHECK(coloured({}, status));
  CHECK(coloured({{"LC_ALL", "C"}}, status));
  CHECK_FALSE(coloured({{"NO_COLOR", "1"}}, status));
  CHECK_FALSE(coloured({{"TERM", "dumb"}}, status));
  CHECK_FALSE(coloured({}, {"--no-color", "--socket", daemon.path(), "status"}));
  CHECK_FALSE(coloured({}, {"--socket", daemon.path(), "status", "-o", "json"}));
}

TEST_CASE("no line of the help of any command is wider than 80 columns") {
  if (missing()) return;
  const auto help = on_terminal(80, kPlainC, {"--help"});
  CHECK(widest(help) <= 80);
  const auto begin = help.find("Subcommands:\n");
  REQUIRE(begin != std::string::npos);
  int commands = 0;
  for (const auto& line : split(help.substr(begin + 13), '\n')) {
    const auto name =
        std::string{trim(line)}.substr(0, std::string{trim(line)}.find_first_of(" ,"));
    if (name.empty()) continue;
    ++commands;
    const auto text = on_terminal(80, kPlainC, {name, "--help"});
    INFO(text);
    CHECK(widest(text) <= 80);
    CHECK(ascii(text));
  }
  CHECK(commands >= 25);
}

TEST_CASE("a line that is too wide goes on below its words, or further in than it began") {
  CHECK(text::within("short\n", 20) == "short\n");
  CHECK(text::within("12:00  one two three four\n\nlast", 16) ==
        "12:00  one two\n       three\n       four\n\nlast");
  CHECK(text::within("node one: two three four\n", 16) == "node one: two\n  three four\n");
  CHECK(text::within("\x1b[1;31mBAD\x1b[0m and wide\n", 12) == "\x1b[1;31mBAD\x1b[0m and wide\n");
}
