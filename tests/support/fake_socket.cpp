#include "tests/support/fake_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <utility>
#include <vector>

namespace anycast::test {
namespace {

bool send(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

FakeSocket::FakeSocket(const std::string& path, Model model) : model_{std::move(model)} {
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  ::unlink(path.c_str());
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
      ::listen(listener_, 8) != 0) {
    throw std::runtime_error{"cannot listen on " + path};
  }
  thread_ = std::jthread{[this](const std::stop_token& stop) { serve(stop); }};
}

FakeSocket::~FakeSocket() {
  thread_.request_stop();
  thread_.join();
  for (const auto& connection : connections_) ::close(connection.fd);
  ::close(listener_);
}

void FakeSocket::twist(Twist twist) {
  const std::scoped_lock guard{mutex};
  twist_ = std::move(twist);
}

void FakeSocket::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (frozen) {
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
      continue;
    }
    std::vector<pollfd> items{{.fd = listener_, .events = POLLIN, .revents = 0}};
    for (const auto& c : connections_)
      items.push_back({.fd = c.fd, .events = POLLIN, .revents = 0});
    ::poll(items.data(), items.size(), 5);
    if (frozen) continue;
    tell_unasked();
    std::size_t index = 1;
    for (auto c = connections_.begin(); c != connections_.end(); ++index) {
      const bool gone = items[index].revents != 0 && !read(*c);
      if (gone) drop(*c);
      c = gone ? connections_.erase(c) : std::next(c);
    }
    if (items[0].revents == 0) continue;
    connections_.push_back({::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)});
    if (!model_.greeting.empty()) reply(connections_.back(), "", model_.greeting);
  }
}

void FakeSocket::tell_unasked() {
  if (!model_.unasked) return;
  const std::scoped_lock guard{mutex};
  for (const auto& c : connections_) send(c.fd, model_.unasked(c.fd));
}

void FakeSocket::drop(const Connection& connection) {
  ::close(connection.fd);
  const std::scoped_lock guard{mutex};
  if (model_.left) model_.left(connection.fd);
}

/// False when the connection is to be closed.
bool FakeSocket::read(Connection& connection) {
  char buffer[2048];
  const auto got = ::recv(connection.fd, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  auto& input = connection.input;
  input.append(buffer, static_cast<std::size_t>(got));
  for (auto end = input.find(model_.end); end != std::string::npos; end = input.find(model_.end)) {
    const auto command = input.substr(0, end);
    input.erase(0, end + 1);
    const auto text = [&] {
      const std::scoped_lock guard{mutex};
      return model_.answer(connection.fd, command);
    }();
    if (!reply(connection, command, text)) return false;
  }
  return input.size() < model_.longest;
}

bool FakeSocket::reply(const Connection& connection, const std::string& command, std::string text) {
  {
    const std::scoped_lock guard{mutex};
    if (twist_) text = twist_(command, text);
  }
  const auto end = text.find('\x04');
  return send(connection.fd, std::string_view{text}.substr(0, end)) && end == std::string::npos;
}

}  // namespace anycast::test
