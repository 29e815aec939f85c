#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <filesystem>

#include "adapters/bird/bird.hpp"
#include "controller/core/origin.hpp"
#include "tests/support/roas_contract.hpp"

using namespace anycast;
using namespace anycast::test;

namespace {

constexpr auto kText = R"(router id 192.0.2.1;
log "{0}/log" all;
roa4 table r4;
roa6 table r6;
protocol rpki rtr1 {{
  roa4 {{ table r4; }};
  roa6 {{ table r6; }};
  remote 127.0.0.1 port {1};
  retry keep 1;
  refresh keep 1;
  expire keep 600;
}}
)";

/// A BIRD without a peer, whose tables of ROAs a real stayrtr fills.
class RoaBird : public RoaDaemon {
 public:
  RoaBird() {
    if (!validator.why().empty()) return;
    write_file(folder_.path("bird.conf"), fmt::format(kText, folder_.name(), Validator::kPort));
    start({"bird", "-f", "-c", folder_.path("bird.conf"), "-s", settings.socket, "-P",
           folder_.path("bird.pid")});
  }
  Result<OriginView> ask() override { return bird::BirdSpeaker{settings}.origins(); }
  /// What the core makes of it.
  OriginReport judged(Duration max_age) {
    Config config;
    config.prefixes = {{.prefix = kOurs, .origin_asn = 64500}};
    config.rpki = {.router = true, .max_age = max_age};
    Seen seen{.now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())};
    if (auto view = ask())
      seen.origins["bird"] = Sourced<OriginView>::ok(*std::move(view), seen.now);
    return core::origin_of(config, seen, config.prefixes.front());
  }
  Duration age() {
    const auto view = ask();
    if (!view || !view->as_of) return hours{-1};
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()) - *view->as_of;
  }

  bird::Settings settings{.socket = folder_.path("bird.ctl"),
                          .operator_config = folder_.path("bird.conf"),
                          .fragment = folder_.path("fragment.conf"),
                          .timeout = milliseconds{1500},
                          .origins = {{kOurs, 64500}, {kOurs6, 64500}},
                          .roas4 = "r4",
                          .roas6 = "r6",
                          .rpki = "rtr1"};
};

}  // namespace

TEST_CASE("ROAs that a validator serves, removes, changes and brings back are what BIRD says") {
  RoaBird rig;
  if (!rig.validator.why().empty()) return skip(rig.validator.why());
  follows_validator(rig);

  // A dead cache is no news about the ROAs; only their age tells.
  CHECK(eventually([&] { return rig.age() >= Duration{} && rig.age() < seconds{2}; }));
  rig.validator.kill();
  CHECK(eventually([&] { return rig.judged(seconds{3}).state == OriginState::unknown; }));
  CHECK(rig.says({.state = OriginState::valid}));
  CHECK(rig.judged(hours{2}).state == OriginState::valid);
}

TEST_CASE("a table or protocol that BIRD does not have is an error that names it") {
  RoaBird rig;
  if (!rig.validator.why().empty()) return skip(rig.validator.why());
  rig.validator.serves({"203.0.113.0/24-24 AS64500"});
  REQUIRE(rig.says({.state = OriginState::valid}));
  rig.settings.rpki = "rtr2";
  CHECK(rig.ask().error().text == "bird's RPKI protocol 'rtr2' has no whole set of ROAs");
  rig.settings.rpki.clear();
  CHECK(rig.ask()->as_of == std::nullopt);
  rig.settings.roas4 = "r5";
  CHECK(rig.ask().error().text.starts_with("bird has no table of ROAs 'r5': bird answers '9001 "));
  rig.settings.socket += ".nobody";
  CHECK(!rig.ask());
}

TEST_CASE("before the first whole set of ROAs BIRD says that it has none") {
  RoaBird rig;
  if (!rig.validator.why().empty()) return skip(rig.validator.why());
  CHECK(rig.refuses("bird's RPKI protocol 'rtr1' has no whole set of ROAs"));
}
