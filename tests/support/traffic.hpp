#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/system/fd.hpp"
#include "controller/base/net.hpp"

namespace anycast::test {

/// Moves the calling thread into a network namespace that `ip netns` has made.
void enter_space(const std::string& name);

/// Namespaces on one wire, of both families: "client" beyond "director", and the real servers "r1"
/// and "r2", which take packets for 198.51.100.0/24 and 2001:db8:f::/64 as they come, by whatever
/// way IPVS on "director" sends them. They are laid once and stay. The calling thread leaves its
/// namespace. Throws where `ip` fails.
void lay_wire();

/// Makes a namespace and puts it on the wire, with these addresses on its "eth0".
void join_wire(const std::string& name, const std::string& v4, const std::string& v6);

/// `ip` with these words, which may name a namespace with "-n". Throws where it fails.
void ip(const std::string& words);

/// Writes to a file of /proc/sys/net in a namespace.
void set_in(const std::string& space, const std::string& name, const std::string& value);

/// What a program prints in a namespace.
std::string printed_in(const std::string& space, const std::string& command);

/// Answers each byte that it is sent on port 80 of a namespace with the name of that, until it
/// ends.
class Responder {
 public:
  explicit Responder(std::string space);
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

 private:
  void serve();
  bool answer(int fd) const;

  std::string space_;
  int stop_[2] = {-1, -1};
  std::atomic<bool> listening_ = false;
  std::thread thread_ = {};
};

/// A connection to port 80 from the calling thread's namespace.
class Connection {
 public:
  explicit Connection(const Address& to,
                      std::chrono::milliseconds patience = std::chrono::seconds{5});
  /// Who answers, or "failed".
  std::string ask();

 private:
  Fd fd_;
  bool up_ = false;
};

/// How often who answered.
using Answers = std::map<std::string, int>;
std::string to_string(const Answers& answers);

/// A client's new connections one after the other, each with one question.
Answers requests(const Address& to, int count);

/// The same for as long as the object lives.
class Users {
 public:
  explicit Users(Address to);
  ~Users();
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;

  int asked() const { return asked_; }
  int failed() const { return failed_; }
  /// Waits until so many more have been asked.
  void wait_for(int more) const;
  /// Ends them.
  Answers end();

 private:
  Address to_;
  std::atomic<bool> over_ = false;
  std::atomic<int> asked_ = 0;
  std::atomic<int> failed_ = 0;
  Answers answers_ = {};
  std::thread thread_;
};

/// Many clients, which together begin a request each 50 ms whatever becomes of the others; each has
/// 400 ms for its connection and as much for its answer.
class Crowd {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit Crowd(Address to);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  struct Loss {
    int requests = 0;
    long ms = 0;  ///< from the first of those to the first good one after the last of them
  };
  /// Of the requests that were begun in between.
  Loss lost(Time from, Time to) const;
  /// Whether one that was begun after that time was answered.
  bool answered(Time since) const;

 private:
  void ask(Time first);

  Address to_;
  std::atomic<bool> over_ = false;
  mutable std::mutex mutex_;
  std::map<Time, bool> answered_ = {};  ///< by when the request was begun
  std::vector<std::thread> threads_ = {};
};

}  // namespace anycast::test
