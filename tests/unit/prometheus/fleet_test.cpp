#include "tests/support/fleet.hpp"

#include <limits>

#include "adapters/prometheus/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/prometheus/series.hpp"

using namespace anycast;
using anycast::prometheus::fleet_selector;
using anycast::prometheus::read_fleet;
using anycast::prometheus::Reply;
using anycast::prometheus::Series;
using anycast::prometheus::testing::kAt;
using anycast::prometheus::testing::kStart;
using anycast::prometheus::testing::Points;
using anycast::prometheus::testing::series;
using anycast::test::announcing;

namespace {

Config two_nodes() {
  Config out;
  out.nodes["hk-a"].sessions = {{"up1", Session{}}, {"up2", Session{}}};
  out.nodes["hk-b"].sessions = {{"up1", Session{}}};
  return out;
}

/// Labels as in fleet_labels().
Series says(std::string node, std::string upstream, const Points& points, std::string stance = {},
            std::string others = {}) {
  return series({std::move(node), std::move(upstream), "203.0.113.0/24", std::move(stance), "",
                 "anycast_announces"},
                points, std::move(others));
}

FleetView fleet(std::vector<Series> all) {
  return read_fleet({.series = std::move(all)}, two_nodes(), kAt);
}

}  // namespace

TEST_CASE("a session of the fleet announces if the newest sample of all its series says so") {
  CHECK(fleet({says("hk-a", "up1", {{580, 0}, {595, 1}}),
               says("hk-a", "up2", {{590, 1}}, "announce", "p=\"1\""),
               says("hk-a", "up2", {{590, 0}}, "withdraw", "p=\"2\""),
               says("hk-b", "up1", {{590, 0}}), says("hk-x", "up1", {{590, 1}}),
               says("", "up1", {{590, 1}}), says("hk-b", "up9", {{590, 1}})}) ==
        FleetView{{"hk-a", announcing({"up1"})}, {"hk-b", {}}});
}

TEST_CASE("an announcement that is older than fleet.max_age counts as unknown") {
  CHECK(fleet({says("hk-a", "up1", {{540, 1}}), says("hk-b", "up1", {{541, 1}, {601, 0}})}) ==
        FleetView{{"hk-b", announcing({"up1"})}});
}

TEST_CASE("a change of stance begins another series, and the newest one counts") {
  const auto was = says("hk-a", "up1", {{570, 1}, {580, 1}}, "announce");
  CHECK(fleet({was, says("hk-a", "up1", {{585, 1}, {595, 1}}, "prepend=2")}) ==
        FleetView{{"hk-a", {.stances = {{"up1", *parse_stance("prepend=2")}}}}});
  CHECK(fleet({says("hk-a", "up1", {{590, 0}}, "withdraw"), was}) == FleetView{{"hk-a", {}}});
  // Two stances at one time are a contradiction.
  CHECK(fleet({was, says("hk-a", "up1", {{580, 1}}, "drain")}) == FleetView{{"hk-a", {}}});
}

TEST_CASE("a stance that cannot be read counts as not announcing") {
  for (const std::string text : {"announce;;", "prepend=11", "withdraw", "announce;cm=blackhole",
                                 "announce;c m=local_pref", "prepend=2\nx"}) {
    INFO(text);
    CHECK(fleet({says("hk-a", "up1", {{590, 1}}, text)}) == FleetView{{"hk-a", {}}});
  }
}

TEST_CASE("of two prefixes on one session the less attractive stance counts") {
  auto other = says("hk-a", "up1", {{590, 1}}, "prepend=2");
  other.wanted[2] = "198.51.100.0/24";
  CHECK(fleet({says("hk-a", "up1", {{590, 1}}, "announce"), other}) ==
        FleetView{{"hk-a", {.stances = {{"up1", *parse_stance("prepend=2")}}}}});
}

TEST_CASE("a node that runs without knowing its routing daemon is known, its stances are not") {
  const auto plan = [](double value, std::string hash) {
    return series({"hk-a", "", "", "", std::move(hash), "anycast_plan_info"}, {{590, value}});
  };
  CHECK(fleet({plan(1, "9d0c1b2")}) ==
        FleetView{{"hk-a", {.plan_hash = "9d0c1b2", .router_known = false}}});
  CHECK(fleet({plan(1, "no hash")}) == FleetView{{"hk-a", {.router_known = false}}});
  CHECK(fleet({plan(0, "9d0c1b2")}) == FleetView{{"hk-a", {.router_known = false}}});
}

TEST_CASE("figures that cannot be are left out, and a clock that is ahead counts as now") {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  const auto penalty = [](std::string upstream, double value) {
    return series(
        {"hk-a", std::move(upstream), "203.0.113.0/24", "", "", "anycast_damping_penalty"},
        {{590, value}});
  };
  const auto changed = [](double value) {
    return series({"hk-a", "", "", "", "", "anycast_last_change_timestamp_seconds"},
                  {{590, value}});
  };
  CHECK(fleet({penalty("", 870.4), changed(1'780'000'500)}) ==
        FleetView{{"hk-a",
                   {.penalty = {{"203.0.113.0/24", 870}},
                    .last_change = Time{seconds{1'780'000'500}},
                    .router_known = false}}});
  CHECK(fleet({penalty("", nan), penalty("", -1), penalty("up1", 500), changed(nan), changed(0)}) ==
        FleetView{{"hk-a", {.router_known = false}}});
  CHECK(fleet({changed(1'780'099'999)}) ==
        FleetView{{"hk-a", {.last_change = kAt, .router_known = false}}});
}

TEST_CASE("another metric of ours is no announcement, a metric of another name is") {
  auto in_sync = says("hk-a", "up1", {{590, 1}});
  in_sync.wanted[5] = "anycast_announcement_in_sync";
  CHECK(fleet({in_sync}) == FleetView{{"hk-a", {.router_known = false}}});
  in_sync.wanted[5] = "fleet:announces";
  CHECK(fleet({in_sync}) == FleetView{{"hk-a", announcing({"up1"})}});
}

TEST_CASE("the selector of the announcements selects what else the nodes say, or stays as it is") {
  const std::string names =
      R"re(__name__=~"anycast_(announces|damping_penalty|last_change_timestamp_seconds|plan_info)")re";
  CHECK(fleet_selector("anycast_announces") == "{" + names + "}");
  CHECK(fleet_selector("anycast_announces{}") == "{" + names + "}");
  CHECK(fleet_selector("anycast_announces { job = \"anycastd\", dc=~\"hk.*\" }") ==
        "{" + names + ",job = \"anycastd\", dc=~\"hk.*\" }");
  for (const std::string text : {"fleet:anycast_announces", "anycast_announces_all{a=\"b\"}",
                                 R"({__name__="anycast_announces"})"}) {
    CHECK(fleet_selector(text) == text);
  }
}
