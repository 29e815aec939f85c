#include "adapters/http/http_server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>

#include "adapters/http/event_streams.hpp"
#include "adapters/http/gate.hpp"
#include "adapters/http/listen.hpp"
#include "adapters/system/user.hpp"
#include "controller/base/net.hpp"
#include "controller/base/text.hpp"

namespace anycast {
namespace {

using Steady = std::chrono::steady_clock;

// A head of 100 KB is answered with 431 by the library, because it does not fit in here.
constexpr std::size_t kConnectionMemory = 16U << 10U;
// A refused body up to this size is read and dropped, so that the client, still writing, gets to
// read the answer instead of a reset.
constexpr std::uint64_t kDropAtMost = 1U << 20U;
// On a loopback address all clients have one IP, so the limit by IP is for others only.
constexpr unsigned kConnectionsPerIp = 64;
// The page brings its own script and style and nothing else; no text can become markup or code.
constexpr const char* kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for "
    "'script'; trusted-types 'none'";

/// One request while it comes in.
struct Incoming {
  HttpRequest request;
  std::optional<Rejection> rejection;
};

std::string json_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

HttpResponse rejected(const Rejection& rejection) {
  return {
      .status = rejection.status,
      .body = fmt::format("{{\"api\": \"anycastd/v1\", \"kind\": \"Error\", \"text\": \"{}\"}}\n",
                          json_text(rejection.text))};
}

std::optional<std::string> header(MHD_Connection* connection, const char* name) {
  const char* const value = ::MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  if (value == nullptr) return std::nullopt;
  return value;
}

RequestHead head_of(MHD_Connection* connection, const char* method, bool local) {
  RequestHead head{.method = method,
                   .local = local,
                   .host = header(connection, MHD_HTTP_HEADER_HOST),
                   .origin = header(connection, MHD_HTTP_HEADER_ORIGIN)};
  head.chunked = header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING).has_value();
  if (const auto length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH)) {
    std::uint64_t bytes = 0;
    const auto parsed = std::from_chars(length->data(), length->data() + length->size(), bytes);
    // Longer than 64 bits can say is also longer than allowed.
    head.content_length = parsed.ec == std::errc{} ? bytes : ~std::uint64_t{0};
  }
  return head;
}

MHD_Result add_argument(void* target, MHD_ValueKind /*kind*/, const char* key, std::size_t key_size,
                        const char* value, std::size_t value_size) {
  auto& query = *static_cast<std::map<std::string, std::string>*>(target);
  query.emplace(std::string{key, key_size},
                value == nullptr ? std::string{} : std::string{value, value_size});
  return MHD_YES;
}

MHD_Result queue(MHD_Connection* connection, const HttpResponse& response, MHD_Response* out) {
  if (out == nullptr) return MHD_NO;
  ::MHD_add_response_header(out, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  ::MHD_add_response_header(out, "X-Content-Type-Options", "nosniff");
  ::MHD_add_response_header(out, "X-Frame-Options", "DENY");
  ::MHD_add_response_header(out, "Content-Security-Policy", kContentPolicy);
  ::MHD_add_response_header(out, "Referrer-Policy", "no-referrer");
  ::MHD_add_response_header(out, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  const auto queued = ::MHD_queue_response(connection, static_cast<unsigned>(response.status), out);
  ::MHD_destroy_response(out);
  return queued;
}

MHD_Result answer(MHD_Connection* connection, const HttpResponse& response) {
  return queue(
      connection, response,
      ::MHD_create_response_from_buffer(
          response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY));
}

int socket_of(MHD_Connection* connection) {
  const auto* const info = ::MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == nullptr ? -1 : info->connect_fd;
}

/// One of the two listening sides.
class Side {
 public:
  Side(const HttpServer::Options& options, const HttpHandler& handler, Gate gate, bool local)
      : options_{options},
        handler_{handler},
        gate_{std::move(gate)},
        local_{local},
        streams_{options.max_streams, options.request_timeout, deadlines_} {}
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;
  ~Side() {
    streams_.end();
    if (daemon_ != nullptr) ::MHD_stop_daemon(daemon_);
  }

  Result<void> start(int listening, std::optional<gid_t> group, unsigned per_ip);
  int fd() const { return ::MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd; }
  std::optional<Duration> next_timeout() const;
  void run();
  void push(const std::shared_ptr<const std::string>& event);
  std::size_t streams() const { return streams_.size(); }

 private:
  static MHD_Result on_request(void* side, MHD_Connection* connection, const char* url,
                               const char* method, const char* version, const char* data,
                               std::size_t* size, void** incoming) noexcept;
  static void on_completed(void* side, MHD_Connection* connection, void** incoming,
                           MHD_RequestTerminationCode code) noexcept;
  static void on_connection(void* side, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code) noexcept;

  MHD_Result begin(MHD_Connection* connection, Incoming& incoming, const char* url,
                   const char* method);
  HttpResponse finish(const Incoming& incoming);
  MHD_Result reply(MHD_Connection* connection, HttpResponse response);
  void name_peer(MHD_Connection* connection, Incoming& incoming);

  const HttpServer::Options& options_;
  const HttpHandler& handler_;
  Gate gate_;
  bool local_;
  std::optional<gid_t> group_;
  MHD_Daemon* daemon_ = nullptr;
  HttpDeadlines deadlines_;
  EventStreams streams_;
  bool closed_one_ = false;
  bool pushed_ = false;
};

Result<void> Side::start(int listening, std::optional<gid_t> group, unsigned per_ip) {
  group_ = group;
  // The library closes what it is given, at a stop and on some of its failures.
  const int given = ::fcntl(listening, F_DUPFD_CLOEXEC, 3);
  const auto idle_s = std::chrono::ceil<seconds>(options_.idle_timeout).count();
  daemon_ = ::MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &Side::on_request, this,
      MHD_OPTION_LISTEN_SOCKET, given, MHD_OPTION_CONNECTION_LIMIT, options_.max_connections,
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_ip, MHD_OPTION_CONNECTION_TIMEOUT,
      static_cast<unsigned>(idle_s), MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,
      MHD_OPTION_NOTIFY_COMPLETED, &Side::on_completed, this, MHD_OPTION_NOTIFY_CONNECTION,
      &Side::on_connection, this, MHD_OPTION_END);
  if (daemon_ == nullptr) return fail(Remedy::look_at_host, "cannot start the HTTP server");
  return {};
}

std::optional<Duration> Side::next_timeout() const {
  // A full library stops listening, and listens again only in the call after the one in which a
  // connection ended. What was resumed from outside it does not always tell by its descriptor.
  if (closed_one_ || pushed_) return Duration{0};
  std::optional<Duration> next;
  MHD_UNSIGNED_LONG_LONG wait_ms = 0;
  if (::MHD_get_timeout(daemon_, &wait_ms) == MHD_YES)
    next = milliseconds{static_cast<std::int64_t>(wait_ms)};
  const auto now = Steady::now();
  for (const auto& [connection, deadline] : deadlines_) {
    const auto left = std::max(Duration{0}, std::chrono::ceil<Duration>(deadline - now));
    next = std::min(next.value_or(left), left);
  }
  return next;
}

void Side::run() {
  const auto now = Steady::now();
  for (auto& [connection, deadline] : deadlines_) {
    if (now < deadline) continue;
    // The library's own time-out starts anew with every byte; this ends a request that drips in.
    ::shutdown(socket_of(connection), SHUT_RDWR);
    deadline = now + options_.request_timeout;
  }
  closed_one_ = false;
  pushed_ = false;
  ::MHD_run(daemon_);
}

void Side::push(const std::shared_ptr<const std::string>& event) {
  streams_.push(event);
  pushed_ = streams_.size() > 0;
}

void Side::on_connection(void* side, MHD_Connection* connection, void** /*context*/,
                         MHD_ConnectionNotificationCode code) noexcept {
  auto& self = *static_cast<Side*>(side);
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    self.deadlines_[connection] = Steady::now() + self.options_.request_timeout;
  } else {
    self.deadlines_.erase(connection);
    self.closed_one_ = true;
  }
}

void Side::on_completed(void* side, MHD_Connection* connection, void** incoming,
                        MHD_RequestTerminationCode /*code*/) noexcept {
  auto& self = *static_cast<Side*>(side);
  delete static_cast<Incoming*>(*incoming);
  *incoming = nullptr;
  const auto found = self.deadlines_.find(connection);
  if (found != self.deadlines_.end()) found->second = Steady::now() + self.options_.request_timeout;
}

MHD_Result Side::on_request(void* side, MHD_Connection* connection, const char* url,
                            const char* method, const char* /*version*/, const char* data,
                            std::size_t* size, void** incoming) noexcept {
  auto& self = *static_cast<Side*>(side);
  if (*incoming == nullptr) {
    auto fresh = std::make_unique<Incoming>();
    const auto begun = self.begin(connection, *fresh, url, method);
    *incoming = fresh.release();
    return begun;
  }
  auto& all = *static_cast<Incoming*>(*incoming);
  if (*size == 0) return self.reply(connection, self.finish(all));
  if (!all.rejection && all.request.body.size() + *size > self.gate_.max_body)
    all.rejection = self.gate_.too_large();
  if (!all.rejection) all.request.body.append(data, *size);
  *size = 0;
  return MHD_YES;
}

MHD_Result Side::begin(MHD_Connection* connection, Incoming& incoming, const char* url,
                       const char* method) {
  auto& request = incoming.request;
  request.method = std::strcmp(method, "HEAD") == 0 ? "GET" : method;
  request.path = url;
  request.local = local_;
  ::MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, &add_argument, &request.query);
  const auto head = head_of(connection, method, local_);
  incoming.rejection = gate_.refuses(head);
  if (!incoming.rejection) {
    if (local_) name_peer(connection, incoming);
    return MHD_YES;
  }
  const bool asks_first = header(connection, MHD_HTTP_HEADER_EXPECT).has_value();
  const bool drops = !asks_first && head.content_length.value_or(0) <= kDropAtMost;
  if (head.has_body() && drops) return MHD_YES;
  return answer(connection, rejected(*incoming.rejection));
}

void Side::name_peer(MHD_Connection* connection, Incoming& incoming) {
  const auto peer = peer_of(socket_of(connection));
  if (!peer) {
    incoming.rejection = Rejection{500, peer.error().text};
    return;
  }
  incoming.request.uid = peer->uid;
  incoming.request.user = user_name(peer->uid);
  incoming.request.may_write =
      peer->uid == 0 || peer->uid == ::geteuid() || (group_ && peer->is_in(*group_));
}

MHD_Result Side::reply(MHD_Connection* connection, HttpResponse response) {
  if (!response.stream) return answer(connection, response);
  if (streams_.full()) {
    return answer(connection,
                  rejected({503, fmt::format("{} event streams are open already, as many as there "
                                             "may be; ask for the status instead",
                                             streams_.most())}));
  }
  auto* const out = streams_.begin(connection, std::move(response.body));
  if (out != nullptr) ::MHD_add_response_header(out, "X-Accel-Buffering", "no");
  return queue(connection, response, out);
}

HttpResponse Side::finish(const Incoming& incoming) {
  if (incoming.rejection) return rejected(*incoming.rejection);
  // An exception must not run through the C library; what threw is our own fault, not the client's.
  try {
    return handler_(incoming.request);
  } catch (const std::exception& fault) {
    return rejected({500, fmt::format("internal error: {}", printable(fault.what()))});
  } catch (...) {
    return rejected({500, "internal error"});
  }
}

}  // namespace

struct HttpServer::Inside {
  Options options;
  HttpHandler handler;
  // The order matters: the library stops before the socket's file goes.
  std::optional<UnixListener> socket = {};
  std::uint16_t tcp_port = 0;
  std::vector<std::unique_ptr<Side>> sides = {};

  Result<void> open_socket() {
    auto listener =
        UnixListener::open({.path = options.socket, .group = options.group, .mode = options.mode});
    if (!listener) return tl::unexpected(listener.error());
    socket.emplace(std::move(*listener));
    auto side = std::make_unique<Side>(options, handler, Gate{.max_body = options.max_body}, true);
    const auto started = side->start(socket->fd(), socket->group(), 0);
    if (started) sides.push_back(std::move(side));
    return started;
  }

  Result<void> open_tcp() {
    const auto listener = listen_tcp(options.listen);
    if (!listener) return tl::unexpected(listener.error());
    tcp_port = listener->port;
    Gate gate{.listen_host = listener->host, .hosts = options.hosts, .max_body = options.max_body};
    auto side = std::make_unique<Side>(options, handler, std::move(gate), false);
    const bool loopback = listener->host.starts_with("127.") || listener->host == "::1";
    const auto started =
        side->start(listener->socket.get(), std::nullopt, loopback ? 0 : kConnectionsPerIp);
    if (started) sides.push_back(std::move(side));
    return started;
  }
};

HttpServer::HttpServer(std::unique_ptr<Inside> inside) : inside_{std::move(inside)} {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::open(const Options& options, HttpHandler handler) {
  std::unique_ptr<HttpServer> server{new HttpServer(
      std::make_unique<Inside>(Inside{.options = options, .handler = std::move(handler)}))};
  auto& inside = *server->inside_;
  if (!options.socket.empty()) {
    if (const auto opened = inside.open_socket(); !opened) return tl::unexpected(opened.error());
  }
  if (!options.listen.empty()) {
    if (const auto opened = inside.open_tcp(); !opened) return tl::unexpected(opened.error());
  }
  return server;
}

std::vector<int> HttpServer::fds() const {
  std::vector<int> all;
  for (const auto& side : inside_->sides) all.push_back(side->fd());
  return all;
}

std::optional<Duration> HttpServer::next_timeout() const {
  std::optional<Duration> next;
  for (const auto& side : inside_->sides) {
    const auto wait = side->next_timeout();
    if (wait) next = std::min(next.value_or(*wait), *wait);
  }
  return next;
}

void HttpServer::run() {
  for (const auto& side : inside_->sides) side->run();
}

void HttpServer::push(std::string event) {
  const auto shared = std::make_shared<const std::string>(std::move(event));
  for (const auto& side : inside_->sides) side->push(shared);
}

std::size_t HttpServer::streams() const {
  std::size_t all = 0;
  for (const auto& side : inside_->sides) all += side->streams();
  return all;
}

std::uint16_t HttpServer::tcp_port() const { return inside_->tcp_port; }

}  // namespace anycast
