#include "adapters/http/gate.hpp"

#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

int status_of(const Gate& gate, const RequestHead& head) {
  const auto rejection = gate.refuses(head);
  return rejection ? rejection->status : 200;
}

RequestHead tcp_get(std::string host) { return {.method = "GET", .host = std::move(host)}; }

const Gate kLoopback{.listen_host = "127.0.0.1", .hosts = {"hk-1.example"}, .max_body = 100};

}  // namespace

TEST_CASE("on TCP only this node's own addresses and names are a Host") {
  for (const auto* const host : {"localhost", "LocalHost:9477", "127.0.0.1:9477", "127.9.9.9",
                                 "[::1]:9477", "::1", "hk-1.example:9477", "HK-1.example"}) {
    INFO(host);
    CHECK(status_of(kLoopback, tcp_get(host)) == 200);
  }
  for (const auto* const host : {"evil.example", "evil.example:9477", "192.0.2.1:9477", "",
                                 "localhost.evil.example", "127.0.0.1.evil.example", "[::1"}) {
    INFO(host);
    CHECK(status_of(kLoopback, tcp_get(host)) == 403);
  }
  CHECK(status_of(kLoopback, {.method = "GET"}) == 403);
}

TEST_CASE("on a wildcard any address is a Host, for no foreign name can be one") {
  const Gate gate{.listen_host = "0.0.0.0"};
  CHECK(status_of(gate, tcp_get("192.0.2.1:9477")) == 200);
  CHECK(status_of(gate, tcp_get("[2001:db8::1]:9477")) == 200);
  CHECK(status_of(gate, tcp_get("evil.example:9477")) == 403);
}

TEST_CASE("on one address that is not loopback its own text is a Host, others are not") {
  const Gate gate{.listen_host = "192.0.2.1"};
  CHECK(status_of(gate, tcp_get("192.0.2.1:9477")) == 200);
  CHECK(status_of(gate, tcp_get("192.0.2.2:9477")) == 403);
}

TEST_CASE("the unix socket takes any Host, and none") {
  CHECK(status_of(kLoopback, {.method = "POST", .local = true, .host = "anycastd"}) == 200);
  CHECK(status_of(kLoopback, {.method = "GET", .local = true}) == 200);
}

TEST_CASE("an Origin has to be the Host itself") {
  auto head = tcp_get("127.0.0.1:9477");
  head.origin = "http://127.0.0.1:9477";
  CHECK(status_of(kLoopback, head) == 200);
  for (const auto* const origin : {"http://evil.example", "null", "", "https://127.0.0.1:9477",
                                   "http://127.0.0.1", "http://localhost:9477"}) {
    INFO(origin);
    head.origin = origin;
    CHECK(status_of(kLoopback, head) == 403);
  }
  CHECK(status_of(kLoopback, {.method = "POST", .local = true, .origin = "http://evil.example"}) ==
        403);
}

TEST_CASE("TCP only reads") {
  for (const auto* const method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "get"}) {
    INFO(method);
    CHECK(status_of(kLoopback, {.method = method, .host = "localhost"}) == 403);
    CHECK(status_of(kLoopback, {.method = method, .local = true}) == 200);
  }
  CHECK(status_of(kLoopback, {.method = "HEAD", .host = "localhost"}) == 200);
}

TEST_CASE("a body is for POST, and of limited size") {
  const auto post = [](std::uint64_t length) {
    return RequestHead{.method = "POST", .local = true, .content_length = length};
  };
  CHECK(status_of(kLoopback, post(100)) == 200);
  CHECK(kLoopback.refuses(post(101)) ==
        Rejection{413, "the body is too large, expected at most 100 bytes"});
  CHECK(status_of(kLoopback, {.method = "GET", .local = true, .content_length = 1}) == 400);
  CHECK(status_of(kLoopback, {.method = "GET", .local = true, .content_length = 0}) == 200);
  CHECK(status_of(kLoopback, {.method = "DELETE", .local = true, .chunked = true}) == 400);
}

TEST_CASE("what is refused is quoted, fit for a terminal") {
  CHECK(kLoopback.refuses(tcp_get("evil\x1B.example"))->text ==
        "'evil?.example' is not this node, expected as Host localhost, the address that anycastd "
        "listens on, or a name that /etc/hosts has for it");
}

TEST_CASE("a host is known by its own name and by what its hosts file calls it") {
  const std::string file =
      "127.0.0.1\tlocalhost\n127.0.1.1  hk-1.example.net\tHK-1 # of the rack\n"
      "# 192.0.2.1 hk-1 evil.example\n192.0.2.2 hk-2.example.net hk-2\n\n192.0.2.3";
  using Names = std::vector<std::string>;
  CHECK(names_of("hk-1", file) == Names{"hk-1", "hk-1", "hk-1.example.net", "HK-1"});
  CHECK(names_of("hk-2.example.net", file) ==
        Names{"hk-2.example.net", "hk-2", "hk-2.example.net", "hk-2"});
  CHECK(names_of("hk-3", file) == Names{"hk-3", "hk-3"});
}
