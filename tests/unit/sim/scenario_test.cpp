// Plays every tests/scenarios/*.txt: what happens to the article's fleet, what must not happen, and
// every update that left, as text.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
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
#include "tests/support/core.hpp"

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

/// "26:03:30", from the beginning.
std::string since(Duration d) {
  const auto s = std::chrono::duration_cast<seconds>(d).count();
  return fmt::format("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

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

class Scenario {
 public:
  explicit Scenario(const std::filesystem::path& file) : Scenario{read_file(file)} {}
  explicit Scenario(std::istringstream in) {
    std::string line;
    while (std::getline(in, line)) {
      if (line.empty() || line.front() == '#') continue;
      if (line == "updates:") break;
      std::istringstream words{line};
      read(words);
    }
    while (std::getline(in, line)) wanted_ += line + "\n";
  }

  enum class Updates { wanted, any };
  void play(Updates updates) {
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
      for (auto& node : pilot.nodes()) tell(node, scene.now);
      pilot.cycle(probes, scene.routing, scene.now);
      for (const auto& node : pilot.nodes()) {
        for (const auto& event : node.events) {
          if (event.kind != "cell-state")
            journal_ += since(scene.now - fixture_.begin) + " " + event.text + "\n";
        }
      }
      for (const auto& [link, stance] : scene.routing.said()) {
        if (said.at(link) == stance) continue;
        said.at(link) = stance;
        updates_ += fmt::format("{} {} {}: {}\n", since(scene.now - fixture_.begin), link.first,
                                link.second, to_string(stance));
      }
    });
    INFO(journal_);
    if (updates == Updates::wanted) CHECK(updates_ == wanted_);
    CHECK(figures.unannounced_s == 0);
    CHECK(figures.least_nodes >= fixture_.config().guards.min_nodes);
    CHECK(figures.back_and_forth <= most_back_);
    for (const auto& profile : figures.damping) {
      CHECK(profile.damped_s == 0);
      CHECK(profile.highest < 1'500);
    }
    CHECK(figures.updates() <= most_updates_);
  }

  /// What the text says that has to leave, and what left.
  const std::string& wanted() const { return wanted_; }
  const std::string& updates() const { return updates_; }

 private:
  using Act = std::function<void(Pilot&, Scene&, bool)>;
  using Node = Pilot::Node;

  static std::istringstream read_file(const std::filesystem::path& file) {
    std::ifstream in{file};
    return std::istringstream{std::string{std::istreambuf_iterator<char>{in}, {}}};
  }

  void read(std::istringstream& words) {
    std::string word;
    words >> word;
    if (word == "for") {
      begin(words);
    } else if (word == "policy") {
      words >> word;
      REQUIRE(word == "prefer");
      const auto interval = fixture_.config().prometheus.interval;
      fixture_.setup = test::preferring();
      fixture_.setup.config.prometheus.interval = interval;
    } else if (word == "most") {
      words >> most_updates_;
    } else if (word == "moved-back") {
      words >> most_back_;
    } else {
      REQUIRE(word == "at");
      std::string at;
      std::string what;
      words >> at >> what;
      if (what == "path") return path(clock_of(at), words);
      if (what == "probe") return probe(clock_of(at), words);
      if (what == "roas") fixture_.setup.config.rpki.router = true;
      if (what == "order") return order(clock_of(at), words);
      other(clock_of(at), what, words);
    }
  }

  /// for SPAN [in FIXTURE]
  void begin(std::istringstream& words) {
    std::string span, in, name;
    words >> span;
    if (words >> in >> name) {
      fixture_ = *fixture(name, {.days = static_cast<int>(duration_of(span) / hours{24})});
    } else {
      fixture_ = quiet(duration_of(span));
    }
  }

  /// path NODE UPSTREAM CARRIER rtt+MS loss+PERCENT for SPAN [every SPAN until TIME]
  void path(Duration from, std::istringstream& words) {
    std::string node, upstream, carrier, rtt, loss;
    words >> node >> upstream >> carrier >> rtt >> loss;
    const auto more_us = static_cast<std::int32_t>(1'000 * std::stoi(rtt.substr(4)));
    const auto more_ppm = static_cast<std::int32_t>(10'000 * std::stod(loss.substr(5)));
    for (const auto& [begin, end] : spans(from, words)) {
      for (PathNo i = 0; i < fixture_.paths.size(); ++i) {
        const auto& key = fixture_.paths[i];
        if (!fits(node, key.node) || !fits(upstream, key.upstream) || !fits(carrier, key.carrier))
          continue;
        const auto last = std::min<std::int64_t>(end / kTick, fixture_.ticks);
        for (auto tick = begin / kTick; tick < last; ++tick) {
          auto& level = fixture_.levels[i][static_cast<std::size_t>(tick)];
          level.rtt_us += more_us;
          level.loss_ppm = std::min(1'000'000, level.loss_ppm + more_ppm);
        }
      }
    }
  }

  /// for SPAN [every SPAN until TIME]
  static std::vector<std::pair<Duration, Duration>> spans(Duration from,
                                                          std::istringstream& words) {
    std::string skip, span, every, until;
    words >> skip >> span;
    REQUIRE(skip == "for");
    const auto length = duration_of(span);
    std::vector<std::pair<Duration, Duration>> out{{from, from + length}};
    if (!(words >> skip >> every >> skip >> until)) return out;
    while (out.back().first + duration_of(every) < clock_of(until)) {
      const auto next = out.back().first + duration_of(every);
      out.emplace_back(next, next + length);
    }
    return out;
  }

  /// probe CARRIER REGION silent|loses+PERCENT for SPAN [every SPAN until TIME]
  void probe(Duration from, std::istringstream& words) {
    std::string carrier, region, how;
    words >> carrier >> region >> how;
    const auto lost = how == "silent" ? 0.0 : std::stod(how.substr(std::string{"loses+"}.size()));
    const auto all = spans(from, words);
    for (const auto& one : fixture_.config().carriers) {
      for (const auto& other : fixture_.config().regions) {
        if (!fits(carrier, one) || !fits(region, other)) continue;
        for (const auto& [begin, end] : all) {
          fixture_.outages.push_back({.carrier = one,
                                      .region = other,
                                      .from = fixture_.begin + begin,
                                      .to = fixture_.begin + end,
                                      .loss_ppm = static_cast<std::int32_t>(10'000 * lost)});
        }
      }
    }
  }

  /// order NODE drain|undrain
  void order(Duration from, std::istringstream& words) {
    std::string who, what;
    words >> who >> what;
    const auto kind = parse_order_kind(what);
    REQUIRE(kind);
    acts_.emplace_back(from, Duration::max(), [who, kind](Pilot& pilot, Scene&, bool) {
      for (auto& node : pilot.nodes()) {
        if (fits(who, node.name))
          node.orders.push_back({.kind = *kind, .id = 1, .reason = "a test", .actor = "lin"});
      }
    });
  }

  /// WHAT WHO HOW for SPAN
  void other(Duration from, const std::string& what, std::istringstream& words) {
    std::string who, how;
    words >> who >> how;
    const auto [begin, end] = spans(from, words).front();
    const Act act = [this, what, who, how](Pilot& pilot, Scene& scene, bool on) {
      auto& odd = scene.routing.odd;
      if (what == "steering") (how == "deaf" ? odd.deaf : odd.backwards) = on;
      if (what == "shutdowns") odd.no_graceful = on;
      if (what == "withdrawals") odd.slow_withdrawals = on;
      if (what == "updates") odd.later = on ? duration_of(how) : Duration{0};
      for (auto& node : pilot.nodes()) {
        if (!fits(who, node.name)) continue;
        if (what == "router") node.refuses = on;
        if (what == "prometheus") node.answer = on ? answer(how) : sim::Answer{};
        if (what == "clock") node.ahead = on ? duration_of(how.substr(1)) : Duration{0};
        if (what == "clock" && how.front() == '-') node.ahead = -node.ahead;
        if (what == "inventory") inventory(node, how, on);
        if (what == "roas") roas_[node.name] = on ? how : "valid";
      }
    };
    acts_.emplace_back(begin, end, act);
  }

  /// What the ROAs say in the coming cycle.
  void tell(Node& node, Time now) const {
    const auto& config = fixture_.config();
    if (!config.rpki.router) return;
    const auto found = roas_.find(node.name);
    const auto how = found == roas_.end() ? "valid" : found->second;
    const Origin origin{.state = how == "gone"      ? OriginState::not_found
                                 : how == "invalid" ? OriginState::invalid
                                                    : OriginState::valid};
    OriginView view{.as_of = how == "expired" ? now - config.rpki.max_age - hours{1} : now};
    for (const auto& entry : config.prefixes) view.prefixes[entry.prefix] = origin;
    node.origins["bird"] = Sourced<OriginView>::ok(view, now);
  }

  static sim::Answer answer(const std::string& how) {
    if (how == "error") return {.error = Error{.remedy = Remedy::wait, .text = "HTTP 503"}};
    if (how == "empty") return {.empty = true};
    if (how == "partial") return {.partial = true};
    if (how == "late") return {.late = minutes{10}};
    if (how == "vip-only") return {.vip_only = true};
    if (how == "even") return {.scrapes = sim::Answer::Scrapes::even};
    if (how == "odd") return {.scrapes = sim::Answer::Scrapes::odd};
    REQUIRE(how == "no-fleet");
    return {.fleet_unknown = true};
  }

  /// The node reloads a file of which a part is missing, and later the whole one.
  void inventory(Node& node, const std::string& how, bool on) {
    kept_.push_back(node.setup);
    auto setup = std::make_shared<core::Setup>(fixture_.setup);
    auto& config = setup->config;
    config.self = node.name;
    if (on && how == "no-prefix") config.prefixes.clear();
    if (on && how == "no-dictionary") {
      for (auto& [name, upstream] : config.upstreams) upstream.communities.clear();
    }
    if (on && how == "halved") {
      bool keep = false;
      std::erase_if(config.nodes, [&](const auto& entry) {
        keep = !keep;
        return !keep && entry.first != node.name;
      });
    }
    node.setup = setup;
    node.rendered = {};
  }

  Fixture fixture_ = quiet(hours{1});
  std::vector<std::tuple<Duration, Duration, Act>> acts_;
  std::vector<std::shared_ptr<const core::Setup>> kept_;  ///< meters refer to them
  std::map<std::string, std::string> roas_;  ///< [node]: "valid", "invalid", "gone", "expired"
  int most_updates_ = 0;
  int most_back_ = 0;
  std::string wanted_;
  std::string updates_;
  std::string journal_;  ///< why, for whoever reads a failure
};

void rewrite(const std::filesystem::path& file, const std::string& updates) {
  std::ifstream in{file};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  const std::string mark = "\nupdates:\n";
  text.resize(text.find(mark) + mark.size());
  std::ofstream{file} << text << updates;
}

}  // namespace

TEST_CASE("every scenario goes as it is written down") {
  // With ANYCASTD_GOLDEN=write the updates that left are written into the files.
  const char* mode = std::getenv("ANYCASTD_GOLDEN");
  const bool write = mode != nullptr && std::string_view{mode} == "write";
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator{ANYCASTD_SOURCE_DIR "/tests/scenarios"}) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  REQUIRE(!files.empty());
  std::ranges::sort(files);
  for (const auto& file : files) {
    INFO(file.filename().string());
    Scenario scenario{file};
    scenario.play(write ? Scenario::Updates::any : Scenario::Updates::wanted);
    if (write && scenario.updates() != scenario.wanted()) rewrite(file, scenario.updates());
  }
}

TEST_CASE("nobody acts on what is no reason to act") {
  std::map<std::string, int> found;
  for (const auto* scenario : {"s04", "s05", "s06", "s13", "s15", "s21", "s24"})
    found[scenario] = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator{ANYCASTD_SOURCE_DIR "/tests/scenarios"}) {
    const auto named = found.find(entry.path().filename().string().substr(0, 3));
    if (named == found.end()) continue;
    ++named->second;
    INFO(entry.path().filename().string());
    CHECK(Scenario{entry.path()}.wanted().empty());
  }
  for (const auto& [scenario, files] : found) {
    INFO(scenario);
    CHECK(files > 0);
  }
}
