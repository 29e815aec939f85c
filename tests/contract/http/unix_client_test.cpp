#include "adapters/http/unix_client.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/contract/http/running.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

HttpResponse echo(const HttpRequest& request) {
  std::string query;
  for (const auto& [key, value] : request.query) query += fmt::format("[{}={}]", key, value);
  return {.status = request.path == "/big" ? 200 : 201,
          .content_type = "text/plain; charset=utf-8",
          .body = request.path == "/big" ? std::string(3'000'000, 'b')
                                         : request.method + query + request.body};
}

/// A socket that takes connections into its queue and never says anything.
struct Mute {
  Folder folder;
  std::string path = folder.path("mute.sock");
  Fd fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
  explicit Mute(int backlog) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    if (backlog > 0) REQUIRE(::listen(fd.get(), backlog) == 0);
  }
};

using Kind = HttpFailure::Kind;

HttpFailure failure(const std::string& socket, Duration timeout = seconds{2}) {
  const auto answer = UnixHttpClient{socket}.request("GET", "/", "", timeout);
  REQUIRE_FALSE(answer.has_value());
  return answer.error();
}

}  // namespace

TEST_CASE("client and server understand each other") {
  const Running server{echo};
  const UnixHttpClient client{server.socket()};
  const auto path = with_query("/q", {{"region", "区域 1"}, {"a&b", "c=d+e/%"}});
  const auto got = client.request("GET", path, "", seconds{2});
  REQUIRE(got.has_value());
  CHECK(got->status == 201);
  CHECK(got->content_type == "text/plain; charset=utf-8");
  CHECK(got->body == "GET[a&b=c=d+e/%][region=区域 1]");
  CHECK(client.request("POST", "/v1/orders", "{\"kind\": \"freeze\"}", seconds{2})->body ==
        "POST{\"kind\": \"freeze\"}");
  CHECK(client.request("POST", "/v1/orders", "", seconds{2})->body == "POST");
  CHECK(client.request("HEAD", "/", "", seconds{2})->body.empty());
  CHECK(client.request("GET", "/big", "", seconds{5})->body.size() == 3'000'000);
  CHECK(client.request("POST", "/", std::string(70'000, 'x'), seconds{2})->status == 413);
}

TEST_CASE("without a daemon the client says so, and where it looked") {
  const Folder folder;
  const auto missing = failure(folder.path("no.sock"));
  CHECK(missing.kind == Kind::no_daemon);
  CHECK(missing.error ==
        Error{.remedy = Remedy::look_at_host,
              .text = "no daemon at " + folder.path("no.sock") + " (no such file)"});
  const Mute dead{0};
  const auto refused = failure(dead.path);
  CHECK(refused.kind == Kind::no_daemon);
  CHECK(refused.error.text == "no daemon at " + dead.path + " (connection refused)");
}

TEST_CASE("a socket that is not for us is told from one without a daemon") {
  if (::geteuid() != 0) {
    WARN("SKIP: needs root to become another user");
    return;
  }
  const Mute daemon{4};
  std::filesystem::permissions(daemon.folder.name(), std::filesystem::perms{0755});
  REQUIRE(::chmod(daemon.path.c_str(), 0660) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(9);
    const auto answer = UnixHttpClient{daemon.path}.request("GET", "/", "", seconds{2});
    const bool right = !answer && answer.error().kind == Kind::not_permitted &&
                       answer.error().error.text == daemon.path + ": permission denied";
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a daemon that does not answer costs the time-out and no more") {
  const Mute daemon{4};
  const auto start = std::chrono::steady_clock::now();
  const auto silent = failure(daemon.path, milliseconds{200});
  CHECK(silent.kind == Kind::no_answer);
  CHECK(silent.error.text == "no answer from " + daemon.path + " within 200ms");
  CHECK(std::chrono::steady_clock::now() - start < seconds{10});
}

TEST_CASE("a path that cannot be a socket is an error of the command line") {
  CHECK(failure("").kind == Kind::failed);
  CHECK(failure("/" + std::string(150, 'x')).kind == Kind::failed);
}
