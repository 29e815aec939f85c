#include "controller/cmd/common_serve.hpp"

namespace anycast::cmd {

Result<void> answer_in(EventLoop& loop, HttpServer& server) {
  for (const int fd : server.fds()) {
    if (auto watched = loop.watch(fd, [&server] { server.run(); }); !watched) return watched;
  }
  auto timer = loop.timer([&server] { server.run(); });
  if (!timer) return tl::unexpected(timer.error());
  return loop.before_sleep([&server, timer = *timer]() mutable {
    if (const auto next = server.next_timeout()) {
      timer.arm(*next);
    } else {
      timer.disarm();
    }
  });
}

}  // namespace anycast::cmd
