#pragma once

#include <map>
#include <string>

#include "controller/model/config.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::test {

/// Node hk1 with a prefix of each family and the sessions cmi and ntt over IPv4 and ntt6 over IPv6;
/// cmi has communities of both kinds toward its two carriers, ntt6 a large one for its only one.
Config bird_config();
/// The same with one prefix more of each family.
Config with_more_prefixes(Config config);
/// The same where packets to telecom and mobile may leave over cmi and ntt.
Config leaving(Config config);
/// Every session of `bird_config()` with this stance.
std::map<std::string, Stance> all_say(const Stance& stance);
/// Stances that ask cmi and ntt6 for what their communities do, with standard and large ones.
std::map<std::string, Stance> asking();
/// Hosts that ntt and ntt6 are to drop.
HostRoutes dropping();
/// The same node with FRR instead of BIRD.
Config frr_config();
/// templates/`kind`/fragment.tmpl as it is shipped, "bird" or "frr".
std::string template_text(const std::string& kind);
/// templates/bird/fragment.tmpl, compiled; a failure is a failed assertion of the caller's test.
Result<render::Template> shipped_template();
/// templates/frr/fragment.tmpl, compiled.
Result<render::Template> shipped_frr_template();
/// The fragment of the shipped template; for stances that cannot fail.
Fragment bird_fragment(const std::map<std::string, Stance>& stances, const HostRoutes& hosts = {},
                       const Config& config = bird_config());
Fragment frr_fragment(const std::map<std::string, Stance>& stances, const HostRoutes& hosts = {},
                      const Config& config = frr_config());

}  // namespace anycast::test
