#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "controller/app/report.hpp"
#include "controller/app/text.hpp"
#include "controller/base/text.hpp"
#include "controller/core/damping.hpp"
#include "controller/core/guard.hpp"
#include "controller/core/rank.hpp"
#include "controller/core/words.hpp"
#include "controller/render/builtin.hpp"
#include "controller/render/fragment.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/part.hpp"
#include "tests/support/stances.hpp"
#include "tests/support/texts.hpp"
#include "tests/unit/app/published_builder.hpp"

using namespace anycast;
using anycast::test::kAskMobile;
using anycast::test::kPrepend2;
using anycast::test::kWithdraw;
using anycast::test::part;

namespace {

/// The evening of the published scenes as the guards see it: cmi is prepended and is to be
/// withdrawn.
struct Situation {
  Published published = testing::evening();
  Config config = testing::fleet_config();
  Seen seen = {.now = testing::noon()};
  State state = published.state;
  core::Announcers announcing;
  std::string blind;
  int automatic_steps = 0;
  std::vector<CarrierPlan> carriers = {};  ///< of policy prefer
  core::Fitness fitness = {};
  Step step = published.plan.steps.front();

  Situation() {
    for (const auto& [node, entry] : config.nodes) {
      for (const auto& [upstream, session] : entry.sessions) announcing.emplace(node, upstream);
    }
    seen.router = published.router;
    step.guards.clear();
  }
};

struct Case {
  std::string guard;
  bool passes;
  std::function<void(Situation&)> make = [](Situation&) {};
  std::string policy = {};  ///< of the heading
};

const Address kVip = *Address::parse("203.0.113.1");
const SessionKey kHere{"hk-idc-1", "cmi"};
const SessionKey kThere{"hk-ali-1", "cmi"};

Stance& of(Situation& s, const SessionKey& place) {
  return s.seen.fleet.value->at(place.node).stances[place.upstream];
}

/// The same evening by policy prefer: mobile's users are to leave this node's cmi for that of
/// hk-ali-1.
void preferring(Situation& s) {
  s.config.policy.kind = Policy::Kind::prefer;
  s.config.upstreams.at("cmi").communities = {{.value = "64496:70",
                                               .does = Community::Does::local_pref,
                                               .carrier = "mobile",
                                               .tested = true}};
  s.seen.fleet = s.published.fleet;
  s.seen.evidence = Sourced<Readings>::ok({.at = s.seen.now}, s.seen.now);
  s.state.sessions["cmi"] = {.since = s.seen.now - hours{3}, .cause = Cause::restore};
  s.state.choices["mobile"] = {.primary = kThere,
                               .since = s.seen.now - minutes{4},
                               .left = {{to_string(kHere), s.seen.now - minutes{4}}},
                               .worse = {{to_string(kHere), s.seen.now - minutes{6}}}};
  s.step = {.upstream = "cmi",
            .from = {},
            .to = kAskMobile,
            .rung = 1,
            .cause = Cause::carrier,
            .why =
                "mobile is to use hk-ali-1 cmi, 48ms (up to 51ms) against 371ms (at least 330ms) "
                "here",
            .carriers = {"mobile"}};
}

/// What the rules of policy prefer make of the choices: each path's place and role.
void rank(Situation& s) {
  core::Context context{.config = s.config,
                        .seen = s.seen,
                        .paths = s.published.plan.paths,
                        .state = s.state,
                        .announcing = s.announcing};
  s.carriers = core::rank(context);
  for (auto& plan : s.carriers) {
    const auto choice = s.state.choices.find(plan.carrier);
    if (choice == s.state.choices.end()) continue;
    for (auto& one : plan.ranked) {
      const auto place = core::session_of(context, one);
      if (choice->second.primary == place) one.role = Role::primary;
      const auto worse = choice->second.worse.find(to_string(place));
      if (worse != choice->second.worse.end()) one.worse_since = worse->second;
    }
  }
}

/// hk-aws-1 has the same to do, and comes first.
void two_want(Situation& s) {
  const SessionKey other{"hk-aws-1", "cmi"};
  auto& paths = s.published.plan.paths;
  const auto path_of = [&](const SessionKey& place) {
    return std::ranges::find(paths, PathKey{place.node, place.upstream, "mobile"},
                             &PathReport::key);
  };
  auto bad = *path_of(kHere);
  bad.key = path_of(other)->key;
  *path_of(other) = bad;
  s.state.choices["mobile"].worse[to_string(other)] = s.seen.now - minutes{6};
}

Fragment plain_fragment(const Config& config) {
  std::map<std::string, Stance> plain;
  for (const auto& [upstream, session] : config.me().sessions) plain[upstream] = {};
  const auto form = render::compile_fragment("fragment.tmpl", render::builtin_bird_fragment());
  return *render::fragment(*form, config, plain);
}

Case prefer(std::string guard, bool passes, std::function<void(Situation&)> more = {}) {
  return {.guard = std::move(guard),
          .passes = passes,
          .make =
              [more = std::move(more)](Situation& s) {
                preferring(s);
                if (more) more(s);
                rank(s);
              },
          .policy = "policy prefer "};
}

Lesson harm(Time now) {
  return {.effect = Effect::harmful,
          .at = now - minutes{5},
          .until = now + minutes{25},
          .times = 1,
          .text = "mobile predicted -120ms, measured +80ms (telecom, unicom meanwhile +1ms)"};
}

/// The step back from a withdrawal that was made so long ago.
void returning(Situation& s, Duration ago) {
  s.state.sessions["cmi"].stance = kWithdraw;
  s.state.sessions["cmi"].rung = 2;
  s.state.sessions["cmi"].since = s.seen.now - ago;
  s.state.sessions["cmi"].withdrawals = {s.seen.now - ago - hours{3}, s.seen.now - ago};
  s.step = {.upstream = "cmi",
            .from = kWithdraw,
            .to = kPrepend2,
            .rung = 1,
            .cause = Cause::restore,
            .why = "mobile clear for 12m (44ms, 0.1%)",
            .carriers = {"mobile"}};
}

/// The same step where ROAs say this about the prefix.
void judged(Situation& s, const Origin& origin, Duration old) {
  returning(s, hours{2});
  s.config.rpki = {.router = true};
  s.seen.origins["bird"] = Sourced<OriginView>::ok(
      {.prefixes = {{s.config.prefixes.front().prefix, origin}}, .as_of = s.seen.now - old},
      s.seen.now);
}

/// The node's own death.
void dying(Situation& s) {
  s.step = {.upstream = "cmi",
            .from = kPrepend2,
            .to = kWithdraw,
            .rung = 1,
            .cause = Cause::service,
            .why = "web: 0 of 4 real servers up, comes up at 2"};
}

/// A session that has been withdrawn since the node came up, with its service at this level.
void starting(Situation& s, core::Fitness fitness) {
  s.state.sessions["cmi"] = {
      .stance = kWithdraw, .since = s.seen.now - minutes{1}, .cause = Cause::startup};
  s.step = {.upstream = "cmi",
            .from = kWithdraw,
            .to = {},
            .cause = Cause::startup,
            .why = "this node has just come up and nothing speaks against it"};
  s.fitness = std::move(fitness);
}

/// The node keeps the anycast address in a kernel that has nothing yet.
void keeping(Situation& s) {
  s.config.prefixes.front().vips = {kVip};
  s.config.nodes.at("hk-idc-1").local.link = "lo";
  s.seen.inside = Sourced<InsideView>::ok({}, s.seen.now);
}

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"mode", true},
      {"mode", false, [](Situation& s) { s.config.mode = Mode::advise; }},
      {"mode", false, [](Situation& s) { s.config.mode = Mode::observe; }},
      {"freeze", true},
      {"freeze", false,
       [](Situation& s) {
         s.state.freeze = Standing{.since = s.seen.now - minutes{3},
                                   .until = s.seen.now + hours{1},
                                   .reason = "live event",
                                   .actor = "lin"};
       }},
      {"freeze", true,
       [](Situation& s) {
         dying(s);
         s.state.freeze = Standing{.since = s.seen.now, .reason = "live event", .actor = "lin"};
       }},
      {"probation", false,
       [](Situation& s) { s.state.pending = Pending{.confirm_by = s.seen.now + seconds{40}}; }},
      {"router", false, [](Situation& s) { s.seen.router.value.reset(); }},
      {"session", false,
       [](Situation& s) { s.seen.router.value->sessions["cmi"] = {.state = "Active"}; }},
      {"evidence", true},
      {"evidence", false,
       [](Situation& s) { s.blind = "20 of 36 probe series are usable, needs 70 %"; }},
      {"settle", true},
      {"settle", false,
       [](Situation& s) { s.state.sessions["cmi"].since = s.seen.now - minutes{1}; }},
      {"destination", true},
      {"destination", false,
       [](Situation& s) {
         for (auto& path : s.published.plan.paths) path.measured_clear = false;
       }},
      {"anchor", true},
      {"anchor", false, [](Situation& s) { s.config.guards.anchors = {"hk-idc-1"}; }},
      {"last_announcer", true},
      {"last_announcer", false,
       [](Situation& s) {
         s.announcing = {{"hk-idc-1", "cmi"}};
       }},
      {"min_nodes", true},
      {"min_nodes", false,
       [](Situation& s) {
         s.config.guards.min_nodes = 2;
         s.announcing = {{"hk-idc-1", "cmi"}, {"hk-ali-1", "cmi"}};
       }},
      {"min_paths_per_carrier", true},
      {"min_paths_per_carrier", false,
       [](Situation& s) { s.config.guards.min_paths_per_carrier = 3; }},
      {"turn", true, [](Situation& s) { s.seen.now += seconds{45}; }},
      {"turn", false},
      {"turn", true,
       [](Situation& s) {
         dying(s);
         s.config.guards.anchors = {"hk-ali-1"};
         s.config.guards.min_nodes = 1;
         s.config.guards.min_paths_per_carrier = 1;
       }},
      {"one_step", false, [](Situation& s) { s.automatic_steps = 1; }},
      {"hold_after_change", true},
      {"hold_after_change", false,
       [](Situation& s) { s.state.changes = {s.seen.now - seconds{30}}; }},
      {"max_changes", true},
      {"max_changes", false,
       [](Situation& s) { s.state.changes.assign(6, s.seen.now - minutes{10}); }},
      {"safe", false,
       [](Situation& s) {
         s.state.safe_until = s.seen.now + minutes{2};
         s.state.condition_why = "bird.conf:7:3 syntax error";
       }},
      {"undone", false,
       [](Situation& s) { s.state.sessions["cmi"].hold_until = s.seen.now + minutes{20}; }},
      {"window", false,
       [](Situation& s) {
         s.config.guards.windows = {{.name = "evening-peak", .forbid = {Window::Forbids::degrade}}};
         s.seen.windows = {{"evening-peak", s.seen.now + hours{3}}};
       }},
      {"damping", true},
      {"damping", false,
       [](Situation& s) {
         s.state.penalties["203.0.113.0/24"] = {.milli = 620'000, .at = s.seen.now};
       }},
      {"damping", false,
       [](Situation& s) {
         s.state.penalties["203.0.113.0/24"] = {.milli = 600'000, .at = s.seen.now};
         for (auto& path : s.published.plan.paths) path.pooled.loss.low = 220'000;
       }},
      {"reannounce", true, [](Situation& s) { returning(s, hours{2}); }},
      {"reannounce", false, [](Situation& s) { returning(s, minutes{50}); }},
      {"reversal", true, [](Situation& s) { returning(s, hours{2}); }},
      {"reversal", false,
       [](Situation& s) {
         returning(s, minutes{40});
         s.state.sessions["cmi"].reversals = {s.seen.now - hours{2}};
       }},
      {"effect", true},
      {"effect", false,
       [](Situation& s) { s.state.learned.lessons["cmi withdraw mobile"] = harm(s.seen.now); }},
      {"effect", false,
       [](Situation& s) {
         auto lesson = harm(s.seen.now);
         lesson.effect = Effect::none;
         lesson.until = s.seen.now + hours{24 * 7};
         s.state.learned.lessons["cmi withdraw mobile"] = lesson;
       }},
      {"effect", false,
       [](Situation& s) {
         s.state.learned.open["cmi"] = {.decision = 1841, .at = s.seen.now - seconds{194}};
         s.state.learned.open["cmi"].looked = true;
       }},
      {"capacity", true, [](Situation& s) { s.config.nodes.at("hk-idc-1").capacity = 600'000; }},
      {"capacity", false,
       [](Situation& s) {
         s.config.nodes.at("hk-idc-1").capacity = 600'000;
         s.config.nodes.at("hk-ali-1").capacity = 700'000;
         s.announcing = {{"hk-idc-1", "cmi"}, {"hk-ali-1", "cmi"}};
       }},
      {"listed", false,
       [](Situation& s) {
         const auto fragment = plain_fragment(s.config);
         s.seen.router.value->fragment = fragment.text;
         s.seen.router.value->file_revision = fragment.revision;
         s.config.prefixes.clear();
       }},
      {"origin", true, [](Situation& s) { judged(s, {.state = OriginState::valid}, seconds{41}); }},
      {"origin", false,
       [](Situation& s) {
         judged(s,
                {.state = OriginState::invalid,
                 .roas = {*parse_roa("203.0.112.0/22-23 AS64500"),
                          *parse_roa("203.0.113.0/24-24 AS64511")}},
                seconds{41});
       }},
      {"origin", false,
       [](Situation& s) { judged(s, {.state = OriginState::not_found}, seconds{41}); }},
      {"origin", false, [](Situation& s) { judged(s, {.state = OriginState::valid}, hours{3}); }},
      {"origin", false,
       [](Situation& s) {
         judged(s, {.state = OriginState::valid}, seconds{41});
         s.seen.origins["the validator"] = Sourced<OriginView>::failed(
             {.remedy = Remedy::look_at_host, .text = "no file '/var/lib/rpki-client/json'"},
             s.seen.now);
         s.seen.origins.erase("bird");
       }},
      prefer("destination", true),
      prefer("destination", false, [](Situation& s) { s.state.choices.clear(); }),
      prefer("destination", false, [](Situation& s) { of(s, kThere) = kAskMobile; }),
      prefer("destination", false,
             [](Situation& s) {
               for (auto& path : s.published.plan.paths) path.pooled.rtt.high = seconds{1};
             }),
      prefer("turn", true,
             [](Situation& s) {
               two_want(s);
               s.seen.now += seconds{15};
             }),
      prefer("turn", false, two_want),
      prefer("reversal", true, [](Situation& s) { s.state.previous["cmi"] = encode(kAskMobile); }),
      prefer("reversal", false,
             [](Situation& s) {
               s.state.previous["cmi"] = encode(kAskMobile);
               s.state.sessions["cmi"].since = s.seen.now - minutes{10};
             }),
      prefer("capacity", true,
             [](Situation& s) { s.config.nodes.at("hk-ali-1").capacity = 400'000; }),
      prefer("capacity", false,
             [](Situation& s) { s.config.nodes.at("hk-ali-1").capacity = 300'000; }),
      prefer("effect", false,
             [](Situation& s) {
               s.state.learned.lessons["cmi " + encode(kAskMobile) + " mobile"] = harm(s.seen.now);
             }),
      prefer("effect", false,
             [](Situation& s) {
               // Toward the primary and away from it alike.
               s.step.cause = Cause::restore;
               s.state.learned.lessons["cmi " + encode(kAskMobile) + " mobile"] = harm(s.seen.now);
             }),
      {"service", true,
       [](Situation& s) {
         starting(s, {Level::up, "web: 4 of 4 real servers up"});
       }},
      {"service", false,
       [](Situation& s) {
         starting(s, {Level::down, "web: 1 of 4 real servers up, comes up at 2"});
       }},
      {"inside", true,
       [](Situation& s) {
         starting(s, {});
         keeping(s);
         s.seen.inside.value->inside.vips = {{{kVip, 32}, "lo"}};
       }},
      {"inside", false,
       [](Situation& s) {
         starting(s, {});
         keeping(s);
       }},
      {"egress", false,
       [](Situation& s) {
         s.state.egress["mobile"] = {
             .upstream = "pccw", .since = s.seen.now - minutes{2}, .from = "cmi"};
       }},
  };
  return kCases;
}

/// What an operator reads about this one word, in every place.
std::string texts(const Case& wanted, std::set<std::string>& spoken) {
  Situation s;
  wanted.make(s);
  core::Context context{.config = s.config,
                        .seen = s.seen,
                        .paths = s.published.plan.paths,
                        .state = s.state,
                        .announcing = s.announcing,
                        .blind = !s.blind.empty(),
                        .blind_why = s.blind,
                        .automatic_steps = s.automatic_steps,
                        .carriers = s.carriers.empty() ? nullptr : &s.carriers,
                        .fitness = s.fitness};
  const auto words = core::guard(context, s.step);
  for (const auto& word : words) spoken.insert(word.guard);
  const auto said = std::ranges::find(words, wanted.guard, &GuardResult::guard);
  if (said == words.end()) return "## " + wanted.policy + wanted.guard + " says nothing\n\n";
  s.step.guards = {*said};
  auto after = s.state.sessions.at("cmi");
  if (said->passed) {
    s.step.decision = after.decision = 1842;
    after.stance = s.step.to;
    after.rung = s.step.rung;
    after.since = s.seen.now;
    after.cause = s.step.cause;
  }

  auto& p = s.published;
  p.config = std::make_shared<const Config>(s.config);
  p.state = s.state;
  p.now = p.plan.now = s.seen.now;
  p.plan.steps = {s.step};
  for (auto& session : p.plan.sessions) {
    if (session.upstream == "cmi") session = core::session_report(s.config, p.plan, "cmi", after);
  }
  const text::Look look{.width = 100, .utc = true};
  const auto status = text::print(report::status(p), look);
  const auto explain = text::print(*report::explain(p, "hk-idc-1", "cmi"), look);
  const auto journal = said->passed ? core::step_done(s.config, p.plan, s.step, after)
                                    : core::step_refused(s.config, p.plan, s.step);
  CHECK(said->passed == wanted.passes);
  return fmt::format("## {}{} {}\n{}\n-- journal\n{}\n-- status\n{}-- explain\n{}\n", wanted.policy,
                     wanted.guard, said->passed ? "passes" : "refuses", said->text, journal,
                     part(status, "next", "why?"), part(explain, "5 guarded", "6 applied"));
}

}  // namespace

TEST_CASE("every guard's word is told as in the file, in journal, status and explain") {
  std::string all;
  std::set<std::string> spoken;
  std::set<std::string> refused;
  std::set<std::string> passed;
  for (const auto& wanted : cases()) {
    all += texts(wanted, spoken);
    (wanted.passes ? passed : refused).insert(wanted.guard);
  }
  test::same_as_golden("guards.txt", all);

  const auto known = core::guard_names();
  for (const auto& name : known) {
    INFO("no text case in which guard '" << name << "' refuses");
    CHECK(refused.contains(name));
  }
  for (const auto& name : spoken) {
    INFO("guard '" << name << "' is not among guard_names()");
    CHECK(std::ranges::find(known, name) != known.end());
  }
  for (const auto* silent : {"probation", "router", "session", "one_step", "safe", "undone",
                             "window", "listed", "egress"})
    passed.insert(silent);
  for (const auto& name : known) {
    INFO("no text case in which guard '" << name << "' passes");
    CHECK(passed.contains(name));
  }
}
