#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "adapters/frr/frr.hpp"
#include "tests/support/bird_config.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_frr.hpp"
#include "tests/support/heard.hpp"
#include "tests/support/kept.hpp"
#include "tests/support/real_frr.hpp"

// Included by the tests of the FRR adapter only: the support library does not link the adapter.
namespace anycast::test {

/// A FRR in a folder of its own, and what a test does to it besides the adapter.
class FrrBench {
 public:
  static Config config() { return frr_config(); }
  static Fragment fragment(const std::map<std::string, Stance>& stances,
                           const HostRoutes& hosts = {}, const Config& config = frr_config()) {
    return frr_fragment(stances, hosts, config);
  }

  FrrBench() {
    std::string form = "/tmp/anycastd-frr-XXXXXX";
    if (::mkdtemp(form.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
    folder_ = form;
    std::filesystem::create_directory(folder_ + "/run");
    write(folder_ + "/frr.conf", frr_operator_text());
  }
  FrrBench(const FrrBench&) = delete;
  FrrBench& operator=(const FrrBench&) = delete;
  ~FrrBench() {
    world.reset();
    std::filesystem::remove_all(folder_);
  }

  const std::string& folder() const { return folder_; }
  std::string fragment_file() const { return folder_ + "/run/frr.conf"; }
  std::string operator_file() const { return folder_ + "/frr.conf"; }

  frr::Settings settings(Config config = frr_config()) const {
    config.router.socket = world->socket();
    config.router.config = operator_file();
    config.router.fragment = fragment_file();
    config.router.timeout = milliseconds{1500};
    return frr::settings_of(config);
  }
  frr::FrrSpeaker speaker(const Config& config = frr_config()) const {
    return frr::FrrSpeaker{settings(config)};
  }

  /// Commands of the operator in his vtysh, to one daemon; the reply to the last one.
  std::string operator_says(const std::vector<std::string>& commands,
                            const std::string& daemon = "bgpd") const {
    const auto socket = std::filesystem::path{world->socket()}.parent_path() / (daemon + ".vty");
    auto vty = frr::Vty::connect(socket.string(), seconds{2}, seconds{10});
    REQUIRE(vty);
    std::string last;
    for (const auto& command : commands) {
      const auto reply = vty->ask(command);
      REQUIRE(reply);
      CHECK(reply->status == 0);
      last = reply->text;
    }
    return last;
  }
  std::string configuration(const std::string& daemon = "bgpd") const {
    return operator_says({"show running-config"}, daemon);
  }

  std::vector<Export> heard(const std::string& table) const {
    return without_ebgp(world->heard(table));
  }
  bool hears(const std::string& table, const std::vector<Export>& exports) const {
    return eventually([&] { return heard(table) == exports; });
  }
  bool hears(const Fragment& wanted) const {
    return hears("t_cmi", wanted.exports.at("cmi")) && hears("t_ntt", wanted.exports.at("ntt")) &&
           hears("t_ntt6", wanted.exports.at("ntt6"));
  }
  std::string news(const std::string& table) const { return world->news(table); }

  void write(const std::string& file, const std::string& text) const {
    std::ofstream{file} << text;
  }
  std::string read(const std::string& file) const {
    std::ifstream stream{file};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }
  bool sessions_up() const {
    return eventually([&] {
      const auto view = speaker().in_force();
      return view && std::ranges::all_of(view->sessions, [](const auto& s) { return s.second.up; });
    });
  }
  /// Everything withdrawn, all sessions up.
  void reset() const {
    const auto withdrawn = frr_fragment(all_say({Stance::Kind::withdraw}));
    REQUIRE(sessions_up());
    auto fresh = speaker();
    const auto done = fresh.silence(withdrawn);
    INFO((done ? "" : to_string(done.error())));
    REQUIRE(done);
    REQUIRE(hears(withdrawn));
  }

  std::unique_ptr<FrrWorld> world = {};

 private:
  std::string folder_;
};

inline const Fragment kWithdrawn = frr_fragment(all_say({Stance::Kind::withdraw}));
inline const Fragment kAnnounced = frr_fragment(all_say({}));
inline const Fragment kDrained = frr_fragment(all_say({Stance::Kind::drain}));

inline std::unique_ptr<FrrWorld> real_frr(const std::string& folder, std::string& why) {
  auto world = RealFrr::make(folder, why);
  if (!world) return world;
  world->heard_by = heard_at;
  world->news_by = news_at;
  return world;
}

/// Runs the body on a fake and on a real FRR. Where this machine cannot have the real one, that is
/// a failure in CI and a warning elsewhere.
inline void on_both(const std::function<void(FrrBench&)>& body) {
  static FrrBench fake;
  static FrrBench real;
  static std::string why;
  if (!fake.world) {
    fake.world = std::make_unique<FakeFrr>(fake.folder());
    real.world = real_frr(real.folder(), why);
  }
  SECTION("fake frr") {
    fake.reset();
    body(fake);
  }
  SECTION("real frr") {
    if (real.world) {
      real.reset();
      body(real);
    } else if (std::getenv("CI") != nullptr) {
      FAIL("no real frr: " << why);
    } else {
      WARN("SKIP: no real frr: " << why);
    }
  }
}

}  // namespace anycast::test
