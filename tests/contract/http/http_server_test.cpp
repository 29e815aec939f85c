#include "adapters/http/http_server.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <stdexcept>

#include "adapters/system/user.hpp"
#include "tests/contract/http/running.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

using namespace anycast;

namespace {

/// Says what arrived.
HttpResponse what_arrived(const HttpRequest& request) {
  if (request.path == "/missing") return {.status = 404, .body = "{}"};
  if (request.path == "/throws") throw std::runtime_error("\"oops\"");
  std::string query;
  for (const auto& [key, value] : request.query) query += fmt::format("[{}={}]", key, value);
  return {.content_type = "text/plain",
          .body = fmt::format("{} {} {} local={} write={} user={} body={}", request.method,
                              request.path, query, request.local, request.may_write, request.user,
                              request.body.size())};
}

std::string get(std::string_view path, std::string_view more = {}) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n", path,
                     more);
}

std::string post(std::size_t length, std::string_view more = {}) {
  return fmt::format(
      "POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{}"
      "\r\n{}",
      length, more, std::string(length, 'x'));
}

/// Streams at /events, and lets tests push.
struct Streaming {
  HttpServer* server = nullptr;
  std::size_t size = 0;  ///< of what is pushed, besides its text
  std::atomic<int> posts = 0;

  HttpHandler handler() {
    return [this](const HttpRequest& request) -> HttpResponse {
      if (request.method == "POST") ++posts;
      if (request.path == "/events")
        return {.content_type = "text/event-stream", .body = "data: first\n\n", .stream = true};
      if (request.path == "/push") push();
      return {.body = fmt::format("{} open", server == nullptr ? 0 : server->streams())};
    };
  }
  void push() {
    server->push(fmt::format("data: {}push {}\n\n", std::string(size, 'x'), ++pushed));
  }
  int pushed = 0;
};

std::string me() { return user_name(::geteuid()); }

std::string open_error(HttpServer::Options options) {
  const auto server = HttpServer::open(options, what_arrived);
  REQUIRE_FALSE(server.has_value());
  return server.error().text;
}

}  // namespace

TEST_CASE("the unix socket names its peer, who may write") {
  const Running server{what_arrived};
  CHECK(body_of(Raw::unix_socket(server.socket()).ask(get("/v1/status"))) ==
        fmt::format("GET /v1/status  local=true write=true user={} body=0", me()));
  CHECK(body_of(Raw::unix_socket(server.socket()).ask(post(300))) ==
        fmt::format("POST /v1/orders  local=true write=true user={} body=300", me()));
}

TEST_CASE("TCP reads and may not write") {
  const Running server{what_arrived};
  CHECK(body_of(Raw::tcp(server.port()).ask(get("/v1/status"))) ==
        "GET /v1/status  local=false write=false user= body=0");
  const auto refused = Raw::tcp(server.port()).ask(post(300));
  CHECK(status_of(refused) == 403);
  CHECK(
      body_of(refused) ==
      "{\"api\": \"anycastd/v1\", \"kind\": \"Error\", \"text\": \"'POST' is taken on the control "
      "socket only, expected GET or HEAD\"}\n");
}

TEST_CASE("the query arrives decoded, the first of equal names counts") {
  const Running server{what_arrived};
  CHECK(body_of(Raw::tcp(server.port()).ask(get("/q?b=%E5%8C%BA+x%26&a=1&a=2&c"))) ==
        "GET /q [a=1][b=区 x&][c=] local=false write=false user= body=0");
}

TEST_CASE("the handler's status passes through, with headers that keep browsers from guessing") {
  const Running server{what_arrived};
  const auto answer = Raw::tcp(server.port()).ask(get("/missing"));
  CHECK(status_of(answer) == 404);
  CHECK(answer.find("X-Content-Type-Options: nosniff\r\n") != std::string::npos);
  CHECK(answer.find("Content-Security-Policy: default-src 'none'; script-src 'self'; ") !=
        std::string::npos);
  CHECK(answer.find("unsafe") == std::string::npos);
  CHECK(answer.find("Cache-Control: no-store\r\n") != std::string::npos);
  CHECK(answer.find("Content-Type: application/json\r\n") != std::string::npos);
}

TEST_CASE("a handler that throws costs one answer") {
  const Running server{what_arrived};
  const auto answer = Raw::tcp(server.port()).ask(get("/throws"));
  CHECK(status_of(answer) == 500);
  CHECK(body_of(answer).find("internal error: \\\"oops\\\"") != std::string::npos);
  CHECK(status_of(Raw::tcp(server.port()).ask(get("/"))) == 200);
}

TEST_CASE("HEAD has the length of the GET and no body") {
  const Running server{what_arrived};
  const auto answer = Raw::tcp(server.port())
                          .ask(
                              "HEAD /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: "
                              "close\r\n\r\n");
  CHECK(status_of(answer) == 200);
  CHECK(answer.find("Content-Length: 52\r\n") != std::string::npos);
  CHECK(body_of(answer).empty());
}

TEST_CASE("a foreign Host or Origin is refused on TCP") {
  const Running server{what_arrived};
  CHECK(status_of(Raw::tcp(server.port())
                      .ask("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")) ==
        403);
  CHECK(status_of(Raw::tcp(server.port()).ask("GET / HTTP/1.0\r\n\r\n")) == 403);
  CHECK(status_of(Raw::tcp(server.port()).ask(get("/", "Origin: http://evil.example\r\n"))) == 403);
  CHECK(status_of(Raw::tcp(server.port()).ask(get("/", "Origin: http://localhost\r\n"))) == 200);
}

TEST_CASE("a body of 64 KiB is taken, one byte more is 413 and readable as such") {
  const Running server{what_arrived};
  CHECK(body_of(Raw::unix_socket(server.socket()).ask(post(65536))).ends_with("body=65536"));
  CHECK(status_of(Raw::unix_socket(server.socket()).ask(post(65537))) == 413);
  CHECK(status_of(Raw::unix_socket(server.socket()).ask(post(65537, "Expect: 100-continue\r\n"))) ==
        413);
}

TEST_CASE("a body of unknown length is cut at the limit as well") {
  const Running server{what_arrived};
  std::string request =
      "POST /v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) request += "1000\r\n" + std::string(0x1000, 'x') + "\r\n";
  CHECK(status_of(Raw::unix_socket(server.socket()).ask(request + "0\r\n\r\n")) == 413);
}

TEST_CASE("a head of 100 KB is refused and the server goes on") {
  const Running server{what_arrived};
  const auto headers =
      Raw::tcp(server.port()).ask(get("/", "X: " + std::string(100'000, 'x') + "\r\n"));
  CHECK((headers.empty() || status_of(headers) == 431));
  const auto url = Raw::tcp(server.port()).ask(get("/" + std::string(100'000, 'x')));
  CHECK((url.empty() || status_of(url) == 414));
  CHECK(status_of(Raw::tcp(server.port()).ask(get("/"))) == 200);
}

TEST_CASE("64 silent clients on each socket do not stop others") {
  const Running server{what_arrived};
  std::vector<Raw> silent;
  for (int i = 0; i < 64; ++i) {
    silent.push_back(Raw::tcp(server.port()));
    silent.push_back(Raw::unix_socket(server.socket()));
    silent.back().say("GET / HTTP/1.1\r\nHo");
  }
  const auto start = std::chrono::steady_clock::now();
  CHECK(status_of(Raw::tcp(server.port()).ask(get("/"))) == 200);
  CHECK(status_of(Raw::unix_socket(server.socket()).ask(get("/"))) == 200);
  CHECK(std::chrono::steady_clock::now() - start < seconds{4});  // their idle time-out is 5 s
}

TEST_CASE("a full house is served again after the idle time-out") {
  const Running server{what_arrived, {.max_connections = 4, .idle_timeout = seconds{1}}};
  std::vector<Raw> silent;
  for (int i = 0; i < 4; ++i) silent.push_back(Raw::tcp(server.port()));
  const auto start = std::chrono::steady_clock::now();
  CHECK(status_of(Raw::tcp(server.port()).ask(get("/"))) == 200);
  CHECK(std::chrono::steady_clock::now() - start < seconds{10});  // their request time-out is 15 s
}

TEST_CASE("a request that drips in is cut off") {
  const Running server{what_arrived,
                       {.idle_timeout = seconds{5}, .request_timeout = milliseconds{300}}};
  const auto client = Raw::tcp(server.port());
  client.say("GET / HTTP/1.1\r\nHost: localhost\r\n");
  int bytes = 0;
  while (bytes < 200 && client.say("x")) {
    ++bytes;
    std::this_thread::sleep_for(milliseconds{20});
  }
  CHECK(bytes < 200);
}

TEST_CASE("a stream begins with the newest and gets what is pushed") {
  Streaming streaming;
  const Running server{streaming.handler(), {.idle_timeout = seconds{1}}};
  streaming.server = &server.server();
  const auto tcp = Raw::tcp(server.port());
  const auto local = Raw::unix_socket(server.socket());
  const auto slow = Raw::tcp(server.port());
  for (const auto* client : {&tcp, &local, &slow}) client->say(get("/events"));
  const auto head = tcp.hear_until("data: first\n\n");
  CHECK(status_of(head) == 200);
  CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
  CHECK(local.hear_until("data: first\n\n").find("HTTP/1.1 200") == 0);
  // Longer than the idle time-out: silence on a stream is no reason to end it.
  std::this_thread::sleep_for(milliseconds{1500});
  for (const char* n : {"1", "2"}) {
    CHECK(status_of(Raw::tcp(server.port()).ask(get("/push"))) == 200);
    const auto wanted = fmt::format("data: push {}\n\n", n);
    CHECK(tcp.hear_until(wanted).ends_with(wanted));
    CHECK(local.hear_until(wanted).ends_with(wanted));
  }
  CHECK(slow.hear_until("push 2\n\n").ends_with("push 2\n\n"));
}

TEST_CASE("what a cycle pushes arrives at once, whatever else there is to do") {
  Streaming streaming;
  Running server{streaming.handler()};
  streaming.server = &server.server();
  std::vector<Raw> clients;
  for (int n = 0; n < 3; ++n) {
    clients.push_back(n == 1 ? Raw::unix_socket(server.socket()) : Raw::tcp(server.port()));
    clients.back().say(get("/events"));
    clients.back().hear_until("first\n\n");
    // Nobody asks for anything meanwhile: the server has no other reason to do something.
    for (int i = 0; i < 5; ++i) {
      const auto event = fmt::format("data: {} {}\n\n", n, i);
      server.push(event);
      for (const auto& client : clients) CHECK(client.hear_until("\n\n").ends_with(event));
    }
  }
}

TEST_CASE("one stream too many is answered with 503, on each socket, and its place comes back") {
  Streaming streaming;
  const Running server{streaming.handler(), {.max_streams = 2}};
  streaming.server = &server.server();
  {
    std::vector<Raw> open;
    for (int i = 0; i < 2; ++i) {
      open.push_back(Raw::tcp(server.port()));
      open.back().say(get("/events"));
      CHECK(status_of(open.back().hear_until("first\n\n")) == 200);
    }
    for (int i = 0; i < 20; ++i) {
      const auto refused = Raw::tcp(server.port()).ask(get("/events"));
      CHECK(status_of(refused) == 503);
      CHECK(body_of(refused).find("2 event streams are open already") != std::string::npos);
    }
    CHECK(status_of(Raw::tcp(server.port()).ask(get("/"))) == 200);
    CHECK(status_of(Raw::unix_socket(server.socket())
                        .ask("HEAD /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) ==
          200);
  }
  // Who has gone is noticed with the next events.
  CHECK(test::eventually([&] {
    Raw::tcp(server.port()).ask(get("/push"));
    const auto client = Raw::tcp(server.port());
    client.say(get("/events"));
    return status_of(client.hear_until("\n\n")) == 200;
  }));
}

TEST_CASE("a reader that takes nothing is dropped, the others hear everything") {
  Streaming streaming{.size = 16U << 20U};  // more than the kernel keeps for a connection
  const Running server{streaming.handler(), {.max_streams = 2, .idle_timeout = seconds{1}}};
  streaming.server = &server.server();
  const auto deaf = Raw::tcp(server.port());
  deaf.say(get("/events"));
  deaf.hear_until("first\n\n");
  const auto quick = Raw::tcp(server.port());
  quick.say(get("/events"));
  quick.hear_until("first\n\n");
  bool everything = false;
  {
    const std::jthread reads{[&] { everything = quick.swallow(streaming.size); }};
    CHECK(status_of(Raw::tcp(server.port()).ask(get("/push"))) == 200);
  }
  CHECK(everything);
  CHECK(test::eventually(
      [&] { return body_of(Raw::tcp(server.port()).ask(get("/streams"))).find("1 open") == 0; }));
}

TEST_CASE("a house full of streams, silent clients and long heads still answers") {
  Streaming streaming;
  const Running server{streaming.handler(), {.max_streams = 8, .idle_timeout = seconds{1}}};
  streaming.server = &server.server();
  std::vector<Raw> clients;
  for (int i = 0; i < 500; ++i) {
    clients.push_back(Raw::tcp(server.port()));
    if (i % 50 == 0) clients.back().say(get("/events"));
    if (i % 50 == 1) clients.back().say("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x'));
    if (i % 50 == 2) clients.back().say(post(300));
  }
  CHECK(status_of(Raw::unix_socket(server.socket()).ask(get("/push"))) == 200);
  CHECK(status_of(Raw::tcp(server.port()).ask(get("/"))) == 200);
  CHECK(streaming.posts == 0);
}

TEST_CASE("a connection carries many requests") {
  const Running server{what_arrived};
  const auto client = Raw::tcp(server.port());
  for (int i = 0; i < 50; ++i) client.say("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto all = client.ask(get("/last"));
  CHECK(all.find("GET /last") != std::string::npos);
  std::size_t answers = 0;
  for (auto at = all.find("HTTP/1.1 200"); at != std::string::npos;
       at = all.find("HTTP/1.1 200", at + 1))
    ++answers;
  CHECK(answers == 51);
}

TEST_CASE("a member of the socket's group may write, and nobody else gets in") {
  if (::geteuid() != 0) {
    WARN("SKIP: needs root to become other users");
    return;
  }
  const Running server{what_arrived, {.group = "daemon"}};
  const gid_t group = group_id("daemon").value();
  struct stat info = {};
  REQUIRE(::stat(server.socket().c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0660);
  CHECK(info.st_gid == group);
  std::filesystem::permissions(std::filesystem::path{server.socket()}.parent_path(),
                               std::filesystem::perms{0755});
  // 0 the answer says write=true, 1 it does not, 2 no connection.
  const auto as_user = [&](std::vector<gid_t> groups) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      if (::setgroups(groups.size(), groups.data()) != 0 || ::setgid(65534) != 0 ||
          ::setuid(65534) != 0)
        ::_exit(9);
      const Fd fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
      sockaddr_un address = {};
      address.sun_family = AF_UNIX;
      server.socket().copy(address.sun_path, sizeof address.sun_path - 1);
      if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        ::_exit(2);
      const auto request = get("/");
      char buffer[2048] = "";
      std::size_t have = 0;
      [[maybe_unused]] const auto sent = ::send(fd.get(), request.data(), request.size(), 0);
      for (ssize_t got = 1; got > 0 && have < sizeof buffer - 1;
           have += static_cast<std::size_t>(std::max<ssize_t>(0, got)))
        got = ::recv(fd.get(), buffer + have, sizeof buffer - 1 - have, 0);
      ::_exit(std::strstr(buffer, "write=true user=nobody") != nullptr ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WEXITSTATUS(status);
  };
  CHECK(as_user({group}) == 0);
  CHECK(as_user({}) == 2);
  REQUIRE(::chmod(server.socket().c_str(), 0666) == 0);
  CHECK(as_user({}) == 1);
}

TEST_CASE("a second daemon on the same socket is refused and harms the first in nothing") {
  const Running first{what_arrived};
  CHECK(open_error({.socket = first.socket()}) ==
        "control socket " + first.socket() + ": another anycastd answers there already");
  CHECK(status_of(Raw::unix_socket(first.socket()).ask(get("/"))) == 200);
}

TEST_CASE("a socket that a killed daemon left is replaced, one that answers is not") {
  const Folder folder;
  const auto path = folder.path("ctl.sock");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  Fd old{::socket(AF_UNIX, SOCK_STREAM, 0)};
  REQUIRE(::bind(old.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(old.get(), 1) == 0);
  CHECK(open_error({.socket = path}).ends_with("another anycastd answers there already"));
  old.reset();
  CHECK(HttpServer::open({.socket = path}, what_arrived).has_value());
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("only the one who made the socket file removes it, and only its own") {
  const Folder folder;
  const auto path = folder.path("ctl.sock");
  {
    const auto server = HttpServer::open({.socket = path}, what_arrived);
    REQUIRE(server.has_value());
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      // The copy in a child goes the way of every value; the file has to stay.
      HttpServer* const copy = server->get();
      copy->~HttpServer();
      ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(std::filesystem::exists(path));
    std::filesystem::remove(path);
    std::ofstream{path} << "not ours";
  }
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("a place where no socket can be says why") {
  const Folder folder;
  std::ofstream{folder.path("file")} << "x";
  CHECK(open_error({.socket = folder.path("file")}) ==
        "control socket " + folder.path("file") +
            ": something else is there, expected a socket or nothing");
  CHECK(std::filesystem::exists(folder.path("file")));
  CHECK(open_error({.socket = folder.path("no/ctl.sock")}) ==
        "control socket " + folder.path("no/ctl.sock") + ": cannot open " +
            folder.path("no/ctl.sock.lock") + ": No such file or directory");
  CHECK(
      open_error({.socket = "/" + std::string(200, 'x')}).ends_with("expected a path of 1 to 107"));
  CHECK(open_error({.socket = folder.path("s"), .group = "no-such-group"}) ==
        "there is no group \"no-such-group\" on this host, expected one of /etc/group");
}

TEST_CASE("a TCP address that cannot be listened on says why") {
  const auto first = HttpServer::open({.listen = "127.0.0.1:0"}, what_arrived);
  REQUIRE(first.has_value());
  const auto taken = fmt::format("127.0.0.1:{}", (*first)->tcp_port());
  CHECK(open_error({.listen = taken}) ==
        fmt::format("cannot listen on {}: Address already in use", taken));
  for (const auto* const wrong : {"9477", "localhost:9477", "127.0.0.1", "127.0.0.1:",
                                  "127.0.0.1:x", "127.0.0.1:99999", "127.0.0.1:80 "}) {
    CHECK(
        open_error({.listen = wrong}) ==
        fmt::format("cannot listen on '{}', expected an address and a port like 127.0.0.1:9477 or "
                    "[::1]:9477",
                    wrong));
  }
  const auto v6 = HttpServer::open({.listen = "[::1]:0"}, what_arrived);
  if (v6) CHECK((*v6)->tcp_port() != 0);
}
