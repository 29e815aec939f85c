#include "tests/support/fake_bird.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "tests/support/fake_bird_model.hpp"

namespace anycast::test {

struct FakeBird::Server {
  struct Connection {
    int fd;
    std::string input = {};
    FakeBirdModel::Client client = {};
  };

  explicit Server(FakeBird& owner) : model{owner.operator_config()}, path{owner.socket()} {
    listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    ::unlink(path.c_str());
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
        ::listen(listener, 8) != 0) {
      throw std::runtime_error{"cannot listen on " + path};
    }
    thread = std::jthread{[this](const std::stop_token& stop) { serve(stop); }};
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    thread.request_stop();
    thread.join();
    for (const auto& c : connections) ::close(c.fd);
    ::close(listener);
  }

  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (frozen) {
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
        continue;
      }
      std::vector<pollfd> items{{.fd = listener, .events = POLLIN, .revents = 0}};
      for (const auto& c : connections)
        items.push_back({.fd = c.fd, .events = POLLIN, .revents = 0});
      ::poll(items.data(), items.size(), 5);
      if (frozen) continue;
      if (model.expire()) {
        for (auto& c : connections) {
          if (c.client.waits_for_undo) send(c, "+Config timeout expired, starting undo\n");
          c.client.waits_for_undo = false;
        }
      }
      std::size_t index = 1;
      for (auto c = connections.begin(); c != connections.end(); ++index) {
        const bool gone = items[index].revents != 0 && !read(*c);
        if (gone) ::close(c->fd);
        c = gone ? connections.erase(c) : std::next(c);
      }
      if (items[0].revents != 0) {
        connections.push_back({::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)});
        reply(connections.back(), "", "0001 BIRD 2.0.12 ready.\n");
      }
    }
  }

  /// False when the connection is to be closed.
  bool read(Connection& c) {
    char buffer[2048];
    const auto got = ::recv(c.fd, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    c.input.append(buffer, static_cast<std::size_t>(got));
    for (auto end = c.input.find('\n'); end != std::string::npos; end = c.input.find('\n')) {
      const auto command = c.input.substr(0, end);
      c.input.erase(0, end + 1);
      if (!reply(c, command, model.answer(command, c.client))) return false;
    }
    return c.input.size() < 1024;
  }

  bool reply(Connection& c, const std::string& command, std::string text) {
    {
      const std::scoped_lock guard{mutex};
      if (twist) text = twist(command, text);
    }
    const auto end = text.find('\x04');
    return send(c, text.substr(0, end)) && end == std::string::npos;
  }

  static bool send(const Connection& c, std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(c.fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  FakeBirdModel model;
  std::string path;
  int listener = -1;
  std::list<Connection> connections = {};
  std::mutex mutex = {};
  Twist twist = {};
  std::atomic<bool> frozen = false;
  std::jthread thread = {};
};

FakeBird::FakeBird(std::string folder) : folder_{std::move(folder)} { start(); }
FakeBird::~FakeBird() = default;

std::string FakeBird::socket() const { return folder_ + "/bird.ctl"; }
std::string FakeBird::operator_config() const { return folder_ + "/bird.conf"; }
void FakeBird::kill() { server_.reset(); }
void FakeBird::start() { server_ = std::make_unique<Server>(*this); }
void FakeBird::freeze() { server_->frozen = true; }
void FakeBird::thaw() { server_->frozen = false; }

void FakeBird::twist(Twist twist) {
  const std::scoped_lock guard{server_->mutex};
  server_->twist = std::move(twist);
}

}  // namespace anycast::test
