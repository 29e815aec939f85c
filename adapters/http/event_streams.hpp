#pragma once

#include <microhttpd.h>

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "controller/base/time.hpp"
#include "controller/ports/http.hpp"

namespace anycast {

/// By when a connection has to be done with what it does now.
using HttpDeadlines = std::map<MHD_Connection*, std::chrono::steady_clock::time_point>;

/// Server-sent events (HTML Living Standard, 9.2) to whoever listens on one side of the server.
/// Every event is whole in itself: a reader that has not finished one gets the newest next and
/// misses those between, so that nobody's slowness costs more memory than two events, which all
/// readers share. One that takes too long over an event is cut off by its deadline.
class EventStreams {
 public:
  EventStreams(unsigned most, Duration limit, HttpDeadlines& deadlines)
      : most_{most}, limit_{limit}, deadlines_{deadlines} {}
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  bool full() const { return streams_.size() >= most_; }
  std::size_t size() const { return streams_.size(); }
  unsigned most() const { return most_; }

  /// Begins an answer that starts with `first` and ends with the connection; null where the library
  /// has no memory.
  MHD_Response* begin(MHD_Connection* connection, std::string first);
  void push(const std::shared_ptr<const std::string>& event);
  /// The library may only be stopped after this.
  void end();

 private:
  using Text = std::shared_ptr<const std::string>;
  struct Stream {
    EventStreams& all;
    MHD_Connection* connection;
    Text next;          ///< to be sent after `current`
    Text current = {};  ///< being sent; none: the connection is suspended
    std::size_t sent = 0;
    bool over = false;
  };
  static ssize_t on_read(void* stream, std::uint64_t position, char* buffer,
                         std::size_t size) noexcept;
  static void on_end(void* stream) noexcept;
  void wake(Stream& stream);

  unsigned most_;
  Duration limit_;
  HttpDeadlines& deadlines_;
  std::list<Stream> streams_;
};

}  // namespace anycast
