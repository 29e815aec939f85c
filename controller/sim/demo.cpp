#include "controller/sim/demo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <set>

#include "controller/base/text.hpp"
#include "controller/sim/article.hpp"
#include "controller/sim/fleet.hpp"

namespace anycast::sim {
namespace {

// 18:00 to 24:00 in Hong Kong on a Monday, told in local time.
const Time kBegin = *parse_utc("2026-06-01T10:00:00.000Z");
constexpr Duration kLocal = hours{8};
constexpr Duration kSpan = hours{6};

Time at(int hour, int minute) { return kBegin + hours{hour - 18} + minutes{minute}; }

/// RTTs and losses that the users of one carrier met.
struct Pings {
  std::vector<Duration> replies;
  int lost = 0;

  void add(const Sample& sample) {
    if (sample.received) {
      replies.push_back(sample.rtt);
    } else {
      ++lost;
    }
  }
  Duration rank(double share) {
    if (replies.empty()) return {};
    std::ranges::sort(replies);
    return replies.at(static_cast<std::size_t>(share * static_cast<double>(replies.size() - 1)));
  }
  Ppm loss() const {
    const auto sent = static_cast<Ppm>(replies.size()) + lost;
    return sent == 0 ? 0 : lost * kAll / sent;
  }
};

struct Story {
  Pings single;
  Pings fixed;
  Pings ours;
  Ppm unserved = 0;
  int changes = 0;
  bool moved = false;
  bool others_moved = false;
};

void troubles(World& world) {
  world.add({.where = {"", "", "unicom"},
             .from = at(18, 40),
             .to = at(19, 10),
             .rtt = milliseconds{150},
             .loss = 90'000});
  world.add({.where = {kDemoNode, "cmi", "mobile"},
             .from = at(20, 13),
             .to = at(22, 20),
             .rtt = milliseconds{185},
             .loss = 65'000});
}

/// What the users of every carrier feel in this tick.
void feel(const World& world, const SimFleet& fleet, const Config& config,
          const World::Announced& plain, Story& story) {
  const bool evening = fleet.now() >= at(20, 13) && fleet.now() < at(22, 20);
  for (const auto& carrier : config.carriers) {
    const auto ours = world.catchment(carrier, fleet.announced());
    const auto usual = world.catchment(carrier, plain);
    if (!ours) ++story.unserved;
    if (!ours || !usual) continue;
    if (*ours != *usual) (carrier == "mobile" ? story.moved : story.others_moved) = true;
    if (carrier != "mobile" || !evening) continue;
    for (const auto& region : config.regions) {
      story.single.add(world.ping({"hk-idc-1", "cmi", "mobile"}, region, fleet.now()));
      story.fixed.add(world.ping(*usual, region, fleet.now()));
      story.ours.add(world.ping(*ours, region, fleet.now()));
    }
  }
}

std::string clock(Time t) { return format_clock(t + kLocal).substr(0, 5); }

/// The journal without what only a machine wants to read.
void tell(std::ostream& out, SimFleet& fleet, Story& story) {
  static const std::set<std::string> kSkip{"adopted", "applied"};
  std::set<std::string> told;
  for (const auto& [when, event] : fleet.take_events()) {
    if (event.kind.starts_with("step-")) ++story.changes;
    const bool minor = kSkip.contains(event.kind) || event.priority > 5;
    if (minor || !told.insert(event.kind == "blind" ? event.kind : event.text).second) continue;
    out << fmt::format("{}  {}\n", clock(when), event.text);
  }
}

void table(std::ostream& out, Story& story) {
  out << fmt::format("\n{:40}{:>12}{:>10}{:>8}\n", "mobile users, 20:13 to 22:20", "median RTT",
                     "p95 RTT", "loss");
  const auto row = [&](const char* name, Pings& felt) {
    out << fmt::format("  {:38}{:>12}{:>10}{:>8}\n", name, format_ms(felt.rank(0.5)),
                       format_ms(felt.rank(0.95)), format_share(felt.loss()));
  };
  row("one node (hk-idc-1)", story.single);
  row("anycast, left alone", story.fixed);
  row("anycastd", story.ours);
}

}  // namespace

int run_demo(std::ostream& out, const DemoOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  const auto setup = article();
  if (!setup) {
    out << to_string(setup.error()) << "\n";
    return 1;
  }
  World world{setup->config, options.seed};
  quiet_day(world);
  troubles(world);
  SimFleet fleet{*setup, world, kBegin};
  if (options.recording != nullptr) fleet.record(*options.recording);
  const auto plain = fleet.announced();
  Story story;

  out << fmt::format(
      "an evening in Hong Kong, synthetic: 4 nodes, 4 upstreams, 9 probes; seed {}; no root, no "
      "network, "
      "no files\n\n{}  all nodes announce 203.0.113.0/24 to all their upstreams\n",
      options.seed, clock(kBegin));
  while (fleet.now() < kBegin + kSpan) {
    const bool away = fleet.now() >= at(19, 25) && fleet.now() < at(19, 45);
    fleet.prometheus_away =
        away
            ? std::optional{Error{.remedy = Remedy::wait, .text = "prom-a:9090 timed out after 4s"}}
            : std::nullopt;
    fleet.tick();
    feel(world, fleet, setup->config, plain, story);
    tell(out, fleet, story);
  }
  table(out, story);
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const bool back = fleet.announced() == plain;
  out << fmt::format(
      "{} steps, {} carrier-seconds without anybody announcing, other carriers moved: {}, all as "
      "before at the "
      "end: {}; {:.0f} h in {:.1f} s\n",
      story.changes, story.unserved * 15, story.others_moved ? "yes" : "no", back ? "yes" : "no",
      to_seconds(kSpan) / 3600, took);
  const bool good = story.moved && back && !story.others_moved && story.unserved == 0;
  return good ? 0 : 1;
}

}  // namespace anycast::sim
