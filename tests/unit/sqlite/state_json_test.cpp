#include "adapters/sqlite/state_json.hpp"

#include <random>

#include "tests/support/catch.hpp"

using namespace anycast;

namespace {

Time at(std::int64_t us) { return Time{Duration{us}}; }

State full_state() {
  State state;
  state.paths[{"hk-1", "cmi", "mobile"}] = {.verdict = Verdict::bad,
                                            .since = at(1'780'000'000'123'457),
                                            .bad_since = at(1),
                                            .clear_since = at(-7)};
  state.paths[{"hk-1", "ntt", "mobile"}] = {};
  const SessionState session = {.stance = {.kind = Stance::Kind::prepend, .prepend = 2},
                                .rung = 1,
                                .since = at(5),
                                .cause = Cause::operated,
                                .why = "mobile bad: 231ms > 200ms",
                                .decision = 18'446'744'073'709'551'615U,
                                .pin = Pin{.stance = {.kind = Stance::Kind::withdraw},
                                           .until = at(9),
                                           .reason = "\"CMI\" ticket\n区域",
                                           .actor = "lin (uid 1004)",
                                           .force = true},
                                .hold_until = at(11),
                                .withdrawals = {at(21), at(22)},
                                .reversals = {at(23)}};
  state.sessions["cmi"] = session;
  state.sessions["ntt"] = {};
  state.drain = Standing{
      .since = at(3), .until = at(4), .reason = "r", .actor = "a", .now = true, .force = true};
  state.freeze = Standing{.since = at(6)};
  state.condition = Condition::safe;
  state.condition_since = at(12);
  state.condition_why = "bird refused";
  state.changes = {at(1), at(2)};
  state.safe_until = at(13);
  state.pending = Pending{.from_revision = 4'294'967'295U,
                          .to_revision = 1,
                          .sessions = {{"cmi", session}},
                          .egress = {{"mobile", {.upstream = "ntt", .since = at(43)}}},
                          .confirm_by = at(14),
                          .order = 77,
                          .charges = {{"cmi", 500}, {"203.0.113.0/24", 1000}}};
  state.previous = {{"cmi", "prepend=2"}};
  state.adopted = true;
  state.next_decision = 1843;
  state.router_started = "2026-06-01 12:00:00";
  state.refused = {{"cmi", "floor, pace"}};
  state.penalties = {{"203.0.113.0/24", {.milli = 1'500'000, .at = at(31)}}};
  state.router_away = at(32);
  state.learned.open["cmi"] = {
      .decision = 7,
      .from = {},
      .to = {.kind = Stance::Kind::prepend, .prepend = 2},
      .rung = 1,
      .at = at(33),
      .aims = {{"mobile",
                {.meant = true,
                 .expected = Duration{-120'000},
                 .before = {36, 2, Duration{5}, Duration{4}, Duration{6}, Duration{1}}}}},
      .controls = {{"telecom", Duration{8}}},
      .looked = true};
  state.learned.findings["ntt"] = {.effect = Effect::harmful,
                                   .at = at(34),
                                   .decision = 8,
                                   .back = {.kind = Stance::Kind::drain},
                                   .rung = 2,
                                   .text = "mobile predicted -120ms"};
  state.learned.lessons["cmi prepend=2 mobile"] = {
      .effect = Effect::none, .at = at(35), .until = at(36), .times = 3, .text = "t"};
  state.learned.far_off = {at(37)};
  state.choices = {{"mobile",
                    {.primary = SessionKey{"hk-a", "cmi"},
                     .secondary = SessionKey{"hk-b", "ntt"},
                     .since = Time{seconds{9}},
                     .moves = {Time{seconds{8}}, Time{seconds{9}}},
                     .left = {{"hk-b ntt", Time{seconds{9}}}},
                     .shed = {{"hk-c cmi", Time{seconds{10}}}},
                     .worse = {{"hk-b ntt", Time{seconds{7}}}},
                     .gone_since = Time{seconds{6}},
                     .contradicted_since = Time{seconds{5}}}}};
  state.blackholes["203.0.113.7/32 cmi"] = {.host = *Prefix::parse("203.0.113.7/32"),
                                            .upstream = "cmi",
                                            .since = at(39),
                                            .until = at(40),
                                            .reason = "r",
                                            .actor = "a"};
  state.origins["203.0.113.0/24"] = {
      .state = OriginState::not_found, .since = at(38), .proven = true};
  state.up = {{"cmi", "12:00:01.123"}};
  state.services = {
      {"web",
       {.level = Level::low,
        .since = at(40),
        .down = {{*Address::parse("192.0.2.11"), 80}, {*Address::parse("2001:db8::11"), 8443}}}}};
  state.inside.vips = {{*Prefix::parse("203.0.113.1/32"), "lo"},
                       {*Prefix::parse("2001:db8::1/128"), "vip0"}};
  state.inside.services[{Protocol::udp, *Address::parse("203.0.113.1"), 53}] = {
      {{*Address::parse("192.0.2.11"), 53}, at(41)}, {{*Address::parse("192.0.2.12"), 53}, {}}};
  state.inside.services[ServiceKey::of_mark(Address::Family::v6, 7)];
  state.inside.tables = {100, 70'000};
  state.master_since = at(42);
  state.egress["mobile"] = {.upstream = "ntt",
                            .since = at(44),
                            .from = "cmi",
                            .why = "mobile bad over cmi",
                            .tried = {{"cmi", at(45)}},
                            .turns = {at(46), at(47)}};
  return state;
}

/// Any value of the model; every optional is there about half of the time.
class Random {
 public:
  explicit Random(unsigned seed) : engine_{seed} {}
  State state() {
    State state;
    for (int i = small(); i > 0; --i)
      state.paths[{text(), text(), text()}] = {pick(Verdict::unknown, Verdict::bad), time(),
                                               maybe(), maybe()};
    state.sessions = sessions();
    if (coin()) state.drain = standing();
    if (coin()) state.freeze = standing();
    state.condition = pick(Condition::run, Condition::safe);
    state.condition_since = time();
    state.condition_why = text();
    for (int i = small(); i > 0; --i) state.changes.push_back(time());
    state.safe_until = maybe();
    if (coin()) {
      state.pending = Pending{.from_revision = static_cast<std::uint32_t>(engine_()),
                              .to_revision = static_cast<std::uint32_t>(engine_()),
                              .sessions = sessions(),
                              .egress = egress(),
                              .confirm_by = maybe(),
                              .order = engine_(),
                              .charges = {{text(), small() * 500}}};
    }
    for (int i = small(); i > 0; --i)
      state.penalties[text()] = {.milli = time().time_since_epoch().count(), .at = time()};
    for (int i = small(); i > 0; --i) {
      auto& choice = state.choices[text()];
      if (coin()) choice.primary = SessionKey{text(), text()};
      if (coin()) choice.secondary = SessionKey{text(), text()};
      choice.since = time();
      for (int n = small(); n > 0; --n) choice.moves.push_back(time());
      for (int n = small(); n > 0; --n) choice.left[text()] = time();
      for (int n = small(); n > 0; --n) choice.shed[text()] = time();
      for (int n = small(); n > 0; --n) choice.worse[text()] = time();
      choice.gone_since = maybe();
      choice.contradicted_since = maybe();
    }
    for (int i = small(); i > 0; --i)
      state.origins[text()] = {pick(OriginState::unknown, OriginState::invalid), time(), coin()};
    for (int i = small(); i > 0; --i) state.up[text()] = text();
    for (int i = small(); i > 0; --i) {
      auto& service = state.services[text()];
      service = {.level = pick(Level::unknown, Level::down), .since = time()};
      for (int n = small(); n > 0; --n)
        service.down.push_back({{.bytes = {192, 0, 2, static_cast<std::uint8_t>(small())}}, 80});
    }
    for (int i = small(); i > 0; --i) {
      const Address address{.bytes = {203, 0, 113, static_cast<std::uint8_t>(small())}};
      state.inside.vips.insert({{address, 32}, text()});
      auto& servers = state.inside.services[{pick(Protocol::tcp, Protocol::sctp), address, 443}];
      for (int n = small(); n > 0; --n)
        servers[{address, static_cast<std::uint16_t>(1 + small())}] = maybe();
    }
    for (int i = small(); i > 0; --i) state.previous[text()] = text();
    state.egress = egress();
    state.master_since = maybe();
    state.adopted = coin();
    state.next_decision = engine_();
    state.router_started = text();
    for (int i = small(); i > 0; --i) state.refused[text()] = text();
    return state;
  }

 private:
  Egresses egress() {
    Egresses out;
    for (int i = small(); i > 0; --i) {
      auto& one = out[text()];
      one = {.upstream = text(), .since = time(), .from = text(), .why = text()};
      for (int n = small(); n > 0; --n) one.tried[text()] = time();
      for (int n = small(); n > 0; --n) one.turns.push_back(time());
    }
    return out;
  }
  bool coin() { return engine_() % 2 == 0; }
  int small() { return static_cast<int>(engine_() % 4); }
  Time time() { return Time{Duration{static_cast<std::int64_t>(engine_())}}; }
  std::optional<Time> maybe() { return coin() ? std::optional{time()} : std::nullopt; }
  std::string text() {
    static const std::vector<std::string> words = {"", "cmi", "\"", "\\", "区域", "\n\t", "é", "/"};
    return words[engine_() % words.size()] + words[engine_() % words.size()];
  }
  template <class E>
  E pick(E first, E last) {
    const auto span = static_cast<unsigned>(last) - static_cast<unsigned>(first) + 1;
    return static_cast<E>(static_cast<unsigned>(first) + engine_() % span);
  }
  Stance stance() {
    const auto kind = pick(Stance::Kind::announce, Stance::Kind::withdraw);
    Stance out{.kind = kind, .prepend = kind == Stance::Kind::prepend ? 1 + small() * 3 : 0};
    if (out.announces() && small() == 0) out.asks["mobile"] = {.verb = Verb::no_export_to};
    if (out.announces() && small() == 0)
      out.asks["unicom"] = {.verb = Verb::prepend_to, .count = 1 + small() * 3};
    return out;
  }
  std::map<std::string, SessionState> sessions() {
    std::map<std::string, SessionState> all;
    for (int i = small(); i > 0; --i) {
      auto& session = all[text()];
      session = {.stance = stance(),
                 .rung = small() - 1,
                 .since = time(),
                 .cause = pick(Cause::startup, Cause::service),
                 .why = text(),
                 .decision = engine_(),
                 .hold_until = maybe()};
      for (int n = small(); n > 0; --n) session.withdrawals.push_back(time());
      for (int n = small(); n > 0; --n) session.reversals.push_back(time());
      if (coin()) session.pin = Pin{stance(), maybe(), text(), text(), coin()};
    }
    return all;
  }
  Standing standing() {
    return {.since = time(), .until = maybe(), .reason = text(), .actor = text(), .now = coin()};
  }
  std::mt19937_64 engine_;
};

std::string error_text(std::string_view json) {
  const auto state = parse_state(json);
  REQUIRE_FALSE(state.has_value());
  return state.error().text;
}

}  // namespace

TEST_CASE("a state with every field set comes back equal") {
  const auto read = parse_state(print_state(full_state()));
  REQUIRE(read.has_value());
  CHECK(*read == full_state());
}

TEST_CASE("a state with no field set comes back equal") {
  const auto read = parse_state(print_state(State{}));
  REQUIRE(read.has_value());
  CHECK(*read == State{});
}

TEST_CASE("any state comes back equal, and equal states print equally") {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const auto state = Random{seed}.state();
    const auto text = print_state(state);
    const auto read = parse_state(text);
    INFO("seed " << seed << ": " << text);
    REQUIRE(read.has_value());
    REQUIRE(*read == state);
    REQUIRE(print_state(*read) == text);
  }
}

TEST_CASE("a field that an older daemon did not write takes its default") {
  const auto read = parse_state(R"({"format": 1, "next_decision": 7})");
  REQUIRE(read.has_value());
  State expected;
  expected.next_decision = 7;
  CHECK(*read == expected);
}

TEST_CASE("a state of a newer daemon is refused") {
  CHECK(error_text(R"({"format": 2})") ==
        "state has format 2, this anycastd reads 1 to 1; a newer anycastd wrote it");
}

TEST_CASE("what does not fit is refused by name") {
  CHECK(error_text(R"({"format": 1, "condition": "sleepy"})") ==
        "state.condition is \"sleepy\", expected one of run, blind, frozen, safe");
  CHECK(error_text(R"({"format": 1, "sessions": {"cmi": {"stance": "prepend=0"}}})") ==
        "state.sessions.cmi.stance is \"prepend=0\", expected announce, prepend=1 to 10, drain or "
        "withdraw, with what carriers are asked");
  CHECK(error_text(R"({"format": 1, "pending": {"to_revision": 4294967296}})") ==
        "state.pending.to_revision is 4294967296, expected a smaller number");
  CHECK(error_text(R"({"format": 1, "next_decision": -1})") ==
        "state.next_decision is -1, expected a whole number");
  CHECK(error_text(R"({"format": 1, "changes_us": [1.5]})") ==
        "state.changes_us is 1.5, expected microseconds since the epoch");
  CHECK(error_text("[]") == "state is [], expected an object");
  CHECK(error_text("{").starts_with("state is not JSON: "));
}

TEST_CASE("bytes that are not UTF-8 do not stop a save") {
  State state;
  state.router_started = "caf\xE9";
  const auto read = parse_state(print_state(state));
  REQUIRE(read.has_value());
  CHECK(read->router_started == "caf\xEF\xBF\xBD");
}
