#include "tests/support/bird_bench.hpp"

using namespace anycast;
using namespace anycast::test;

namespace {

const Config kLeaving = leaving(bird_config());

/// Everything announced, with packets to telecom over that upstream.
Fragment over(const std::string& upstream) {
  return *render::fragment(*shipped_template(), kLeaving, all_say({}),
                           {.egress = {{"telecom", upstream}}});
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

/// The operator's file with import filters of his own that call our functions.
std::string calling(const std::string& fragment) {
  const auto cmi = replaced(operator_text(fragment), "import none;",
                            "import filter { anycastd_egress_cmi(); accept; };");
  return replaced(cmi, "import none;", "import filter { 'anycastd_egress_ntt-hk'(); accept; };");
}

/// Over which protocol packets to the users leave.
std::string leaves(const BirdBench& b) {
  for (const auto& line : b.operator_says("show route 198.51.100.128/25 primary").lines) {
    const auto open = line.text.find('[');
    if (line.code == 1007 && open != std::string::npos)
      return line.text.substr(open + 1, line.text.find(' ', open) - open - 1);
  }
  return {};
}

bool comes_to_leave(const BirdBench& b, const std::string& protocol) {
  return eventually([&] { return leaves(b) == protocol; });
}

}  // namespace

TEST_CASE("packets leave over the upstream that is preferred, and no upstream hears of it") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker(kLeaving);
    const auto first = speaker.apply(over("cmi"), seconds{30});
    INFO((first ? "" : to_string(first.error())));
    REQUIRE(first);
    REQUIRE(speaker.confirm());
    REQUIRE(b.hears(over("cmi")));
    std::vector<std::string> idle;
    for (const std::string name : {"cmi", "ntt-hk"}) {
      idle.push_back(fmt::format(
          "no filter in '{}' calls 'anycastd_egress_{}': packets do not leave over '{}' by our "
          "choice, expected it in the import filter of '{}'",
          b.operator_file(), name, name.substr(0, 3), name));
    }
    CHECK(speaker.in_force()->notices == idle);
    b.write(b.operator_file(), calling(b.fragment_file()));
    REQUIRE(b.operator_says("configure").code() == 3);
    const auto before = speaker.in_force();
    CHECK(before->notices == std::vector<std::string>{});
    std::vector<std::string> lacking;
    for (const auto* name : {"cmi", "ntt-hk"}) {
      lacking.push_back(
          fmt::format("'{}' calls 'anycastd_egress_{}', which our fragment does not bring: bird "
                      "takes no change "
                      "and does not start like this, expected it in no filter, or 'egress' for it",
                      b.operator_file(), name));
    }
    CHECK(b.speaker(bird_config()).in_force()->notices == lacking);
    if (b.world->name() != "real bird" || !Upstreams::lead_to_users()) return;

    CHECK(before->sessions.at("cmi").refreshes);
    REQUIRE(comes_to_leave(b, "cmi"));
    const auto heard = b.news("t_cmi") + " " + b.news("t_ntt") + " " + b.news("t_ntt6");
    REQUIRE(speaker.apply(over("ntt"), seconds{30}));
    CHECK(comes_to_leave(b, "ntt-hk"));
    REQUIRE(speaker.confirm());
    REQUIRE(speaker.apply(over("cmi"), seconds{30}));
    CHECK(comes_to_leave(b, "cmi"));
    REQUIRE(speaker.undo());
    CHECK(comes_to_leave(b, "ntt-hk"));
    REQUIRE(speaker.apply(over("cmi"), seconds{4}));
    CHECK(comes_to_leave(b, "cmi"));
    CHECK(comes_to_leave(b, "ntt-hk"));  // nobody confirmed it
    CHECK(b.news("t_cmi") + " " + b.news("t_ntt") + " " + b.news("t_ntt6") == heard);
    CHECK(b.hears(over("ntt")));
    // What the operator still calls cannot be left out: refused, and all stays as it is.
    auto without = b.speaker(bird_config());
    CHECK_FALSE(without.apply(*render::fragment(*shipped_template(), bird_config(), all_say({})),
                              seconds{30}));
    CHECK(b.news("t_cmi") + " " + b.news("t_ntt") + " " + b.news("t_ntt6") == heard);
    CHECK(b.hears(over("ntt")));
    const auto after = speaker.in_force();
    for (const auto& [upstream, session] : after->sessions) {
      CHECK(session.since == before->sessions.at(upstream).since);
      CHECK(session.exports == before->sessions.at(upstream).exports);
    }
    CHECK(b.read(b.operator_file()) == calling(b.fragment_file()));
  });
}
