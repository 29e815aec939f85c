#include <rapidcheck.h>

#include <algorithm>

#include "controller/core/service.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/inside_world.hpp"

using namespace anycast;
using anycast::test::server;
using core::Presence;

namespace {

const Time kStart = *parse_utc("2026-06-01T12:00:00.000Z");

Service any_service() {
  Service out{.check = {.rise = *rc::gen::inRange(1, 5), .fall = *rc::gen::inRange(1, 5)}};
  out.low = *rc::gen::inRange(0, 101) * 10'000;
  out.high = std::max<Ppm>(out.low, *rc::gen::inRange(0, 101) * 10'000);
  const int servers = *rc::gen::inRange(1, 8);
  for (int i = 0; i < servers; ++i)
    out.servers.push_back({.endpoint = server(i), .weight = *rc::gen::inRange(0, 4)});
  return out;
}

/// The verdict by counting from the end of all tries, without the core's own help.
bool ends_with(const std::vector<Answer::Kind>& tries, Answer::Kind kind, int times) {
  int run = 0;
  for (auto it = tries.rbegin(); it != tries.rend() && *it == kind; ++it) ++run;
  return run >= times;
}

/// A verdict turns exactly when the last tries say so, whatever came late in between.
void check_verdict(const Check& check, const RealState& before, const RealState& now,
                   const std::vector<Answer::Kind>& tries) {
  const bool up = ends_with(tries, Answer::Kind::good, check.rise);
  const bool down = ends_with(tries, Answer::Kind::failed, check.fall);
  const auto expected = up ? Alive::up : down ? Alive::down : before.alive;
  RC_ASSERT(now.alive == expected);
  RC_ASSERT((pace(check, now) == check.interval) ==
            (now.alive != Alive::unknown &&
             tries.back() == (now.alive == Alive::up ? Answer::Kind::good : Answer::Kind::failed)));
}

/// So bad is a level.
int rank(Level level) { return level == Level::up ? 0 : level == Level::down ? 2 : 1; }

/// What holds for every service, whatever it has gone through.
void check_level(const Service& service, const std::map<ServerKey, RealState>& reals,
                 const ServiceState& before, Presence presence, Time now) {
  const auto report = core::weigh("web", service, reals, before, presence, now);
  const auto level = report.state.level;
  const auto& [total, up, unknown] = report.capacity;
  if (level == Level::down && before.level != Level::down && presence == Presence::announced)
    RC_ASSERT(up == 0 && unknown == 0 && total > 0);
  if (level == Level::low && before.level != Level::low)
    RC_ASSERT(up + unknown < total && (up + unknown) * kAll < service.low * total);
  if (level == Level::up && before.level == Level::down)
    RC_ASSERT(up > 0 && up * kAll >= service.high * total);
  if (level != before.level) RC_ASSERT(report.state.since == now);
  // Thinking twice about the same changes nothing.
  RC_ASSERT(core::weigh("web", service, reals, report.state, presence, now).state == report.state);
  // One more real server that is up in place of one that is down makes nothing worse.
  for (const auto& [endpoint, state] : reals) {
    if (state.alive != Alive::down) continue;
    auto better = reals;
    better.at(endpoint).alive = Alive::up;
    const auto then = core::weigh("web", service, better, before, presence, now).state.level;
    if (level != Level::unknown) RC_ASSERT(rank(then) <= rank(level));
  }
}

}  // namespace

TEST_CASE("whatever real servers answer, levels and verdicts keep to their rules") {
  const bool held = rc::check([] {
    const auto service = any_service();
    const auto presence = *rc::gen::element(Presence::announced, Presence::withdrawn);
    std::map<ServerKey, RealState> reals;
    std::map<ServerKey, std::vector<Answer::Kind>> tries;
    ServiceState state;
    Time now = kStart;
    const int steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i) {
      now += seconds{1};
      const auto index = *rc::gen::inRange<std::size_t>(0, service.servers.size());
      const auto& endpoint = service.servers[index].endpoint;
      const auto kind = static_cast<Answer::Kind>(*rc::gen::inRange(0, 3));
      auto& known = reals[endpoint];
      const auto before = known;
      known = after(service.check, known, {.kind = kind}, now);
      if (kind == Answer::Kind::late) {
        RC_ASSERT(known == before);
      } else {
        tries[endpoint].push_back(kind);
        check_verdict(service.check, before, known, tries[endpoint]);
      }
      check_level(service, reals, state, presence, now);
      state = core::weigh("web", service, reals, state, presence, now).state;
    }
  });
  CHECK(held);
}
