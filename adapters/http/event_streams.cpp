#include "adapters/http/event_streams.hpp"

#include <algorithm>
#include <cstring>

namespace anycast {
namespace {

constexpr std::size_t kBlock = 8U << 10U;  // of what is sent at once; half of a connection's memory

}  // namespace

MHD_Response* EventStreams::begin(MHD_Connection* connection, std::string first) {
  streams_.push_back({.all = *this,
                      .connection = connection,
                      .next = std::make_shared<const std::string>(std::move(first))});
  auto* const response = ::MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kBlock, &on_read,
                                                             &streams_.back(), &on_end);
  if (response == nullptr) streams_.pop_back();
  return response;
}

void EventStreams::push(const Text& event) {
  for (auto& stream : streams_) {
    stream.next = event;
    wake(stream);
  }
}

void EventStreams::end() {
  for (auto& stream : streams_) {
    stream.over = true;
    wake(stream);
  }
}

void EventStreams::wake(Stream& stream) {
  const auto* const info =
      ::MHD_get_connection_info(stream.connection, MHD_CONNECTION_INFO_CONNECTION_SUSPENDED);
  if (info != nullptr && info->suspended == MHD_YES) ::MHD_resume_connection(stream.connection);
}

ssize_t EventStreams::on_read(void* stream, std::uint64_t /*position*/, char* buffer,
                              std::size_t size) noexcept {
  auto& self = *static_cast<Stream*>(stream);
  auto& deadlines = self.all.deadlines_;
  if (self.over) return MHD_CONTENT_READER_END_OF_STREAM;
  if (self.current && self.sent == self.current->size()) self.current.reset();
  if (!self.current) {
    if (!self.next) {
      // Nothing to say: neither the library's time-out nor a deadline counts meanwhile.
      deadlines.erase(self.connection);
      ::MHD_suspend_connection(self.connection);
      return 0;
    }
    self.current = std::move(self.next);
    self.next.reset();
    self.sent = 0;
    deadlines[self.connection] = std::chrono::steady_clock::now() + self.all.limit_;
  }
  const auto block = std::min(size, self.current->size() - self.sent);
  std::memcpy(buffer, self.current->data() + self.sent, block);
  self.sent += block;
  return static_cast<ssize_t>(block);
}

void EventStreams::on_end(void* stream) noexcept {
  auto& self = *static_cast<Stream*>(stream);
  self.all.streams_.remove_if([&](const Stream& each) { return &each == &self; });
}

}  // namespace anycast
