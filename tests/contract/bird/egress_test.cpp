#include "tests/support/bird_bench.hpp"
#include "tests/support/egress_contract.hpp"
#include "tests/support/texts.hpp"

using namespace anycast;
using namespace anycast::test;

namespace {

const Config kLeaving = leaving(bird_config());

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

}  // namespace

TEST_CASE("packets leave over the upstream that is preferred, and no upstream hears of it") {
  on_both([](BirdBench& b) {
    auto speaker = b.speaker(kLeaving);
    keep(speaker, over<BirdBench>("cmi"));
    REQUIRE(b.hears(over<BirdBench>("cmi")));
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
    const auto still = move_packets(b, speaker, {[&] { return leaves(b); }, "cmi", "ntt-hk"});
    // What the operator still calls cannot be left out: refused, and all stays as it is.
    auto without = b.speaker(bird_config());
    CHECK_FALSE(without.apply(bird_fragment(all_say({})), seconds{30}));
    still.check();
    CHECK(b.hears(over<BirdBench>("ntt")));
    CHECK(b.read(b.operator_file()) == calling(b.fragment_file()));
  });
}
