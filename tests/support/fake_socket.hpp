#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace anycast::test {

/// A daemon's control socket in a thread: commands in, replies out, any number of clients. What the
/// replies are is the business of its model.
class FakeSocket {
 public:
  /// Gets the command and the reply as it stands on the wire; what it returns is sent instead.
  /// Everything behind a '\x04' is not sent, the connection is closed there.
  using Twist = std::function<std::string(const std::string& command, const std::string& reply)>;

  /// All are called under `mutex`. A client is named by a number that no other has while it lives.
  struct Model {
    char end = '\n';             ///< of a command
    std::size_t longest = 1024;  ///< command; whoever sends a longer one is cut off
    std::string greeting = {};   ///< twisted as the reply to an empty command
    std::function<std::string(int client, const std::string& command)> answer;
    std::function<std::string(int client)> unasked = {};  ///< what it is told now, mostly nothing
    std::function<void(int client)> left = {};
  };

  /// Throws std::runtime_error where it cannot listen on the path.
  FakeSocket(const std::string& path, Model model);
  FakeSocket(const FakeSocket&) = delete;
  FakeSocket& operator=(const FakeSocket&) = delete;
  ~FakeSocket();

  void twist(Twist twist);

  std::mutex mutex = {};
  std::atomic<bool> frozen = false;  ///< answers nobody, accepts nobody

 private:
  struct Connection {
    int fd;
    std::string input = {};
  };
  void serve(const std::stop_token& stop);
  void tell_unasked();
  void drop(const Connection& connection);
  bool read(Connection& connection);
  bool reply(const Connection& connection, const std::string& command, std::string text);

  Model model_;
  Twist twist_ = {};
  int listener_ = -1;
  std::list<Connection> connections_ = {};
  std::jthread thread_ = {};
};

}  // namespace anycast::test
