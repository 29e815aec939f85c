#include <functional>
#include <memory>

#include "adapters/health/checker.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_health.hpp"
#include "tests/support/real_servers.hpp"

// What every source of health has to do, said once and asked of the fake and of the real one.

using namespace anycast;
using namespace anycast::test;

namespace {

const Check kTwice{.interval = milliseconds{100},
                   .fast_interval = milliseconds{20},
                   .timeout = seconds{2},
                   .rise = 2,
                   .fall = 2};

Service service(const std::vector<ServerKey>& endpoints) {
  Service out{.check = kTwice};
  for (const auto& endpoint : endpoints) out.servers.push_back({.endpoint = endpoint});
  return out;
}

/// Real servers that serve or do not, and a source that asks them.
struct World {
  virtual ~World() = default;
  virtual ServerKey serving() = 0;
  virtual ServerKey refusing() = 0;
  virtual void begins_to_serve(const ServerKey& endpoint) = 0;
  virtual HealthSource& ask(std::map<std::string, Service> services) = 0;
};

struct FakeWorld : World {
  std::map<ServerKey, Answer> answers = {};
  std::unique_ptr<FakeHealth> source = {};
  std::uint16_t port = 0;

  ServerKey add(Answer answer) {
    const auto endpoint = loopback(++port);
    answers[endpoint] = std::move(answer);
    return endpoint;
  }
  ServerKey serving() override { return add({.kind = Answer::Kind::good}); }
  ServerKey refusing() override {
    return add({.kind = Answer::Kind::failed, .why = "refused the connection"});
  }
  void begins_to_serve(const ServerKey& endpoint) override {
    source->answers(endpoint, {.kind = Answer::Kind::good});
  }
  HealthSource& ask(std::map<std::string, Service> services) override {
    source = std::make_unique<FakeHealth>(std::move(services));
    for (const auto& [endpoint, answer] : answers) source->answers(endpoint, answer);
    return *source;
  }
};

struct RealWorld : World {
  std::map<ServerKey, Port> ports = {};
  std::unique_ptr<health::Checker> source = {};

  ServerKey add(Port port) {
    const auto endpoint = port.endpoint();
    ports.emplace(endpoint, std::move(port));
    return endpoint;
  }
  ServerKey serving() override { return add(Port{Port::Manner::accepts}); }
  ServerKey refusing() override { return add(Port{Port::Manner::refuses}); }
  void begins_to_serve(const ServerKey& endpoint) override { ports.at(endpoint).accept(); }
  HealthSource& ask(std::map<std::string, Service> services) override {
    auto started = health::Checker::start({.services = std::move(services)});
    REQUIRE(started);
    source = *std::move(started);
    return *source;
  }
};

void on_both(const std::function<void(World&)>& body) {
  SECTION("fake") {
    FakeWorld world;
    body(world);
  }
  SECTION("real") {
    RealWorld world;
    body(world);
  }
}

RealState state(HealthSource& source, const std::string& name, const ServerKey& endpoint) {
  const auto health = source.health();
  REQUIRE(health);
  return health->at(name).at(endpoint);
}

bool turns(HealthSource& source, const std::string& name, const ServerKey& endpoint, Alive alive) {
  return eventually([&] { return state(source, name, endpoint).alive == alive; });
}

}  // namespace

TEST_CASE("a real server that serves is up, one that does not is down and says why") {
  on_both([](World& world) {
    const auto good = world.serving();
    const auto bad = world.refusing();
    auto& source = world.ask({{"web", service({good, bad})}});
    CHECK(turns(source, "web", good, Alive::up));
    CHECK(turns(source, "web", bad, Alive::down));
    const auto up = state(source, "web", good);
    CHECK(up.why.empty());
    CHECK(up.failures == 0);
    CHECK(up.since <= up.heard);
    const auto down = state(source, "web", bad);
    CHECK(down.why == "refused the connection");
    CHECK(down.failures == down.tries);
    CHECK(down.tries >= 2);
  });
}

TEST_CASE("a real server that begins to serve comes up") {
  on_both([](World& world) {
    const auto endpoint = world.refusing();
    auto& source = world.ask({{"web", service({endpoint})}});
    REQUIRE(turns(source, "web", endpoint, Alive::down));
    const auto down = state(source, "web", endpoint);
    world.begins_to_serve(endpoint);
    CHECK(turns(source, "web", endpoint, Alive::up));
    CHECK(state(source, "web", endpoint).since > down.since);
  });
}

TEST_CASE("two services judge the same real server each by its own check") {
  on_both([](World& world) {
    const auto endpoint = world.serving();
    auto slow = service({endpoint});
    slow.check.rise = 1'000'000;
    auto& source = world.ask({{"slow", slow}, {"web", service({endpoint})}});
    CHECK(turns(source, "web", endpoint, Alive::up));
    CHECK(state(source, "slow", endpoint).alive == Alive::unknown);
  });
}

TEST_CASE("without services there is nothing to know") {
  on_both([](World& world) { CHECK(world.ask({}).health() == Health{}); });
}
