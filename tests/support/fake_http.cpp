#include "tests/support/fake_http.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

#include "controller/base/text.hpp"

namespace anycast::test {
namespace {

constexpr std::size_t kMaxRequest = 1U << 20U;
constexpr int kDripMs = 2;

std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string{text.substr(i + 1, 2)}, nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

FakeRequest parse(const std::string& head) {
  auto lines = split(head, '\n');
  const auto words = split(lines.front(), ' ');
  FakeRequest request{.method = words.at(0), .path = words.at(1)};
  for (const auto& line : lines) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = trim(line.substr(colon + 1));
  }
  return request;
}

sockaddr_in loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Fd listen_on_loopback(std::uint16_t& port) {
  Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  auto address = loopback();
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (!fd || ::bind(fd.get(), raw, size) != 0 || ::listen(fd.get(), 16) != 0 ||
      ::getsockname(fd.get(), raw, &size) != 0) {
    throw std::runtime_error("no loopback port to listen on");
  }
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

FakeHttp::FakeHttp(Handler handler)
    : handler_{std::move(handler)},
      listener_{listen_on_loopback(port_)},
      stop_{::eventfd(0, EFD_CLOEXEC)},
      acceptor_{[this] { accept_all(); }} {}

FakeHttp::~FakeHttp() {
  ::eventfd_write(stop_.get(), 1);
  acceptor_.join();
  clients_.clear();
}

std::vector<FakeRequest> FakeHttp::requests() const {
  const std::scoped_lock lock{mutex_};
  return requests_;
}

int FakeHttp::connections() const {
  const std::scoped_lock lock{mutex_};
  return connections_;
}

bool FakeHttp::wait(int fd, short events, int timeout_ms) const {
  std::array<pollfd, 2> fds{{{stop_.get(), POLLIN, 0}, {fd, events, 0}}};
  ::poll(fds.data(), fd < 0 ? 1 : 2, timeout_ms);
  return fds[0].revents == 0;
}

void FakeHttp::accept_all() {
  while (wait(listener_.get(), POLLIN, -1)) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const std::scoped_lock lock{mutex_};
    ++connections_;
    clients_.emplace_back([this, fd] { serve(Fd{fd}); });
  }
}

bool FakeHttp::send_all(const Fd& client, const std::string& text) const {
  std::string_view rest = text;
  while (!rest.empty()) {
    if (!wait(client.get(), POLLOUT, -1)) return false;
    const auto n = ::send(client.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) return false;
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool FakeHttp::send_reply(const Fd& client, const FakeReply& reply) const {
  using enum FakeReply::Manner;
  std::string head =
      fmt::format("HTTP/1.1 {} Reply\r\nContent-Length: {}\r\n", reply.status, reply.body.size());
  if (!reply.content_type.empty()) head += fmt::format("Content-Type: {}\r\n", reply.content_type);
  for (const auto& header : reply.headers) head += header + "\r\n";
  head += "\r\n";
  switch (reply.manner) {
    case complete: return send_all(client, head + reply.body);
    case cut: send_all(client, head + reply.body.substr(0, reply.body.size() / 2)); return false;
    case silent: wait(-1, 0, -1); return false;
    case drip: break;
  }
  for (const char c : head + reply.body) {
    if (!send_all(client, std::string(1, c)) || !wait(-1, 0, kDripMs)) return false;
  }
  return true;
}

void FakeHttp::serve(const Fd& client) {
  std::string input;
  std::array<char, 16384> buffer{};
  while (wait(client.get(), POLLIN, -1) && input.size() < kMaxRequest) {
    const auto n = ::recv(client.get(), buffer.data(), buffer.size(), 0);
    if (n <= 0) return;
    input.append(buffer.data(), static_cast<std::size_t>(n));
    const auto end = input.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    auto request = parse(input.substr(0, end));
    const auto length = request.headers.find("content-length");
    const std::size_t whole =
        end + 4 + (length == request.headers.end() ? 0 : std::stoul(length->second));
    if (input.size() < whole) continue;
    for (const auto& field : split(input.substr(end + 4, whole - end - 4), '&')) {
      const auto equals = std::min(field.find('='), field.size());
      if (equals < field.size())
        request.form[decode(field.substr(0, equals))] = decode(field.substr(equals + 1));
    }
    input.erase(0, whole);
    FakeReply reply;
    {
      const std::scoped_lock lock{mutex_};
      requests_.push_back(request);
      reply = handler_(request);
    }
    if (!send_reply(client, reply)) return;
  }
}

std::uint16_t free_port() {
  std::uint16_t port = 0;
  listen_on_loopback(port);
  return port;
}

}  // namespace anycast::test
