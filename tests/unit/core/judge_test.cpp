#include "controller/core/judge.hpp"

#include <algorithm>

#include "controller/core/blame.hpp"
#include "controller/core/meters.hpp"
#include "controller/core/nature.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"

using namespace anycast;
using anycast::test::Bench;

namespace {

using Lines = std::vector<std::string>;

const PathKey kEvening{"hk-idc-1", "cmi", "mobile"};

const PathReport& path_of(const Plan& plan, const PathKey& key) {
  const auto found = std::ranges::find(plan.paths, key, &PathReport::key);
  REQUIRE(found != plan.paths.end());
  return *found;
}

/// Loses every nth packet of the newest `span` at the chosen probes, as losses far apart.
void lose(Evidence& evidence, Duration span, int nth,
          const std::function<bool(const ProbeKey&)>& where) {
  for (auto& series : evidence.series) {
    if (!where(series.key)) continue;
    int i = 0;
    for (auto& sample : series.samples) {
      if (sample.at <= evidence.at - span || ++i % nth != 0) continue;
      sample = {.at = sample.at, .received = false};
    }
  }
}

void slow_down(Evidence& evidence, const std::function<bool(const ProbeKey&)>& where) {
  for (auto& series : evidence.series) {
    if (!where(series.key)) continue;
    for (auto& sample : series.samples) sample.rtt += milliseconds{300};
  }
}

Lines discarded(const Plan& plan) {
  Lines out;
  for (const auto& each : plan.discarded) {
    out.push_back(each.blame + " " + each.carrier + " " + each.region + ": " + each.text);
  }
  return out;
}

Lines blamed(const Plan& plan) {
  Lines out;
  for (const auto& path : plan.paths) {
    if (!path.blame.empty()) out.push_back(to_string(path.key) + " " + path.blame);
  }
  return out;
}

bool at_evening(const ProbeKey& key) { return key.node == "hk-idc-1" && key.carrier == "mobile"; }

PathReport path(const PathKey& key, Verdict verdict) {
  return {.key = key, .state = {.verdict = verdict}};
}

Lines blame_of(std::vector<PathReport> paths) {
  std::ranges::sort(paths, {}, &PathReport::key);
  core::blame(paths);
  return blamed({.now = {}, .paths = std::move(paths)});
}

}  // namespace

TEST_CASE("a CUSUM alarm makes loss bad at once: it does not wait for 'for'") {
  Bench bench;
  bench.run(minutes{1});
  bench.tamper = [](Evidence& e) { lose(e, minutes{3}, 4, at_evening); };
  bench.cycle();
  const auto& bad = path_of(bench.plan(), kEvening);
  CHECK(bad.alarm);
  CHECK(bad.cusum >= bad.cusum_limit);
  CHECK(bad.state.verdict == Verdict::bad);
  CHECK(bad.nature == "congestion");
  const auto line = std::ranges::find_if(
      bench.events, [](const Event& e) { return e.kind == "cell-state" && e.to == "bad"; });
  REQUIRE(line != bench.events.end());
  CHECK(line->text.find("alarm at ") != std::string::npos);
  CHECK(line->text.find("congestion") != std::string::npos);
}

TEST_CASE("one region alone raises no alarm, however much it loses") {
  Bench bench;
  bench.run(minutes{1});
  bench.tamper = [](Evidence& e) {
    lose(e, minutes{10}, 1,
         [](const ProbeKey& key) { return at_evening(key) && key.region == "chengdu"; });
  };
  bench.run(minutes{10});
  const auto& one = path_of(bench.plan(), kEvening);
  CHECK(one.regions[2].cusum == 16'000'000);
  CHECK(!one.alarm);
  CHECK(one.state.verdict != Verdict::bad);
}

TEST_CASE("RTT still waits for 'for'") {
  Bench bench;
  bench.run(minutes{1});
  bench.tamper = [](Evidence& e) { slow_down(e, at_evening); };
  bench.cycle();
  CHECK(path_of(bench.plan(), kEvening).measured_bad);
  CHECK(path_of(bench.plan(), kEvening).state.verdict == Verdict::warn);
  bench.run(seconds{45});
  CHECK(path_of(bench.plan(), kEvening).state.verdict == Verdict::bad);
  CHECK(path_of(bench.plan(), kEvening).nature == "detour");
}

TEST_CASE("a probe that loses packets to its anchors is sick: its region counts nowhere") {
  Bench bench;
  bench.tamper = [](Evidence& e) {
    ProbeSeries anchors{.key = {"", "", "mobile", "chengdu", Target::anchor}};
    for (const auto& sample : e.series.front().samples) {
      anchors.samples.push_back({.at = sample.at, .received = true, .rtt = milliseconds{5}});
    }
    e.series.insert(e.series.begin(), std::move(anchors));
    lose(e, minutes{10}, 4, [](const ProbeKey& key) { return key.node.empty(); });
  };
  bench.run(minutes{5});
  CHECK(discarded(bench.plan()) ==
        Lines{"probe mobile chengdu: sick probe: loses 25.0% to its anchors"});
  const auto& judged = path_of(bench.plan(), kEvening);
  CHECK(judged.regions[2].unusable == "sick probe: loses 25.0% to its anchors");
  CHECK(judged.pooled.sent == 2 * 120);
  CHECK(bench.plan().notices.front().text ==
        "mobile in chengdu: sick probe: loses 25.0% to its anchors; not used");
  // It is known well enough: no reason to be blind.
  CHECK(bench.plan().series_usable == bench.plan().series_expected);
}

TEST_CASE("users that lose packets at the anycast address make no probe sick") {
  Bench bench;
  bench.tamper = [](Evidence& e) {
    ProbeSeries vip{.key = {"", "", "mobile", "chengdu", Target::vip}};
    for (const auto& sample : e.series.front().samples)
      vip.samples.push_back({.at = sample.at, .received = true, .rtt = milliseconds{50}});
    e.series.insert(e.series.begin(), std::move(vip));
    lose(e, minutes{10}, 4, [](const ProbeKey& key) { return key.node.empty(); });
  };
  bench.run(minutes{5});
  CHECK(discarded(bench.plan()).empty());
  CHECK(path_of(bench.plan(), kEvening).regions[2].unusable.empty());
}

TEST_CASE("without anchors a region whose probes are bad to everything is sick") {
  Bench bench;
  bench.tamper = [](Evidence& e) {
    slow_down(e, [](const ProbeKey& key) { return key.region == "chengdu"; });
  };
  bench.run(minutes{5});
  const std::string text = "sick probe: bad to all nodes over every carrier, other regions are not";
  CHECK(discarded(bench.plan()) == Lines{"probe telecom chengdu: " + text,
                                         "probe unicom chengdu: " + text,
                                         "probe mobile chengdu: " + text});
  CHECK(bench.state.condition == Condition::run);
  CHECK(bench.changes == 0);
}

TEST_CASE("one carrier's region that is bad to all nodes is its access network") {
  Bench bench;
  bench.tamper = [](Evidence& e) {
    slow_down(
        e, [](const ProbeKey& key) { return key.region == "chengdu" && key.carrier == "mobile"; });
  };
  bench.run(minutes{5});
  CHECK(discarded(bench.plan()) ==
        Lines{"access mobile chengdu: regional access: bad to all 3 nodes, other regions are not"});
  CHECK(path_of(bench.plan(), kEvening).state.verdict == Verdict::ok);
  CHECK(bench.plan().notices.front().code == "access");
}

TEST_CASE("what is bad to every region says nothing about the access network of one") {
  Bench bench;
  bench.tamper = [](Evidence& e) {
    slow_down(e, [](const ProbeKey& key) {
      return key.carrier == "mobile" && (key.node != kEvening.node || key.region != "chengdu");
    });
  };
  bench.run(minutes{5});
  CHECK(discarded(bench.plan()).empty());
  CHECK(path_of(bench.plan(), kEvening).regions_bad == 2);
}

TEST_CASE("regions that are bad to everything all together are the border's matter") {
  Bench bench;
  bench.tamper = [](Evidence& e) {
    slow_down(e, [](const ProbeKey& key) { return key.carrier == "mobile"; });
  };
  bench.run(minutes{5});
  CHECK(discarded(bench.plan()).empty());
  CHECK(path_of(bench.plan(), kEvening).blame == "border");
  CHECK(bench.changes == 0);
}

TEST_CASE("blame goes to the border, the node, the session or the path, in this order") {
  const auto ok = Verdict::ok;
  const auto bad = Verdict::bad;
  CHECK(blame_of({path({"a", "x", "ct"}, bad), path({"b", "x", "ct"}, bad)}) ==
        Lines{"a/x/ct border", "b/x/ct border"});
  CHECK(blame_of({path({"a", "x", "ct"}, bad), path({"a", "y", "cm"}, bad),
                  path({"b", "x", "ct"}, ok), path({"b", "y", "cm"}, ok)}) ==
        Lines{"a/x/ct node", "a/y/cm node"});
  CHECK(blame_of({path({"a", "x", "ct"}, bad), path({"a", "x", "cm"}, bad),
                  path({"a", "y", "cm"}, ok), path({"b", "x", "ct"}, ok)}) ==
        Lines{"a/x/cm session", "a/x/ct session"});
  CHECK(blame_of({path({"a", "x", "ct"}, bad), path({"a", "x", "cm"}, ok),
                  path({"b", "x", "ct"}, ok)}) == Lines{"a/x/ct path"});
}

TEST_CASE("a carrier that is bad at the border says nothing about a node") {
  const auto ok = Verdict::ok;
  const auto bad = Verdict::bad;
  CHECK(blame_of({path({"a", "x", "ct"}, bad), path({"a", "y", "cm"}, bad),
                  path({"b", "x", "ct"}, bad), path({"b", "y", "cm"}, ok)}) ==
        Lines{"a/x/ct border", "a/y/cm path", "b/x/ct border"});
}

TEST_CASE("the nature of a fault: outage, congestion, detour") {
  const Thresholds limits;
  PathReport is{.key = kEvening};
  is.pooled = {.sent = 360, .rtt = {.value = milliseconds{60}}, .has_rtt = true};
  is.slow = is.pooled;
  is.fast = is.pooled;
  CHECK(core::nature(limits, is).empty());
  is.pooled.rtt.value = milliseconds{80};
  CHECK(core::nature(limits, is) == "detour");
  is.pooled.rtt.value = milliseconds{70};
  CHECK(core::nature(limits, is).empty());
  is.pooled.loss.value = 20'000;
  CHECK(core::nature(limits, is) == "congestion");
  is.fast.loss.value = 950'000;
  CHECK(core::nature(limits, is) == "outage");
}
