#include "adapters/keepalived/listener.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "adapters/keepalived/notify.hpp"
#include "adapters/system/clock.hpp"
#include "adapters/system/file.hpp"
#include "controller/base/text.hpp"

namespace anycast::keepalived {
namespace {

/// A FIFO that comes or is replaced is noticed within this; nothing tells of it.
constexpr int kLookMs = 200;
/// A reload closes the FIFO and opens it again, within milliseconds.
constexpr auto kReload = std::chrono::seconds{1};
/// No line of Keepalived is nearly as long.
constexpr std::size_t kLine = 4096;

bool is_fifo(const struct stat& of) { return S_ISFIFO(of.st_mode); }

/// Whether somebody has it open: Keepalived opens it to read too, and so keeps what nobody reads.
bool anybody_at(const std::string& path) {
  return static_cast<bool>(Fd{::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)});
}

class Glance final : public VrrpSource {
 public:
  explicit Glance(std::string fifo) : fifo_{std::move(fifo)} {}
  Result<VrrpView> vrrp() override { return VrrpView{.running = anybody_at(fifo_)}; }
  Result<void> track(int) override { return {}; }

 private:
  std::string fifo_;
};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::start(Settings settings) {
  Fd stop{::eventfd(0, EFD_CLOEXEC)};
  if (!stop) {
    return fail(Remedy::wait, fmt::format("cannot listen to Keepalived: {}", std::strerror(errno)));
  }
  std::unique_ptr<Listener> out{new Listener{std::move(settings), std::move(stop)}};
  out->thread_ = std::thread{[listener = out.get()] {
    ::pthread_setname_np(::pthread_self(), "keepalived");
    listener->run();
  }};
  return out;
}

Listener::~Listener() {
  const std::uint64_t one = 1;
  static_cast<void>(::write(stop_.get(), &one, sizeof one));
  if (thread_.joinable()) thread_.join();
}

Result<VrrpView> Listener::vrrp() {
  const std::lock_guard lock{mutex_};
  if (error_) return tl::unexpected(*error_);
  return view_;
}

Result<void> Listener::track(int verdict) {
  const auto& path = settings_.keepalived.track_file;
  const auto text = std::to_string(verdict);
  const auto there = read_file(path, kLine);
  if (there && trim(*there) == text) return {};
  return replace_file(path, text + "\n", Survives::process);
}

void Listener::run() {
  for (;;) {
    if (!fifo_) open();
    std::array<pollfd, 2> waits{pollfd{stop_.get(), POLLIN, 0}, {fifo_.get(), POLLIN, 0}};
    ::poll(waits.data(), waits.size(), kLookMs);
    if (waits[0].revents != 0) return;
    if ((waits[1].revents & POLLIN) != 0) {
      hear();
    } else if (waits[1].revents != 0 || (fifo_ && replaced())) {
      gone();
    }
  }
}

/// Before it is read from: once it is, nobody can tell whether another has it open.
void Listener::open() {
  const auto& path = settings_.keepalived.fifo;
  struct stat there {};
  if (::stat(path.c_str(), &there) != 0) {
    if (errno == ENOENT) return absent();
    return put({}, Error{.remedy = Remedy::fix_value,
                         .text = fmt::format("cannot look at Keepalived's FIFO '{}': {}", path,
                                             std::strerror(errno))});
  }
  if (!is_fifo(there)) {
    return put(
        {}, Error{.remedy = Remedy::fix_value,
                  .text = fmt::format("'{}' is no FIFO, so Keepalived cannot write to it", path)});
  }
  if (!anybody_at(path)) {
    if (errno == ENXIO) return absent();
  }
  fifo_ = Fd{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  if (!fifo_) {
    return put({}, Error{.remedy = Remedy::fix_value,
                         .text = fmt::format("cannot read Keepalived's FIFO '{}': {}; name the "
                                             "daemon's user on its vrrp_notify_fifo line",
                                             path, std::strerror(errno))});
  }
  put({.state = view_.state, .since = view_.since, .running = true}, std::nullopt);
  hear();
}

bool Listener::replaced() const {
  struct stat named {};
  struct stat held {};
  return ::stat(settings_.keepalived.fifo.c_str(), &named) != 0 ||
         ::fstat(fifo_.get(), &held) != 0 || named.st_ino != held.st_ino ||
         named.st_dev != held.st_dev;
}

void Listener::hear() {
  std::array<char, kLine> buffer{};
  for (;;) {
    const auto got = ::read(fifo_.get(), buffer.data(), buffer.size());
    if (got == 0) return gone();
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR) gone();
      return;
    }
    rest_.append(buffer.data(), static_cast<std::size_t>(got));
    for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
      say(rest_.substr(0, end));
      rest_.erase(0, end + 1);
    }
    if (rest_.size() > kLine) rest_.clear();
  }
}

void Listener::say(const std::string& line) {
  const auto state = state_in(line, settings_.keepalived.instance);
  if (state) put({.state = *state, .since = SystemClock{}.now(), .running = true}, std::nullopt);
}

void Listener::gone() {
  fifo_.reset();
  rest_.clear();
  lost_ = std::chrono::steady_clock::now();
}

/// Its last word stands; whether it still holds is for others to judge.
void Listener::absent() {
  if (std::chrono::steady_clock::now() - lost_ < kReload) return;
  put({.state = view_.state, .since = view_.since}, std::nullopt);
}

void Listener::put(const VrrpView& view, std::optional<Error> error) {
  {
    const std::lock_guard lock{mutex_};
    if (view == view_ && error.has_value() == error_.has_value()) return;
    view_ = view;
    error_ = std::move(error);
  }
  if (settings_.changed) settings_.changed();
}

std::unique_ptr<VrrpSource> glance(const Keepalived& keepalived) {
  return std::make_unique<Glance>(keepalived.fifo);
}

}  // namespace anycast::keepalived
