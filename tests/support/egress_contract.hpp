#pragma once

#include <functional>
#include <string>

#include "controller/core/damping.hpp"
#include "controller/render/fragment.hpp"
#include "tests/support/bird_config.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/kept.hpp"

// What every adapter of a routing daemon has to do with packets that leave over one upstream or the
// other; `Bench` is the adapter's.
namespace anycast::test {

/// Everything announced, with packets to telecom over that upstream.
template <class Bench>
Fragment over(const std::string& upstream) {
  const auto config = leaving(Bench::config());
  const auto text =
      render::compile_fragment("fragment.tmpl", template_text(config.router.kind)).value();
  return *render::fragment(text, config, all_say({}), {.egress = {{"telecom", upstream}}});
}

/// What is to stay as it is, whichever way packets leave: what upstreams hear, and our sessions.
template <class Bench>
class Undisturbed {
 public:
  Undisturbed(const Bench& bench, RouteSpeaker& speaker)
      : bench_{bench}, speaker_{speaker}, before_{*speaker.in_force()}, news_{news()} {}

  void check() const {
    CHECK(news() == news_);
    const auto after = speaker_.in_force();
    REQUIRE(after);
    for (const auto& [upstream, session] : after->sessions) {
      const auto& since = before_.sessions.at(upstream).since;
      INFO(upstream << " was up since " << since << ", is since " << session.since);
      CHECK(core::same_session(since, session.since));
      CHECK(session.exports == before_.sessions.at(upstream).exports);
    }
  }

 private:
  std::string news() const {
    return bench_.news("t_cmi") + " " + bench_.news("t_ntt") + " " + bench_.news("t_ntt6");
  }

  const Bench& bench_;
  RouteSpeaker& speaker_;
  RouterView before_;
  std::string news_;
};

/// The way that packets to the users take, and what the daemon calls the two that there are.
struct Way {
  std::function<std::string()> now;
  std::string over_cmi;
  std::string over_ntt;
};

/// From cmi, where packets leave at first, to ntt and back by every way in which a change can end.
template <class Bench>
Undisturbed<Bench> move_packets(const Bench& bench, RouteSpeaker& speaker, const Way& way) {
  const auto comes_to = [&](const std::string& wanted) {
    return eventually([&] {
      speaker.overdue();
      return way.now() == wanted;
    });
  };
  REQUIRE(comes_to(way.over_cmi));
  Undisturbed still{bench, speaker};
  REQUIRE(speaker.apply(over<Bench>("ntt"), seconds{30}));
  CHECK(comes_to(way.over_ntt));
  REQUIRE(speaker.confirm());
  CHECK(speaker.in_force()->revision == over<Bench>("ntt").revision);
  REQUIRE(speaker.apply(over<Bench>("cmi"), seconds{30}));
  CHECK(comes_to(way.over_cmi));
  REQUIRE(speaker.undo());
  CHECK(comes_to(way.over_ntt));
  REQUIRE(speaker.apply(over<Bench>("cmi"), seconds{4}));
  CHECK(comes_to(way.over_cmi));
  REQUIRE(comes_to(way.over_ntt));  // nobody confirmed it
  still.check();
  CHECK(bench.hears(over<Bench>("ntt")));
  return still;
}

}  // namespace anycast::test
