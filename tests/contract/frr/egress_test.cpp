#include <nlohmann/json.hpp>

#include "controller/base/text.hpp"
#include "tests/support/egress_contract.hpp"
#include "tests/support/frr_bench.hpp"

using namespace anycast;
using namespace anycast::test;

namespace {

const Config kLeaving = leaving(frr_config());

/// The neighbour over which packets to the users leave.
std::string leaves(const FrrBench& b) {
  const auto text = b.operator_says({"show bgp ipv4 unicast 198.51.100.128/25 json"});
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return {};
  for (const auto& path : json.value("paths", nlohmann::json::array())) {
    if (path.contains("bestpath") && path["bestpath"].value("overall", false))
      return path["peer"].value("peerId", "");
  }
  return {};
}

/// The operator's own maps on the way in call ours, or go again.
void operator_calls(const FrrBench& b, const std::string& no) {
  std::vector<std::string> commands{"configure terminal"};
  for (const std::string name : {"cmi", "ntt-hk"}) {
    commands.push_back(no + "route-map edge-" + name + " permit 10");
    if (!no.empty()) continue;
    commands.insert(commands.end(), {"set metric 7", "call anycastd.in." + name, "exit"});
  }
  commands.insert(commands.end(), {"router bgp 64500", "address-family ipv4 unicast",
                                   no + "neighbor 192.0.2.2 route-map edge-cmi in",
                                   no + "neighbor 192.0.2.6 route-map edge-ntt-hk in"});
  commands.emplace_back("end");
  commands.emplace_back("clear bgp ipv4 unicast * soft in");
  b.operator_says(commands);
}

/// What of the running configuration is the operator's.
std::string of_operator(const FrrBench& b) {
  std::string out;
  bool ours = false;
  for (const auto& line : split(b.configuration(), '\n')) {
    const bool named = line.find(" anycastd.carrier.") != std::string::npos;
    if (line.starts_with("route-map ")) ours = line.starts_with("route-map anycastd.");
    if (!ours && !named) out += line + "\n";
    if (line == "exit") ours = false;
  }
  return out;
}

}  // namespace

TEST_CASE("packets leave over the neighbour that is preferred, and no neighbour hears of it") {
  on_both([](FrrBench& b) {
    auto speaker = b.speaker(kLeaving);
    keep(speaker, over<FrrBench>("cmi"));
    REQUIRE(b.hears(over<FrrBench>("cmi")));
    const auto idle = speaker.in_force()->notices;
    REQUIRE(idle.size() == 2);
    CHECK(idle.front() ==
          "no route-map calls 'anycastd.in.cmi': packets do not leave over 'cmi' by our choice, "
          "expected 'call anycastd.in.cmi' in the map of 'neighbor 192.0.2.2 route-map ... in'");
    if (!b.world->is_real() || !Upstreams::lead_to_users()) return;

    operator_calls(b, "");
    const auto before = speaker.in_force();
    CHECK(before->notices == std::vector<std::string>{});
    CHECK(before->sessions.at("cmi").refreshes);
    const auto his = of_operator(b);
    move_packets(b, speaker, {[&] { return leaves(b); }, "192.0.2.2", "192.0.2.6"});
    CHECK(of_operator(b) == his);
    operator_calls(b, "no ");
  });
}
