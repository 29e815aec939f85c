// What each numbered rule of judging, blaming, preferring and egress says where it decides
// something, by the whole core on a world: the plan's steps, the journal, status and explain, as in
// the file tests/golden/decisions.txt. The rules of choosing by the ladder and of guarding have
// files of their own (rules.txt, guards.txt).
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "controller/app/report.hpp"
#include "controller/app/text.hpp"
#include "controller/base/text.hpp"
#include "controller/render/fragment.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/core.hpp"
#include "tests/support/part.hpp"
#include "tests/support/texts.hpp"

using namespace anycast;
using anycast::test::Bench;
using anycast::test::part;
using anycast::test::preferring;

namespace {

struct Scene {
  std::string rule;
  std::function<void(Bench&)> play;
  std::string about = "cmi";      ///< what explain is asked about
  std::string self = "hk-idc-1";  ///< whose daemon it is
};

void trouble(Bench& b, const PathKey& where, Duration rtt, Ppm loss, Duration lasts = hours{2}) {
  b.world.add({.where = where, .from = b.now, .to = b.now + lasts, .rtt = rtt, .loss = loss});
}

/// Takes all newer samples of these series away.
std::function<void(Evidence&)> silence(std::function<bool(const ProbeKey&)> which) {
  return [which = std::move(which)](Evidence& e) {
    std::erase_if(e.series, [&](const ProbeSeries& series) { return which(series.key); });
  };
}

/// What these probes lose by themselves: every fourth packet, wherever it goes.
std::function<void(Evidence&)> sick(std::function<bool(const ProbeKey&)> which) {
  return [which = std::move(which)](Evidence& e) {
    for (auto& series : e.series) {
      if (!which(series.key)) continue;
      int i = 0;
      for (auto& sample : series.samples) {
        if (++i % 4 == 0) sample = {.at = sample.at, .received = false};
      }
    }
  };
}

std::vector<Scene> judging() {
  const PathKey path{"hk-idc-1", "cmi", "mobile"};
  const auto mobile_in = [](const std::string& region) {
    return
        [region](const ProbeKey& key) { return key.carrier == "mobile" && key.region == region; };
  };
  return {
      {"1.1 gate: a region that says nothing",
       [=](Bench& b) {
         b.tamper = silence(mobile_in("chengdu"));
         b.run(minutes{1});
       }},
      {"1.2 region, 1.4 bad: by RTT, which waits for 'for'",
       [=](Bench& b) {
         trouble(b, path, milliseconds{190}, 0);
         b.run(minutes{30}, [&] { return b.state.paths[path].bad_since.has_value(); });
       }},
      {"1.4 bad: an alarm of the loss, at once",
       [=](Bench& b) {
         trouble(b, path, {}, 400'000);
         b.run(minutes{30}, [&] { return b.state.paths[path].verdict == Verdict::bad; });
       }},
      {"1.3 quorum: too few regions to say anything",
       [=](Bench& b) {
         b.run(minutes{1});
         b.tamper = silence([](const ProbeKey& key) {
           return key.carrier == "mobile" && key.region != "chengdu";
         });
         b.run(minutes{1});
       }},
      {"1.5 clear: all bounds under 'clear'", [](Bench& b) { b.run(minutes{2}); }},
      {"1.6 damping: measured clear, and still bad until that has lasted",
       [=](Bench& b) {
         trouble(b, path, {}, 400'000, minutes{3});
         b.run(minutes{3});
         b.run(minutes{30}, [&] { return b.state.paths[path].clear_since.has_value(); });
       }},
      {"2.1 probe: bad to everything over every carrier",
       [](Bench& b) {
         b.tamper = sick([](const ProbeKey& key) { return key.region == "chengdu"; });
         b.run(minutes{1});
       }},
      {"2.1 probe: loses packets to its anchors",
       [=](Bench& b) {
         b.tamper = [=](Evidence& e) {
           ProbeSeries anchors{.key = {"", "", "mobile", "chengdu", Target::anchor},
                               .samples = e.series.front().samples};
           e.series.insert(e.series.begin(), std::move(anchors));
           sick([](const ProbeKey& key) { return key.target == Target::anchor; })(e);
         };
         b.run(minutes{1});
       }},
      {"2.2 access: one carrier's probe of a region is bad to all nodes",
       [=](Bench& b) {
         b.tamper = sick(mobile_in("chengdu"));
         b.run(minutes{1});
       }},
      {"2.3 border: bad on every path",
       [](Bench& b) {
         trouble(b, {"", "", "mobile"}, milliseconds{150}, 60'000);
         b.run(minutes{10});
       }},
      {"2.4 node: all carriers over all sessions of it",
       [](Bench& b) {
         trouble(b, {"hk-idc-1", "", ""}, milliseconds{150}, 60'000);
         b.run(minutes{5});
       }},
      {"2.5 session: all carriers over it",
       [](Bench& b) {
         trouble(b, {"hk-idc-1", "pccw", ""}, milliseconds{150}, 60'000);
         b.run(minutes{5});
       },
       "pccw"},
      {"2.6 path: this carrier over this session",
       [=](Bench& b) {
         trouble(b, path, milliseconds{150}, 60'000);
         b.run(minutes{5});
       }},
  };
}

void prefer(Bench& b) {
  const auto self = b.setup.config.self;
  b.setup = preferring();
  b.setup.config.self = self;
}

/// Until the plan wants another path for mobile than now.
void until_moved(Bench& b) {
  const auto before = b.state.choices["mobile"].primary;
  b.run(hours{2}, [&] { return b.state.choices["mobile"].primary != before; });
}

std::vector<Scene> preferences() {
  const PathKey here{"hk-idc-1", "cmi", "mobile"};
  return {
      {"4.1 rank, 4.2 first, 4.7 secondary: a quiet day's first cycle",
       [](Bench& b) {
         prefer(b);
         b.cycle();
       },
       "mobile"},
      {"4.2 first: nothing is known of anything",
       [](Bench& b) {
         prefer(b);
         b.tamper = silence([](const ProbeKey& key) { return key.carrier == "mobile"; });
         b.cycle();
       },
       "mobile"},
      {"4.3 gone: not confirmed yet",
       [](Bench& b) {
         prefer(b);
         b.run(minutes{5});
         b.others.erase("hk-idc-1");
         b.cycle();
       },
       "mobile", "hk-ali-1"},
      {"4.3 gone: replaced",
       [](Bench& b) {
         prefer(b);
         b.run(minutes{5});
         b.others.erase("hk-idc-1");
         until_moved(b);
       },
       "mobile", "hk-ali-1"},
      {"4.4 contradicted: another path is where the users are",
       [](Bench& b) {
         prefer(b);
         b.run(minutes{5});
         const Stance prepended{.kind = Stance::Kind::prepend, .prepend = 1};
         b.others["hk-idc-1"].stances["cmi"] = prepended;
         b.others["hk-aws-1"].stances["cmi"] = prepended;
         until_moved(b);
       },
       "mobile", "hk-ali-1"},
      {"4.5 border: bad on every path, and somewhat less on one",
       [=](Bench& b) {
         prefer(b);
         b.run(minutes{5});
         trouble(b, {"", "", "mobile"}, milliseconds{150}, 60'000);
         trouble(b, here, milliseconds{200}, 0);
         b.run(minutes{12});
       },
       "mobile"},
      {"4.6 move: surely better, not confirmed yet",
       [=](Bench& b) {
         prefer(b);
         b.run(minutes{35});
         trouble(b, here, milliseconds{150}, 40'000);
         b.run(minutes{30}, [&] {
           const auto& plans = b.plan().carriers;
           const auto mobile = std::ranges::find(plans, "mobile", &CarrierPlan::carrier);
           return mobile->earliest.has_value();
         });
       },
       "mobile"},
      {"4.6 move, 4.9 repel: by the mildest community that suffices",
       [=](Bench& b) {
         prefer(b);
         b.run(minutes{35});
         trouble(b, here, milliseconds{150}, 40'000);
         b.run(minutes{30}, [&] { return b.step("cmi") != nullptr; });
       }},
      {"4.8 attract: the users come back to a path that was made less attractive",
       [=](Bench& b) {
         prefer(b);
         b.run(minutes{35});
         trouble(b, here, milliseconds{150}, 40'000, minutes{20});
         b.run(minutes{80});
         trouble(b, {"hk-ali-1", "cmi", "mobile"}, milliseconds{150}, 40'000);
         trouble(b, {"hk-aws-1", "cmi", "mobile"}, milliseconds{150}, 40'000);
         b.run(hours{2}, [&] { return b.step("cmi") != nullptr; });
       }},
      {"4.10 together: where nothing can be asked for, the whole session prepends",
       [=](Bench& b) {
         prefer(b);
         b.setup.config.upstreams.at("cmi").communities.clear();
         b.run(minutes{35});
         trouble(b, here, milliseconds{150}, 40'000);
         b.run(minutes{30}, [&] { return b.step("cmi") != nullptr; });
       }},
  };
}

std::vector<Scene> egresses() {
  const PathKey here{"hk-idc-1", "hkbn", "telecom"};
  const auto steer = [](Bench& b) {
    auto& config = b.setup.config;
    config.egress.carriers["telecom"].as_path = {64510, 64511};
    config.nodes.at(config.self).egress["telecom"] = {"hkbn", "pccw"};
    b.running =
        *render::fragment(b.setup.fragment, config, {{"cmi", {}}, {"hkbn", {}}, {"pccw", {}}});
    b.run(minutes{1});
  };
  const auto leaves = [](Bench& b, const std::string& upstream) {
    b.run(hours{2}, [&] { return b.state.egress.at("telecom").upstream == upstream; });
  };
  const auto evening = [=](Bench& b, const PathKey& where, Duration lasts = hours{2}) {
    steer(b);
    trouble(b, where, milliseconds{190}, 60'000, lasts);
    leaves(b, "pccw");
  };
  std::vector<Scene> out{
      {"8.1 order: the first of it", steer},
      {"8.2 down: the session is",
       [=](Bench& b) {
         steer(b);
         b.sessions_down = {"hkbn"};
         b.cycle();
       }},
      {"8.3 trial: and the ladder waits",
       [=](Bench& b) {
         evening(b, here);
         b.run(minutes{2});
       }},
      {"8.4 border: bad at all nodes",
       [=](Bench& b) {
         steer(b);
         trouble(b, {"", "", "telecom"}, milliseconds{190}, 100'000);
         b.run(minutes{30}, [&] { return b.state.paths[here].verdict == Verdict::bad; });
       }},
      {"8.5 bad: the next of the order", [=](Bench& b) { evening(b, here); }},
      {"8.6 vain: all were tried",
       [=](Bench& b) {
         evening(b, {"hk-idc-1", "", "telecom"});
         leaves(b, "hkbn");
       }},
      {"8.7 kept: it is not bad any more",
       [=](Bench& b) {
         evening(b, here);
         b.run(hours{1}, [&] { return b.state.egress.at("telecom").from.empty(); });
       }},
      {"8.8 return: to the first", [=](Bench& b) {
         evening(b, here, minutes{15});
         leaves(b, "hkbn");
       }}};
  for (auto& scene : out) scene.about = "hkbn";
  return out;
}

Published published(const Bench& b) {
  Published out{.config = std::make_shared<const Config>(b.setup.config),
                .state = b.state,
                .plan = b.plan(),
                .now = b.now,
                .started = test::kStart,
                .version = "0.1.0"};
  RouterView router{.kind = "bird", .version = "2.0.12", .revision = b.running.revision};
  for (const auto& [upstream, exports] : b.running.exports)
    router.sessions[upstream] = {.up = true, .state = "Established", .exports = exports};
  out.router = Sourced<RouterView>::ok(std::move(router), b.now);
  out.fleet = Sourced<FleetView>::ok(b.others, b.now);
  out.evidence = Sourced<EvidenceSummary>::ok(
      {.at = b.now, .server = "built-in world", .newest = b.now - seconds{5}}, b.now);
  return out;
}

std::string told(const Scene& scene) {
  Bench b{scene.self};
  scene.play(b);
  const auto p = published(b);
  auto out = fmt::format("## {}\n", scene.rule);
  for (const auto& step : b.plan().steps) {
    out += fmt::format("{} {} -> {}, cause {}: {}\n", step.upstream, to_string(step.from),
                       to_string(step.to), to_string(step.cause), step.why);
  }
  out += "-- journal\n";
  for (const auto& event : b.events) out += event.text + "\n";
  const text::Look look{.width = 100, .utc = true};
  const auto status = text::print(report::status(p), look);
  const auto explain = text::print(*report::explain(p, scene.self, scene.about), look);
  return out + "-- status\n" + part(status, "! ", "NODE") + part(status, "next", "why?") +
         "-- explain\n" + part(explain, "2 judged", "5 guarded") +
         part(explain, "egress", "8 history") + "\n";
}

/// The numbers of the rules, from the contracts that list them.
std::set<std::string> rules() {
  std::set<std::string> out;
  const std::regex line{R"(///\s+(\d\.\d+) +"?[a-z])"};
  for (const auto* header : {"judge", "blame", "choose", "prefer", "egress"}) {
    const auto text = test::slurp(test::tree(fmt::format("controller/core/{}.hpp", header)));
    for (std::sregex_iterator it{text.begin(), text.end(), line}, end; it != end; ++it)
      out.insert((*it)[1]);
  }
  return out;
}

/// The numbers that a golden file has a heading for.
std::set<std::string> headings(const std::string& text) {
  std::set<std::string> out;
  const std::regex number{R"(\d\.\d+)"};
  for (const auto& line : split(text, '\n')) {
    if (!line.starts_with("## ")) continue;
    for (std::sregex_iterator it{line.begin(), line.end(), number}, end; it != end; ++it)
      out.insert(it->str());
  }
  return out;
}

}  // namespace

TEST_CASE("every rule of judging, blaming, preferring and egress is told as in the file") {
  std::string all;
  for (const auto& scene : judging()) all += told(scene);
  for (const auto& scene : preferences()) all += told(scene);
  for (const auto& scene : egresses()) all += told(scene);
  test::same_as_golden("decisions.txt", all);
}

TEST_CASE("no rule is without a text") {
  const auto all = rules();
  CHECK(all.size() >= 37);
  auto told = headings(test::golden("decisions.txt"));
  told.merge(headings(test::golden("rules.txt")));
  for (const auto& rule : all) {
    INFO("rule " << rule << " has no heading in tests/golden/decisions.txt or rules.txt");
    CHECK(told.contains(rule));
  }
}
