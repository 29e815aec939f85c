#include "adapters/health/rounds.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "adapters/health/tcp.hpp"

namespace anycast::health {
namespace {

constexpr std::uint64_t kTag = std::uint64_t{3} << 62U;  ///< says whose event it is
constexpr std::uint64_t kTcp = std::uint64_t{0} << 62U;
constexpr std::uint64_t kHttp = std::uint64_t{1} << 62U;
constexpr std::uint64_t kWake = std::uint64_t{2} << 62U;
constexpr std::size_t kEvents = 1024;
constexpr int kBeginAtOnce = 256;      ///< tries begun before answers are looked at again
constexpr std::size_t kReserve = 256;  ///< descriptors left for the rest of the process
constexpr Duration kNoRoom = milliseconds{5};
constexpr Duration kLongest = seconds{60};

Time wall_now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

}  // namespace

Checker::Rounds::Rounds(Settings settings)
    : settings_{std::move(settings)},
      timers_{[this] {
        std::size_t count = 0;
        for (const auto& [name, service] : settings_.services) count += service.servers.size();
        return count;
      }()},
      events_(kEvents) {
  for (const auto& [name, service] : settings_.services) {
    for (const auto& real : service.servers) {
      slots_.push_back({.service = &name,
                        .endpoint = real.endpoint,
                        .check = &service.check,
                        .phase = first_wait(name, real.endpoint, service.check.interval),
                        .counts = real.weight > 0});
      const auto known = settings_.known.find(name);
      if (known == settings_.known.end()) continue;
      const auto state = known->second.find(real.endpoint);
      if (state == known->second.end()) continue;
      slots_.back().state = state->second;
      turned(slots_.back(), Alive::unknown);
    }
  }
  turn_.reset();
}

void Checker::Rounds::turned(const Slot& slot, Alive before) {
  const auto now = slot.state.alive;
  if (now == before) return;
  if (!turn_) turn_ = Turn::one;
  if (!slot.counts) return;
  auto& up = up_[*slot.service];
  up += (now == Alive::up ? 1 : 0) - (before == Alive::up ? 1 : 0);
  if (now == Alive::down && up == 0) turn_ = Turn::last;
}

std::size_t Checker::Rounds::room(std::size_t wanted) {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const auto needed = static_cast<rlim_t>(wanted + kReserve);
  if (limit.rlim_cur < needed && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  const auto most = static_cast<std::size_t>(limit.rlim_cur);
  return std::min(wanted, most > kReserve ? most - kReserve : most / 2);
}

Result<void> Checker::Rounds::open() {
  epoll_ = Fd{::epoll_create1(EPOLL_CLOEXEC)};
  wake_ = Fd{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  if (!epoll_ || !wake_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    return fail(Remedy::look_at_host,
                "cannot check real servers: " + std::generic_category().message(errno));
  }
  room_ = room(slots_.size());
  http_ = std::make_unique<HttpTries>(
      epoll_.get(), kHttp,
      [this](std::size_t index, const Answer& answer) { finish(index, answer); });
  began_ = woke_ = steady_now();
  for (std::size_t i = 0; i < slots_.size(); ++i) plan(i, began_ - Duration{1});
  return {};
}

// On a grid that each real server has for itself: what was late once, or fast for a while, does not
// come in a crowd with others ever after.
void Checker::Rounds::plan(std::size_t index, Steady after_this) {
  auto& slot = slots_.at(index);
  const auto step = pace(*slot.check, slot.state);
  const auto offset = slot.phase % step;
  const auto past = after_this - began_ - offset;
  const auto steps = past < Duration{0} ? 0 : past / step + 1;
  slot.planned = began_ + offset + steps * step;
  timers_.set(index, slot.planned);
}

void Checker::Rounds::stop() {
  stopping_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

Duration Checker::Rounds::wait() {
  auto next = timers_.next();
  const auto curl = http_->next();
  if (curl && (!next || *curl < *next)) next = curl;
  if (!next) return kLongest;
  return std::clamp<Duration>(*next - steady_now(), Duration{0}, kLongest);
}

void Checker::Rounds::run() {
  while (!stopping_) {
    const auto planned = wait();
    const auto ms = static_cast<int>(std::chrono::ceil<milliseconds>(planned).count());
    const int count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(kEvents), ms);
    const auto before = woke_;
    woke_ = steady_now();
    held_up_ = woke_ - before - planned;
    on_events(count);
    http_->on_time(woke_);
    http_->collect(held_up_);
    on_timers();
    const auto turn = std::exchange(turn_, {});
    if (turn && settings_.changed) settings_.changed(*turn);
  }
}

void Checker::Rounds::on_events(int count) {
  for (int i = 0; i < count; ++i) {
    const auto& event = events_.at(static_cast<std::size_t>(i));
    const auto data = event.data.u64 & ~kTag;
    switch (event.data.u64 & kTag) {
      case kTcp: finish(data, connected(slots_.at(data).socket)); break;
      case kHttp: http_->on_socket(static_cast<int>(data), event.events); break;
      default: break;
    }
  }
}

void Checker::Rounds::on_timers() {
  for (int begun = 0; begun < kBeginAtOnce;) {
    const auto index = timers_.pop(woke_);
    if (!index) return;
    auto& slot = slots_.at(*index);
    if (slot.trying) {
      finish(*index, timed_out(*slot.check, held_up_, "took no connection"));
    } else {
      begin(*index);
      ++begun;
    }
  }
}

void Checker::Rounds::begin(std::size_t index) {
  auto& slot = slots_.at(index);
  {
    const std::lock_guard lock{mutex_};
    if (stats_.open >= room_) {
      timers_.set(index, woke_ + kNoRoom);
      return;
    }
    ++stats_.open;
    slot.began = steady_now();
    if (slot.began - slot.planned > slot.check->interval / 10) ++stats_.missed;
  }
  slot.trying = true;
  if (slot.check->kind != Check::Kind::tcp) return http_->begin(index, slot.endpoint, *slot.check);
  auto result = connect_to(slot.endpoint, slot.check->source);
  if (const auto* answer = std::get_if<Answer>(&result)) return finish(index, *answer);
  slot.socket = std::move(std::get<Fd>(result));
  epoll_event event = {};
  event.events = EPOLLOUT;
  event.data.u64 = kTcp | index;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, slot.socket.get(), &event) != 0)
    return finish(index, failed(errno));
  timers_.set(index, slot.began + slot.check->timeout);
}

void Checker::Rounds::finish(std::size_t index, const Answer& answer) {
  auto& slot = slots_.at(index);
  if (!slot.trying) return;
  slot.trying = false;
  if (slot.socket) drop(slot.socket);
  const auto now = steady_now();
  auto timed = answer;
  timed.took = now - slot.began;
  {
    const std::lock_guard lock{mutex_};
    const auto before = slot.state.alive;
    slot.state = after(*slot.check, std::move(slot.state), timed, wall_now());
    turned(slot, before);
    --stats_.open;
    ++stats_.tries;
    if (answer.kind == Answer::Kind::failed) ++stats_.failures;
    if (answer.kind == Answer::Kind::late) ++stats_.late;
  }
  plan(index, now);
}

Health Checker::Rounds::health() const {
  Health out;
  const std::lock_guard lock{mutex_};
  for (const auto& slot : slots_) {
    auto& reals = out[*slot.service];
    reals.emplace_hint(reals.end(), slot.endpoint, slot.state);
  }
  return out;
}

CheckStats Checker::Rounds::stats() const {
  const std::lock_guard lock{mutex_};
  return stats_;
}

}  // namespace anycast::health
