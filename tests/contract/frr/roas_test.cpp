#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "adapters/frr/frr.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/validator.hpp"

using namespace anycast;
using namespace anycast::test;

namespace {

const Prefix kOurs = *Prefix::parse("203.0.113.0/24");
const Prefix kOurs6 = *Prefix::parse("2001:db8:100::/48");
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
class Rig {
 public:
  explicit Rig(const std::vector<std::string>& module) : validator{folder_.name()} {
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
    bgpd_ = spawn(inside(validator.space(), words));
  }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;
  ~Rig() { end_process(bgpd_); }

  std::string why() const {
    if (!validator.why().empty()) return validator.why();
    return run_program({kBgpd, "-M", "rpki", "--version"}) == 0 ? "" : "no bgpd with module 'rpki'";
  }
  Result<OriginView> ask() {
    return frr::FrrSpeaker{{.socket = folder_.path("bgpd.vty"),
                            .operator_config = folder_.path("frr.conf"),
                            .fragment = folder_.path("fragment.conf"),
                            .timeout = milliseconds{1500},
                            .origins = {{kOurs, 64500}, {kOurs6, 64500}}}}
        .origins();
  }
  bool says(const Origin& origin) {
    return eventually([&] {
      const auto view = ask();
      return view && view->prefixes.at(kOurs) == origin;
    });
  }
  bool refuses(const std::string& text) {
    return eventually([&] {
      const auto view = ask();
      return !view && view.error().text == text;
    });
  }

 private:
  Folder folder_;
  pid_t bgpd_ = 0;

 public:
  Validator validator;
};

}  // namespace

TEST_CASE("ROAs that a validator serves, removes, changes and brings back are what bgpd says") {
  Rig rig{{"-M", "rpki"}};
  if (!rig.why().empty()) return skip(rig.why());
  CHECK(rig.refuses("bgpd has no whole set of ROAs from an RPKI cache"));
  rig.validator.serves({"203.0.113.0/24-24 AS64500", "2001:db8::/32-48 AS64500"});
  REQUIRE(rig.says({.state = OriginState::valid}));
  CHECK(rig.ask()->prefixes.at(kOurs6) == Origin{.state = OriginState::valid});
  rig.validator.serves({"198.51.100.0/24-24 AS64500"});
  CHECK(rig.says({.state = OriginState::not_found}));
  // bgpd shows the second only at its own length: it ends above our prefix.
  rig.validator.serves({"203.0.113.0/24-24 AS64511", "203.0.112.0/22-22 AS64500"});
  CHECK(rig.says({.state = OriginState::invalid,
                  .roas = {*parse_roa("203.0.112.0/22-22 AS64500"),
                           *parse_roa("203.0.113.0/24-24 AS64511")}}));
  rig.validator.serves({"203.0.113.0/24-24 AS64500"});
  CHECK(rig.says({.state = OriginState::valid}));
  rig.validator.kill();
  CHECK(rig.says({.state = OriginState::valid}));
}

TEST_CASE("a bgpd without the module says what it lacks") {
  Rig rig{{}};
  if (!rig.why().empty()) return skip(rig.why());
  CHECK(rig.refuses("bgpd does not know 'show rpki', expected its module: bgpd -M rpki"));
}
