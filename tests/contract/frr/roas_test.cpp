#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "adapters/frr/frr.hpp"
#include "tests/support/roas_contract.hpp"

using namespace anycast;
using namespace anycast::test;

namespace {

constexpr auto kBgpd = "/usr/lib/frr/bgpd";

// The cache in the words of FRR 8.4 and in those of 10: bgpd goes on after a line that it does not
// know.
constexpr auto kText = R"(rpki
 rpki polling_period 1
 rpki retry_interval 1
 rpki cache 127.0.0.1 {0} preference 1
 rpki cache tcp 127.0.0.1 {0} preference 1
exit
router bgp 64500
 bgp router-id 192.0.2.1
exit
)";

/// A bgpd without a peer, whose RPKI cache is a real stayrtr.
class RoaBgpd : public RoaDaemon {
 public:
  explicit RoaBgpd(const std::vector<std::string>& module) {
    if (!why().empty()) return;
    write_file(folder_.path("frr.conf"), fmt::format(kText, Validator::kPort));
    std::vector<std::string> words{kBgpd,
                                   "-n",
                                   "-f",
                                   folder_.path("frr.conf"),
                                   "-i",
                                   folder_.path("bgpd.pid"),
                                   "-z",
                                   folder_.path("zserv.api"),
                                   "-S",
                                   "--vty_socket",
                                   folder_.name(),
                                   "-P",
                                   "0",
                                   "-p",
                                   "0"};
    words.insert(words.end(), module.begin(), module.end());
    start(words);
  }
  std::string why() const {
    if (!validator.why().empty()) return validator.why();
    return run_program({kBgpd, "-M", "rpki", "--version"}) == 0 ? "" : "no bgpd with module 'rpki'";
  }
  Result<OriginView> ask() override {
    return frr::FrrSpeaker{{.socket = folder_.path("bgpd.vty"),
                            .operator_config = folder_.path("frr.conf"),
                            .fragment = folder_.path("fragment.conf"),
                            .timeout = milliseconds{1500},
                            .origins = {{kOurs, 64500}, {kOurs6, 64500}}}}
        .origins();
  }
};

}  // namespace

TEST_CASE("ROAs that a validator serves, removes, changes and brings back are what bgpd says") {
  RoaBgpd rig{{"-M", "rpki"}};
  if (!rig.why().empty()) return skip(rig.why());
  CHECK(rig.refuses("bgpd has no whole set of ROAs from an RPKI cache"));
  follows_validator(rig);
  rig.validator.kill();
  CHECK(rig.says({.state = OriginState::valid}));
}

TEST_CASE("a bgpd without the module says what it lacks") {
  RoaBgpd rig{{}};
  if (!rig.why().empty()) return skip(rig.why());
  CHECK(rig.refuses("bgpd does not know 'show rpki', expected its module: bgpd -M rpki"));
}
