#include "controller/cmd/anycastctl_top.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>

#include "adapters/http/unix_client.hpp"
#include "adapters/system/fd.hpp"
#include "controller/app/top.hpp"
#include "controller/cmd/anycastctl_client.hpp"

namespace anycast::cmd {
namespace {

using Steady = std::chrono::steady_clock;

constexpr double kInterval = 2;  // seconds between two pictures
constexpr int kSmallest = 3;     // lines: head, one path, foot

void write_all(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// The terminal without echo, on its other screen; both as they were at the end. Signals that would
/// end us come out of `signals`, so that this is always undone.
class Terminal {
 public:
  Terminal() {
    ::tcgetattr(STDIN_FILENO, &before_);
    auto raw = before_;
    ::cfmakeraw(&raw);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGWINCH, SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    ::pthread_sigmask(SIG_BLOCK, &set, &mask_);
    signals_ = Fd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    write_all("\x1b[?1049h\x1b[?25l");
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    write_all("\x1b[?25h\x1b[?1049l");
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }

  struct Input {
    std::string bytes = {};
    bool over = false;  ///< a signal to end, or the terminal is gone
  };
  /// What is typed within `wait`; nothing where the size changed or time is up.
  Input wait(Duration wait) const {
    std::array<pollfd, 2> watched = {pollfd{STDIN_FILENO, POLLIN, 0},
                                     pollfd{signals_.get(), POLLIN, 0}};
    const auto ms = std::chrono::ceil<milliseconds>(std::max(wait, Duration{0})).count();
    ::poll(watched.data(), watched.size(), static_cast<int>(ms));
    signalfd_siginfo got = {};
    while (::read(signals_.get(), &got, sizeof got) == static_cast<ssize_t>(sizeof got)) {
      if (got.ssi_signo != SIGWINCH) return {.over = true};
    }
    if ((watched[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) return {};
    std::array<char, 256> buffer = {};
    const auto size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size <= 0) return {.over = true};
    return {.bytes = {buffer.data(), static_cast<std::size_t>(size)}};
  }

 private:
  termios before_ = {};
  sigset_t mask_ = {};
  Fd signals_;
};

struct Size {
  int width = 80;
  int height = 24;
};

Size size_now() {
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {};
  return {size.ws_col, std::max<int>(size.ws_row, kSmallest)};
}

/// Everything that is known and chosen, and how it gets to the screen.
class Top {
 public:
  explicit Top(const Options& options) : look_{look_of(options)}, socket_{options.socket} {
    auto quiet = options;
    quiet.quiet = true;  // what goes wrong stands on the screen
    daemon_.emplace(quiet);
    interval_ =
        Duration{static_cast<std::int64_t>((options.watch > 0 ? options.watch : kInterval) * 1e6)};
  }

  int run() {
    const Terminal terminal;
    auto next = Steady::now();
    while (!choice_.quit) {
      if (Steady::now() >= next) {
        if (!choice_.still) ask();
        next = Steady::now() + interval_;
      }
      draw();
      const auto input = terminal.wait(std::chrono::ceil<Duration>(next - Steady::now()));
      if (input.over) break;
      for (const auto& key : top::keys(input.bytes)) {
        if (key == "r" && !choice_.typing) ask();
        choice_ = top::press(choice_, key, status_);
      }
      if (top::question(choice_, status_) != asked_) ask_about();
    }
    return kOk;
  }

 private:
  void ask() {
    const auto answer = daemon_->ask("GET", "/v1/status", nullptr);
    if (!answer || answer->status != 200) {
      trouble_ = answer ? answer->body.value("text", "") : "no answer at " + socket_;
      return;
    }
    trouble_.clear();
    status_ = answer->body;
    ask_about();
  }

  void ask_about() {
    asked_ = top::question(choice_, status_);
    answer_ = nullptr;
    if (!asked_) return;
    const auto answer = daemon_->ask("GET", with_query(asked_->path, asked_->query), nullptr);
    if (answer) answer_ = answer->body;
  }

  void draw() {
    const auto size = size_now();
    auto look = look_;
    look.width = size.width;
    look.format = text::Format::table;
    std::string out = "\x1b[H";
    const auto lines = top::frame(
        choice_, {.status = status_, .answer = answer_, .trouble = trouble_}, size.height, look);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) out += "\r\n";
      out += lines[i] + "\x1b[K";
    }
    write_all(out);
  }

  text::Look look_;
  std::string socket_;
  std::optional<Daemon> daemon_;
  Duration interval_ = {};
  top::Choice choice_;
  Json status_ = nullptr;
  Json answer_ = nullptr;
  std::optional<top::Question> asked_;
  std::string trouble_;
};

}  // namespace

int top(const Options& options) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)
    return complain(kUsage, "top wants a terminal; 'anycastctl status --watch' goes into a pipe");
  return Top{options}.run();
}

}  // namespace anycast::cmd
