#include <fmt/format.h>

#include <cstdlib>
#include <thread>

#include "adapters/prometheus/prometheus.hpp"
#include "tests/contract/prometheus/sample_config.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificate.hpp"
#include "tests/support/fake_http.hpp"

using namespace anycast;
using namespace anycast::test;

namespace {

FakeReply empty_answer(const FakeRequest&) {
  return {.body = R"({"status":"success","data":{"resultType":"matrix","result":[]}})"};
}

/// Asks until the server has come up; what it says then.
Result<Evidence> ask(const Config& config) {
  Result<Evidence> evidence = fail(Remedy::wait, "not asked");
  for (int i = 0; i < 100; ++i) {
    PrometheusSource source{config};
    evidence = source.evidence(kAt);
    if (evidence || source.stats().at(0).requests.at("refused") == 0) break;
    std::this_thread::sleep_for(milliseconds{50});
  }
  return evidence;
}

}  // namespace

TEST_CASE("TLS is verified against our CA, and the server may ask for our certificate") {
  if (!has_program("openssl") || !has_program("python3")) {
    if (std::getenv("CI") != nullptr) FAIL("openssl or python3 is not installed");
    WARN("SKIP: openssl or python3 is not installed, TLS was not tried");
    return;
  }
  const TempDir dir;
  certify(dir, "ca", "");
  certify(dir, "other-ca", "");
  certify(dir, "server", "ca");
  certify(dir, "client", "ca");
  const FakeHttp plain{empty_answer};
  const auto port = free_port();
  const auto name = fmt::format("127.0.0.1:{} ", port);
  std::vector<std::string> command{"python3",
                                   std::string{ANYCASTD_SOURCE_DIR} + "/tests/support/tls_front.py",
                                   fmt::format("{}", plain.port()),
                                   fmt::format("{}", port),
                                   dir.file("server.pem"),
                                   dir.file("server.key")};
  auto config = sample_config("ok", {fmt::format("https://127.0.0.1:{}", port)});
  config.prometheus.tls.ca_file = dir.file("ca.pem");

  SECTION("our CA") {
    const Child front{command, dir.file("log")};
    const auto evidence = ask(config);
    INFO((evidence ? "" : evidence.error().text));
    CHECK(evidence);
    config.prometheus.tls.ca_file = dir.file("other-ca.pem");
    const auto refused = ask(config);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text.starts_with(name + "failed in TLS: "));
    CHECK(refused.error().remedy == Remedy::look_at_peer);
    config.prometheus.tls.ca_file = dir.file("no-such-file");
    CHECK(ask(config).error().text.starts_with(name + "failed in TLS: "));
  }
  SECTION("our certificate") {
    command.push_back(dir.file("ca.pem"));
    const Child front{command, dir.file("log")};
    const auto without = ask(config);
    REQUIRE_FALSE(without);
    CHECK(without.error().text ==
          name + "hung up after the TLS handshake, it may want a client certificate");
    config.prometheus.tls.cert_file = dir.file("client.pem");
    config.prometheus.tls.key_file = dir.file("client.key");
    const auto evidence = ask(config);
    INFO((evidence ? "" : evidence.error().text));
    CHECK(evidence);
  }
}
