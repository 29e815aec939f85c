#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/app/api_fixture.hpp"

namespace anycast::testing {

inline const std::string kProgram = std::string{ANYCASTD_BINARY_DIR} + "/anycastctl";

inline bool missing() {
  if (std::filesystem::exists(kProgram)) return false;
  WARN("SKIP: anycastctl is not built");
  return true;
}

/// Serves an Api on a socket, one connection after the other, until it is destroyed.
class PaperDaemon {
 public:
  explicit PaperDaemon(ApiFixture& fixture, bool may_write = true)
      : fixture_{fixture}, may_write_{may_write} {
    std::array<char, 32> name{"/tmp/anycastctl-test-XXXXXX"};
    folder_ = ::mkdtemp(name.data());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    REQUIRE(::bind(listener_, generic, sizeof address) == 0);
    REQUIRE(::listen(listener_, 8) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~PaperDaemon() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    std::filesystem::remove_all(folder_);
  }
  PaperDaemon(const PaperDaemon&) = delete;
  PaperDaemon& operator=(const PaperDaemon&) = delete;
  std::string path() const { return folder_ + "/ctl.sock"; }

 private:
  void serve() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      answer(fd);
      ::close(fd);
    }
  }

  void answer(int fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    std::size_t head = std::string::npos;
    std::size_t length = 0;
    while (head == std::string::npos || text.size() < head + 4 + length) {
      const auto got = ::read(fd, buffer.data(), buffer.size());
      if (got <= 0) return;
      text.append(buffer.data(), static_cast<std::size_t>(got));
      head = text.find("\r\n\r\n");
      const auto field = text.find("Content-Length: ");
      if (head != std::string::npos && field < head) length = std::stoul(text.substr(field + 16));
    }
    const auto line = split(text.substr(0, text.find("\r\n")), ' ');
    HttpRequest request{.method = line.at(0),
                        .path = line.at(1).substr(0, line.at(1).find('?')),
                        .body = text.substr(head + 4),
                        .local = true,
                        .may_write = may_write_,
                        .user = "tester"};
    if (const auto query = line.at(1).find('?'); query != std::string::npos) {
      for (const auto& pair : split(line.at(1).substr(query + 1), '&')) {
        const auto cut = pair.find('=');
        request.query[pair.substr(0, cut)] = pair.substr(cut + 1);
      }
    }
    const auto response = fixture_.api.handle(request);
    const auto out = "HTTP/1.1 " + std::to_string(response.status) +
                     " X\r\nConnection: close\r\nContent-Type: " + response.content_type +
                     "\r\nContent-Length: " + std::to_string(response.body.size()) + "\r\n\r\n" +
                     response.body;
    [[maybe_unused]] const auto sent = ::send(fd, out.data(), out.size(), MSG_NOSIGNAL);
  }

  ApiFixture& fixture_;
  bool may_write_;
  std::string folder_;
  int listener_ = -1;
  std::thread thread_;
};

}  // namespace anycast::testing
