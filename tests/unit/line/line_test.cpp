#include "controller/app/line.hpp"

#include <algorithm>

#include "controller/render/fragment.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/inside_world.hpp"
#include "tests/unit/line/rig.hpp"

using namespace anycast;
using anycast::test::kStart;
using anycast::test::kVip;
using anycast::test::Rig;

namespace {

bool announced_plainly(const Published& published) {
  return published.state.sessions.at("cmi").stance == Stance{};
}

}  // namespace

TEST_CASE(
    "a change is applied, seen at the daemon, confirmed, written down and published in one cycle") {
  Rig rig;
  rig.cycle();
  rig.prepend(1);
  const auto published = rig.cycle();
  CHECK(rig.speaker.changes == 1);
  CHECK(!rig.speaker.in_force()->unconfirmed);
  CHECK(published->state.sessions.at("cmi").stance.prepend == 1);
  CHECK(published->router.value->sessions.at("cmi").exports.front().as_path ==
        std::vector<Asn>{64500});
  CHECK(rig.store.load()->value() == published->state);
  CHECK(published->last_apply->result == "ok");
  CHECK(rig.journal.back().kind == "step-prepend");
}

TEST_CASE("a quiet cycle writes nothing") {
  Rig rig;
  for (int i = 0; i < 5; ++i) rig.cycle();
  const auto lines = rig.journal.size();
  for (int i = 0; i < 20; ++i) rig.cycle();
  CHECK(rig.journal.size() == lines);
  CHECK(rig.speaker.changes == 0);
}

TEST_CASE("what the daemon refuses has not happened") {
  Rig rig;
  rig.cycle();
  rig.speaker.refuses =
      Error{.remedy = Remedy::fix_text, .text = "syntax error", .place = {"bird.conf", 7, 3}};
  rig.prepend(1);
  const auto published = rig.cycle();
  CHECK(announced_plainly(*published));
  CHECK(published->state.condition == Condition::safe);
  CHECK(published->state.condition_why == "bird.conf:7:3: syntax error");
  CHECK(published->last_apply->result == "rolled_back");
}

TEST_CASE("an intention that cannot be written down is not acted on") {
  Rig rig;
  rig.cycle();
  rig.store.break_with(Error{.remedy = Remedy::look_at_host, .text = "disk full"});
  rig.prepend(1);
  const auto published = rig.cycle();
  CHECK(rig.speaker.changes == 0);
  CHECK(announced_plainly(*published));
  CHECK(published->state.condition_why == "disk full");
}

TEST_CASE("what cannot be saved is told once, shown while it lasts, and tried again each cycle") {
  Rig rig;
  rig.store.break_with(Error{.remedy = Remedy::look_at_host, .text = "disk full"});
  rig.cycle();
  const auto published = rig.cycle();
  REQUIRE(published->store_error);
  CHECK(published->store_error->text == "disk full");
  CHECK(std::ranges::count(rig.journal, "store", &Event::kind) == 1);
  rig.store.break_with(std::nullopt);
  CHECK_FALSE(rig.cycle()->store_error);
  CHECK(rig.store.load()->value() == rig.line.state());
}

TEST_CASE("a local wake thinks with the evidence of the last cycle, and a dead node leaves by it") {
  const ServerKey real{*Address::parse("192.0.2.201"), 80};
  const Service web{.check = {.rise = 1, .fall = 1}, .servers = {{.endpoint = real}}};
  Rig rig{[&](Config& config) {
    config.nodes.at("hk-idc-1").services["web"] = web;
    config.guards.min_paths_per_carrier = 1;
  }};
  rig.health = std::make_unique<test::FakeHealth>(std::map<std::string, Service>{{"web", web}});
  rig.health->now = kStart;
  rig.health->answers(real, {.kind = Answer::Kind::good});
  const auto before = rig.cycle();
  CHECK(before->plan.services.front().state.level == Level::up);
  const int asked = rig.asked;

  rig.health->answers(real, {.kind = Answer::Kind::failed, .why = "refused the connection"});
  const auto after = rig.woken(milliseconds{1'300});
  CHECK(rig.asked == asked);
  CHECK(after->now == before->now + milliseconds{1'300});
  CHECK(after->evidence.at == before->evidence.at);
  CHECK(after->state.services.at("web").since == after->now);
  for (const auto& [upstream, session] : after->state.sessions)
    CHECK(session.stance == Stance{.kind = Stance::Kind::withdraw});
  CHECK(after->last_apply->result == "ok");
  CHECK(rig.line.next(after->now) <= aligned(after->now, seconds{15}) + seconds{15});

  rig.pressing = true;
  CHECK(rig.cycle()->evidence.at == before->evidence.at);
  rig.pressing = false;
  CHECK(rig.cycle()->evidence.at > before->evidence.at);
  CHECK(rig.asked == asked + 2);
  rig.health->breaks({.remedy = Remedy::look_at_host, .text = "no descriptors"});
  const auto broken = rig.cycle();
  CHECK(broken->plan.notices.front().text == "real servers are not asked: no descriptors");
  CHECK(broken->state.services.at("web").level == Level::down);
}

namespace {

/// What was written down when the kernel heard of a change.
struct ReadingKernel : test::FakeKernel {
  explicit ReadingKernel(Store& store) : store_{store} {}
  std::vector<Result<void>> carry_out(const std::vector<InsideChange>& changes) override {
    const auto stored = store_.load();
    REQUIRE(stored->has_value());
    written.push_back((*stored)->inside);
    return FakeKernel::carry_out(changes);
  }
  std::vector<InsideOurs> written;

 private:
  Store& store_;
};

void keeps_vip(Config& config) {
  config.prefixes.front().vips = {kVip.prefix.address};
  config.nodes.at(config.self).local.link = "vip0";
}

std::vector<std::string> told(const Rig& rig) {
  std::vector<std::string> out;
  for (const auto& event : rig.journal) {
    if (event.kind == "inside") out.push_back(event.text);
  }
  return out;
}

}  // namespace

TEST_CASE("what is ours is written down before the kernel hears of it, or it does not hear of it") {
  Rig rig{keeps_vip};
  rig.kernel = std::make_unique<ReadingKernel>(rig.store);
  rig.store.break_with(Error{.text = "disk full"});
  CHECK(rig.cycle()->inside_faults == std::vector<std::string>{"disk full"});
  CHECK(rig.kernel->view.inside.vips.empty());
  rig.store.break_with({});
  const auto published = rig.cycle();
  CHECK(published->inside_faults.empty());
  CHECK(published->inside.value->inside.vips == std::set{kVip});
  CHECK(dynamic_cast<ReadingKernel&>(*rig.kernel).written ==
        std::vector<InsideOurs>{{.vips = {kVip}}});
  CHECK(told(rig) == std::vector<std::string>{"changed the kernel of hk-idc-1: ip address add "
                                              "203.0.113.1/32 dev vip0; next: looked at again in "
                                              "each cycle"});
}

TEST_CASE("an address that somebody takes away is back with the wake that tells of it") {
  Rig rig{keeps_vip};
  rig.kernel = std::make_unique<test::FakeKernel>();
  rig.cycle();
  rig.kernel->view.inside.vips.clear();
  const auto asked = rig.asked;
  CHECK(rig.woken(milliseconds{300})->inside.value->inside.vips == std::set{kVip});
  CHECK(rig.asked == asked);
}

TEST_CASE("what a kernel refuses is told once, and to the person who applied it") {
  Rig rig{[](Config& config) {
    keeps_vip(config);
    config.mode = Mode::advise;
  }};
  rig.kernel = std::make_unique<test::FakeKernel>();
  rig.kernel->links.erase("vip0");
  const auto apply = [&] {
    rig.orders.push_back({.kind = Order::Kind::apply, .id = 7, .reason = "go", .actor = "lin"});
    const auto published = rig.cycle();
    REQUIRE(rig.replies.size() == 1);
    return published;
  };
  rig.cycle();
  CHECK(told(rig).empty());
  CHECK(apply()->inside_faults == std::vector<std::string>{"there is no such link"});
  CHECK(rig.replies[0].outcome == OrderReply::Outcome::failed);
  CHECK(rig.replies[0].text == "could not change the kernel: there is no such link");
  apply();
  CHECK(told(rig).size() == 1);
  rig.kernel->links.insert("vip0");
  apply();
  CHECK(rig.replies[0].outcome == OrderReply::Outcome::done);
  CHECK(rig.replies[0].text == "changed the kernel: ip address add 203.0.113.1/32 dev vip0");
  apply();
  CHECK(rig.replies[0].text == "nothing to apply");
}

TEST_CASE("a clock that is set back does not run the damping clocks backwards") {
  CHECK(aligned(kStart + seconds{29}, seconds{15}) == kStart + seconds{15});
  CHECK(aligned(kStart, seconds{15}) == kStart);
}

namespace {

/// The line started anew where the old one was killed between activation and confirm of a change
/// that was to bring cmi to `meant`; the daemon runs one prepend on it.
void restart_on_probation(Rig& rig, Stance meant) {
  rig.cycle();
  auto state = rig.line.state();
  state.pending = Pending{.sessions = state.sessions};
  state.pending->sessions.at("cmi").stance = meant;
  std::map<std::string, Stance> stances;
  for (const auto& [upstream, session] : state.sessions) stances[upstream] = {};
  stances["cmi"] = {.kind = Stance::Kind::prepend, .prepend = 1};
  const auto runs = *render::fragment(rig.setup_->fragment, rig.setup_->config, stances);
  state.pending->to_revision = runs.revision;
  REQUIRE(rig.speaker.apply(runs, minutes{1}));
  rig.line = Line{rig.setup_, state, kStart};
}

}  // namespace

TEST_CASE("a change that a kill left on probation is confirmed, and handed over only once") {
  Rig rig;
  restart_on_probation(rig, {.kind = Stance::Kind::prepend, .prepend = 1});
  const auto published = rig.cycle();
  CHECK(!rig.speaker.in_force()->unconfirmed);
  CHECK(rig.speaker.changes == 1);
  CHECK(published->state.sessions.at("cmi").stance.prepend == 1);
  CHECK(!published->state.pending);
  CHECK(!published->router.value->unconfirmed);
  CHECK(published->state.changes.size() == 1);
  rig.cycle();
  CHECK(rig.speaker.changes == 1);
}

TEST_CASE("what a kill left on probation and says something else than was meant is taken back") {
  Rig rig;
  restart_on_probation(rig, {.kind = Stance::Kind::drain});
  const auto published = rig.cycle();
  CHECK(!rig.speaker.in_force()->unconfirmed);
  CHECK(rig.speaker.in_force()->sessions.at("cmi").exports.front().as_path.empty());
  CHECK(announced_plainly(*published));
  CHECK(!published->state.pending);
}

TEST_CASE("a cycle comes sooner while a verdict clock runs, on multiples of the fast interval") {
  Rig rig;
  for (int i = 0; i < 3; ++i) rig.cycle();
  const auto interval = rig.setup_->config.prometheus.interval;
  const auto calm = aligned(kStart + hours{1}, interval);
  CHECK(rig.line.next(calm) == calm + interval);
  CHECK(rig.line.next(calm + seconds{7}) == calm + interval);
  rig.world.add({.where = {"hk-idc-1", "cmi", "mobile"},
                 .from = kStart,
                 .to = kStart + hours{1},
                 .rtt = milliseconds{300}});
  std::shared_ptr<const Published> published;
  const auto runs = [](const auto& entry) {
    return entry.second.bad_since && entry.second.verdict != Verdict::bad;
  };
  do {
    published = rig.cycle();
  } while (std::ranges::none_of(published->state.paths, runs));
  CHECK(rig.line.next(calm) == calm + seconds{5});
  CHECK(rig.line.next(calm + seconds{7}) == calm + seconds{10});
  CHECK(rig.line.next(calm + seconds{12}) == calm + interval);
}
