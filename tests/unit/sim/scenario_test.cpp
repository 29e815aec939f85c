// Plays every tests/scenarios/*.txt: what happens to the article's fleet, what must not happen, and
// every update that left, as text.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "controller/base/text.hpp"
#include "controller/sim/article.hpp"
#include "controller/sim/baselines.hpp"
#include "controller/sim/fleets.hpp"
#include "controller/sim/pilot.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::sim;

namespace {

/// A word or "*" for all.
bool fits(const std::string& pattern, const std::string& name) {
  return pattern == "*" || pattern == name;
}

Duration clock_of(const std::string& word) {
  const auto parts = split(word, ':');
  return hours{std::stoi(parts.at(0))} + minutes{std::stoi(parts.at(1))};
}

Duration duration_of(const std::string& word) { return *parse_duration(word); }

/// The article's fleet on a quiet day with the guards as they are by default.
Fixture quiet(Duration span) {
  Fixture out{.name = "scenario",
              .about = {},
              .setup = *article(),
              .begin = *parse_utc("2026-06-01T00:00:00.000Z"),
              .ticks = span / kTick};
  auto& config = out.setup.config;
  config.prometheus.interval = seconds{30};
  config.guards.damping = {};
  config.guards.reannounce = Guards{}.reannounce;
  config.guards.reversal = Guards{}.reversal;
  for (const auto& [node, entry] : config.nodes) {
    for (const auto& [upstream, session] : entry.sessions) {
      for (const auto& carrier : config.upstreams.at(upstream).carries)
        out.paths.push_back({node, upstream, carrier});
    }
  }
  std::ranges::sort(out.paths);
  const auto ticks = static_cast<std::size_t>(out.ticks);
  out.levels.assign(out.paths.size(), {});
  out.traffic.assign(ticks, 1);
  out.users = {0.4, 0.3, 0.3};
  out.preferred.resize(config.carriers.size());
  for (PathNo path = 0; path < out.paths.size(); ++path) {
    const auto rtt_us = static_cast<std::int32_t>(44'000 + 1'000 * path);
    out.levels[path].assign(ticks, {.rtt_us = rtt_us, .loss_ppm = 1'000});
    out.preferred[carrier_number(out, path)].push_back(path);
  }
  return out;
}

struct Bound {
  std::string figure;
  double least = 0;
  double most = 0;
};

class Scenario {
 public:
  explicit Scenario(const std::filesystem::path& file) {
    std::ifstream in{file};
    std::string line;
    while (std::getline(in, line)) {
      if (line.empty() || line.front() == '#') continue;
      if (line == "updates:") break;
      std::istringstream words{line};
      read(words);
    }
    while (std::getline(in, line)) wanted_ += line + "\n";
  }

  void play() {
    Probes probes{fixture_, 1};
    Pilot pilot{fixture_.setup};
    std::map<Link, Stance> said;
    const auto figures = steered(fixture_, 1, [&](Scene& scene) {
      if (said.empty()) said = scene.routing.said();
      for (const auto& [from, to, act] : acts_) {
        if (scene.tick == from / kTick) act(pilot, scene, true);
        if (scene.tick == to / kTick) act(pilot, scene, false);
      }
      probes.ping(scene.load, scene.routing.spread(), scene.tick);
      if (scene.now.time_since_epoch() % seconds{30} != Duration{0}) return;
      pilot.cycle(probes, scene.routing, scene.now);
      for (const auto& [link, stance] : scene.routing.said()) {
        if (said.at(link) == stance) continue;
        said.at(link) = stance;
        updates_ += fmt::format("{} {} {}: {}\n", format_utc(scene.now).substr(11, 8), link.first,
                                link.second, to_string(stance));
      }
    });
    CHECK(updates_ == wanted_);
    CHECK(figures.unannounced_s == 0);
    CHECK(figures.least_nodes >= fixture_.config().guards.min_nodes);
    CHECK(figures.back_and_forth == 0);
    for (const auto& profile : figures.damping) {
      CHECK(profile.damped_s == 0);
      CHECK(profile.highest < 1'500);
    }
    CHECK(figures.updates() <= most_updates_);
  }

 private:
  using Act = std::function<void(Pilot&, Scene&, bool)>;

  void read(std::istringstream& words) {
    std::string word;
    words >> word;
    if (word == "for") {
      words >> word;
      fixture_ = quiet(duration_of(word));
    } else if (word == "most") {
      words >> most_updates_;
    } else {
      REQUIRE(word == "at");
      std::string at;
      std::string what;
      words >> at >> what;
      if (what == "path") return path(clock_of(at), words);
      if (what == "probe") return probe(clock_of(at), words);
      other(clock_of(at), what, words);
    }
  }

  /// path NODE UPSTREAM CARRIER rtt+MS loss+PERCENT for SPAN [every SPAN until TIME]
  void path(Duration from, std::istringstream& words) {
    std::string node, upstream, carrier, rtt, loss, skip, span, every, until;
    words >> node >> upstream >> carrier >> rtt >> loss >> skip >> span;
    const auto more_us = static_cast<std::int32_t>(1'000 * std::stoi(rtt.substr(4)));
    const auto more_ppm = static_cast<std::int32_t>(10'000 * std::stod(loss.substr(5)));
    const bool repeats = static_cast<bool>(words >> skip >> every >> skip >> until);
    const auto last = repeats ? clock_of(until) : from + seconds{1};
    for (auto begin = from; begin < last; begin += repeats ? duration_of(every) : hours{1'000}) {
      for (PathNo i = 0; i < fixture_.paths.size(); ++i) {
        const auto& key = fixture_.paths[i];
        if (!fits(node, key.node) || !fits(upstream, key.upstream) || !fits(carrier, key.carrier))
          continue;
        const auto end =
            std::min<std::int64_t>((begin + duration_of(span)) / kTick, fixture_.ticks);
        for (auto tick = begin / kTick; tick < end; ++tick) {
          auto& level = fixture_.levels[i][static_cast<std::size_t>(tick)];
          level.rtt_us += more_us;
          level.loss_ppm = std::min(1'000'000, level.loss_ppm + more_ppm);
        }
      }
    }
  }

  /// probe CARRIER REGION silent for SPAN
  void probe(Duration from, std::istringstream& words) {
    std::string carrier, region, skip, span;
    words >> carrier >> region >> skip >> skip >> span;
    for (const auto& one : fixture_.config().carriers) {
      for (const auto& other : fixture_.config().regions) {
        if (!fits(carrier, one) || !fits(region, other)) continue;
        fixture_.outages.push_back({.carrier = one,
                                    .region = other,
                                    .from = fixture_.begin + from,
                                    .to = fixture_.begin + from + duration_of(span)});
      }
    }
  }

  /// prometheus NODE error|empty|partial|late|no-fleet for SPAN; router NODE refuses for SPAN;
  /// communities deaf for SPAN; withdrawals slow for SPAN
  void other(Duration from, const std::string& what, std::istringstream& words) {
    std::string who, how, skip, span;
    words >> who;
    if (what == "prometheus" || what == "router") words >> how;
    words >> skip >> span;
    const Act act = [what, who, how](Pilot& pilot, Scene& scene, bool on) {
      if (what == "steering") scene.routing.deaf = on;
      if (what == "withdrawals") scene.routing.slow_withdrawals = on;
      for (auto& node : pilot.nodes()) {
        if (!fits(who, node.name)) continue;
        if (what == "router") node.refuses = on;
        if (what == "prometheus") node.answer = on ? answer(how) : Answer{};
      }
    };
    acts_.emplace_back(from, from + duration_of(span), act);
  }

  static Answer answer(const std::string& how) {
    if (how == "error") return {.error = Error{.remedy = Remedy::wait, .text = "HTTP 503"}};
    if (how == "empty") return {.empty = true};
    if (how == "partial") return {.partial = true};
    if (how == "late") return {.late = minutes{10}};
    REQUIRE(how == "no-fleet");
    return {.fleet_unknown = true};
  }

  Fixture fixture_ = quiet(hours{1});
  std::vector<std::tuple<Duration, Duration, Act>> acts_;
  int most_updates_ = 0;
  std::string wanted_;
  std::string updates_;
};

}  // namespace

TEST_CASE("every scenario goes as it is written down") {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator{ANYCASTD_SOURCE_DIR "/tests/scenarios"}) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  REQUIRE(!files.empty());
  std::ranges::sort(files);
  for (const auto& file : files) {
    INFO(file.filename().string());
    Scenario{file}.play();
  }
}
