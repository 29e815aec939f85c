// What a survey concludes from the figures of before and now, and how it is printed.
#include "controller/app/survey.hpp"

#include <nlohmann/json.hpp>

#include "controller/app/text_parts.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using survey::Felt;
using survey::Moved;

namespace {

/// A hundred pings with this median, known to half a millisecond.
Users at(int ms, int lost = 0) {
  return {.sent = 100,
          .lost = lost,
          .rtt = milliseconds{ms},
          .rtt_low = milliseconds{ms} - std::chrono::microseconds{500},
          .rtt_high = milliseconds{ms} + std::chrono::microseconds{500}};
}

const Felt kBefore = {{"mobile", at(46)}, {"telecom", at(47)}, {"unicom", at(48)}};

Felt with(const std::string& carrier, const Users& users) {
  auto out = kBefore;
  out[carrier] = users;
  return out;
}

std::string verdict(const Felt& now) {
  return survey::step("mobile=prepend_to:1", kBefore, now).at("verdict");
}

}  // namespace

TEST_CASE(
    "users moved when the intervals of two medians do not meet, which are further apart than "
    "wide") {
  CHECK(survey::moved(kBefore, kBefore, "mobile") == Moved::no);
  CHECK(survey::moved(kBefore, with("mobile", at(50)), "mobile") == Moved::yes);
  CHECK(survey::moved(kBefore, with("mobile", at(41)), "mobile") == Moved::yes);
  auto wide = at(50);
  wide.rtt_low = milliseconds{45};
  CHECK(survey::moved(kBefore, with("mobile", wide), "mobile") == Moved::no);
  auto near = at(46);
  near.rtt += std::chrono::microseconds{1900};
  near.rtt_low = near.rtt;
  CHECK(survey::moved(kBefore, with("mobile", near), "mobile") == Moved::no);
  // Queues while it was measured before: 48.6 ms, known to 47.4 to 53.9, are no proof beside 46.1.
  auto queues = at(48);
  queues.rtt_high = milliseconds{54};
  CHECK(survey::moved(with("mobile", queues), with("mobile", at(45)), "mobile") == Moved::no);
  CHECK(survey::moved(with("mobile", queues), with("mobile", at(40)), "mobile") == Moved::yes);
  CHECK(survey::moved(kBefore, {}, "mobile") == Moved::unknown);
}

TEST_CASE("a step works where its carrier's users moved and nobody else's") {
  CHECK(verdict(with("mobile", at(60))) == "works");
  CHECK(verdict(kBefore) == "none");
  CHECK(verdict(with("telecom", at(60))) == "others");
  auto both = with("mobile", at(60));
  both["unicom"] = at(60);
  CHECK(verdict(both) == "others");
  auto hidden = with("mobile", at(60));
  hidden.erase("unicom");
  CHECK(verdict(hidden) == "unknown");
  CHECK(verdict({{"telecom", at(47)}, {"unicom", at(48)}}) == "unknown");
}

TEST_CASE("users are worse off who lose a tenth more, or are not measured any more") {
  CHECK(survey::worse(kBefore, kBefore).empty());
  CHECK(survey::worse(kBefore, with("telecom", at(47, 9))).empty());
  CHECK(survey::worse(kBefore, with("telecom", at(47, 10))) == "telecom");
  CHECK(survey::worse(kBefore, {{"mobile", at(46)}, {"telecom", at(47)}}) == "unicom");
}

TEST_CASE("figures are read from a status, and what is no figure is left out") {
  const survey::Json status = {{"users",
                                {{{"carrier", "mobile"},
                                  {"pings", 100},
                                  {"lost", 3},
                                  {"loss_ratio", 0.03},
                                  {"rtt_seconds", 0.046},
                                  {"rtt_low_seconds", 0.0455},
                                  {"rtt_high_seconds", 0.0465},
                                  {"jitter_seconds", 0.001}},
                                 {{"carrier", "unicom"}, {"pings", "many"}},
                                 7}}};
  auto mobile = at(46, 3);
  mobile.jitter = milliseconds{1};
  CHECK(survey::felt(status) == Felt{{"mobile", mobile}});
  CHECK(survey::felt(survey::Json::object()).empty());
}

TEST_CASE("a survey says of each step what it was worth, and of each carrier what it felt") {
  survey::Found found{.node = "hk-idc-1", .upstream = "cmi", .prefixes = {"203.0.113.0/24"}};
  found.before = kBefore;
  found.steps = {survey::step("telecom=local_pref", kBefore, kBefore),
                 survey::step("mobile=prepend_to:1", kBefore, with("mobile", at(60, 2)))};
  found.after = kBefore;
  const auto report = survey::report(found);
  CHECK_FALSE(survey::proven(report));
  CHECK(text::print(report, {.width = 80}) ==
        R"(what cmi does for 203.0.113.0/24 when hk-idc-1 asks for it; nodes equally far
away look like one

ASKED                CARRIER  BEFORE       NOW          ITS USERS
telecom=local_pref   mobile    46ms  0.0%   46ms  0.0%  stayed
                     telecom   47ms  0.0%   47ms  0.0%  stayed
                     unicom    48ms  0.0%   48ms  0.0%  stayed
mobile=prepend_to:1  mobile    46ms  0.0%   60ms  2.0%  moved
                     telecom   47ms  0.0%   47ms  0.0%  stayed
                     unicom    48ms  0.0%   48ms  0.0%  stayed
nothing any more     mobile    46ms  0.0%   46ms  0.0%  stayed
                     telecom   47ms  0.0%   47ms  0.0%  stayed
                     unicom    48ms  0.0%   48ms  0.0%  stayed

telecom=local_pref  NOT PROVEN: telecom's users are answered from as far away as
                    before
mobile=prepend_to:1  works: mobile's users moved, nobody else's; 'tested: true'
                     may stand at its entry in upstreams.cmi.communities
)");
  found.steps.erase(found.steps.begin());
  CHECK(survey::proven(survey::report(found)));
  found.stopped = "interrupted";
  CHECK_FALSE(survey::proven(survey::report(found)));
}
