#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "adapters/bird/bird.hpp"
#include "tests/support/bird_config.hpp"
#include "tests/support/bird_world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_bird.hpp"
#include "tests/support/heard.hpp"
#include "tests/support/kept.hpp"
#include "tests/support/process.hpp"
#include "tests/support/real_bird.hpp"

// Included by the tests of the BIRD adapter only: the support library does not link the adapter.
namespace anycast::test {

/// A BIRD in a folder of its own, and what a test does to it besides the adapter.
class BirdBench {
 public:
  static Config config() { return bird_config(); }
  static Fragment fragment(const std::map<std::string, Stance>& stances,
                           const HostRoutes& hosts = {}, const Config& config = bird_config()) {
    return bird_fragment(stances, hosts, config);
  }

  BirdBench() {
    std::string form = "/tmp/anycastd-bird-XXXXXX";
    if (::mkdtemp(form.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
    folder_ = form;
    std::filesystem::create_directory(folder_ + "/run");
    write_files();
  }
  BirdBench(const BirdBench&) = delete;
  BirdBench& operator=(const BirdBench&) = delete;
  ~BirdBench() {
    world.reset();
    std::filesystem::remove_all(folder_);
  }

  const std::string& folder() const { return folder_; }
  std::string fragment_file() const { return folder_ + "/run/bird.conf"; }
  std::string operator_file() const { return folder_ + "/bird.conf"; }

  bird::Settings settings(Config config = bird_config()) const {
    config.router.socket = world->socket();
    config.router.config = operator_file();
    config.router.fragment = fragment_file();
    config.router.timeout = milliseconds{1500};
    return bird::settings_of(config);
  }
  bird::BirdSpeaker speaker(const Config& config = bird_config()) const {
    return bird::BirdSpeaker{settings(config)};
  }

  bird::Reply operator_says(const std::string& command) const {
    return ask_bird(world->socket(), command);
  }

  /// What an upstream has in "t_cmi", "t_ntt" or "t_ntt6", without the AS that eBGP adds.
  std::vector<Export> heard(const std::string& table) const {
    return without_ebgp(heard_at(world->upstream_socket(), table));
  }
  bool hears(const std::string& table, const std::vector<Export>& exports) const {
    return eventually([&] { return heard(table) == exports; });
  }
  bool hears(const Fragment& fragment) const {
    return hears("t_cmi", fragment.exports.at("cmi")) &&
           hears("t_ntt", fragment.exports.at("ntt")) &&
           hears("t_ntt6", fragment.exports.at("ntt6"));
  }
  std::string news(const std::string& table) const {
    return news_at(world->upstream_socket(), table);
  }

  void write(const std::string& file, const std::string& text) const {
    std::ofstream{file} << text;
  }
  std::string read(const std::string& file) const {
    std::ifstream stream{file};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }
  /// The operator edits his file and has not told BIRD.
  void operator_edits(const std::string& text) const {
    write(operator_file(), text);
    std::filesystem::last_write_time(
        operator_file(), std::filesystem::file_time_type::clock::now() + std::chrono::seconds{1});
  }
  bool sessions_up() const {
    return eventually([&] {
      const auto view = speaker().in_force();
      return view && std::ranges::all_of(view->sessions, [](const auto& s) { return s.second.up; });
    });
  }
  /// Everything withdrawn, the operator's file as it was, all sessions up.
  void reset() const {
    write_files();
    REQUIRE(eventually([&] { return operator_says("configure").code() == 3; }));
    REQUIRE(sessions_up());
    REQUIRE(hears(bird_fragment(all_say({Stance::Kind::withdraw}))));
  }

  std::unique_ptr<BirdWorld> world = {};

 private:
  void write_files() const {
    write(operator_file(), operator_text(fragment_file()));
    write(fragment_file(), bird_fragment(all_say({Stance::Kind::withdraw})).text);
  }

  std::string folder_;
};

inline const Fragment kWithdrawn = bird_fragment(all_say({Stance::Kind::withdraw}));
inline const Fragment kAnnounced = bird_fragment(all_say({}));
inline const Fragment kDrained = bird_fragment(all_say({Stance::Kind::drain}));

/// Runs the body on a fake and on a real BIRD. Where this machine cannot have the real one, that is
/// a failure in CI and a warning elsewhere.
inline void on_both(const std::function<void(BirdBench&)>& body) {
  static BirdBench fake;
  static BirdBench real;
  static std::string why;
  if (!fake.world) {
    fake.world = std::make_unique<FakeBird>(fake.folder());
    real.world = RealBird::make(real.folder(), why);
  }
  SECTION("fake bird") {
    fake.reset();
    body(fake);
  }
  SECTION("real bird") {
    if (real.world) {
      real.reset();
      body(real);
    } else if (std::getenv("CI") != nullptr) {
      FAIL("no real bird: " << why);
    } else {
      WARN("SKIP: no real bird: " << why);
    }
  }
}

}  // namespace anycast::test
