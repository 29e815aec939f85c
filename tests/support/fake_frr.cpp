#include "tests/support/fake_frr.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <iterator>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "tests/support/fake_frr_model.hpp"

namespace anycast::test {
namespace {

std::string slurp(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

struct FakeFrr::Server {
  struct Connection {
    int fd;
    std::string input = {};
    FakeFrrModel::Client client = {};
  };

  explicit Server(const FakeFrr& owner) : model{slurp(owner.operator_config())} {
    const auto path = owner.socket();
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
      std::vector<pollfd> items{{.fd = listener, .events = POLLIN, .revents = 0}};
      for (const auto& c : connections)
        items.push_back({.fd = c.fd, .events = POLLIN, .revents = 0});
      ::poll(items.data(), items.size(), 5);
      if (frozen) {
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
        continue;
      }
      std::size_t index = 1;
      for (auto c = connections.begin(); c != connections.end(); ++index) {
        const bool gone = items[index].revents != 0 && !read(*c);
        if (gone) ::close(c->fd);
        c = gone ? connections.erase(c) : std::next(c);
      }
      if (items[0].revents != 0) {
        connections.push_back({::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)});
      }
    }
  }

  /// False when the connection is to be closed.
  bool read(Connection& c) {
    char buffer[2048];
    const auto got = ::recv(c.fd, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    c.input.append(buffer, static_cast<std::size_t>(got));
    for (auto end = c.input.find('\0'); end != std::string::npos; end = c.input.find('\0')) {
      const auto command = c.input.substr(0, end);
      c.input.erase(0, end + 1);
      if (!answer(c, command)) return false;
    }
    return true;
  }

  bool answer(Connection& c, const std::string& command) {
    std::string text;
    {
      const std::scoped_lock guard{mutex};
      const auto reply = model.answer(command, c.client);
      text = reply.text + std::string(3, '\0') + static_cast<char>(reply.status);
      if (twist) text = twist(command, text);
    }
    const auto end = text.find('\x04');
    return send(c, std::string_view{text}.substr(0, end)) && end == std::string::npos;
  }

  static bool send(const Connection& c, std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(c.fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  FakeFrrModel model;
  int listener = -1;
  std::list<Connection> connections = {};
  std::mutex mutex = {};
  Twist twist = {};
  std::atomic<bool> frozen = false;
  std::jthread thread = {};
};

FakeFrr::FakeFrr(std::string folder) : folder_{std::move(folder)} { FakeFrr::start(); }
FakeFrr::~FakeFrr() = default;

void FakeFrr::kill() { server_.reset(); }
void FakeFrr::start() { server_ = std::make_unique<Server>(*this); }
void FakeFrr::freeze() { server_->frozen = true; }
void FakeFrr::thaw() { server_->frozen = false; }

std::vector<Export> FakeFrr::heard(const std::string& table) const {
  if (!server_) return {};
  const std::scoped_lock guard{server_->mutex};
  return server_->model.heard(table);
}

std::string FakeFrr::news(const std::string& table) const {
  if (!server_) return {};
  const std::scoped_lock guard{server_->mutex};
  return std::to_string(server_->model.updates(table));
}

void FakeFrr::twist(Twist twist) {
  const std::scoped_lock guard{server_->mutex};
  server_->twist = std::move(twist);
}

}  // namespace anycast::test
