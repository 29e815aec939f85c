#pragma once

#include <set>
#include <string>
#include <vector>

#include "controller/core/context.hpp"
#include "controller/core/guard_words.hpp"
#include "controller/core/inside.hpp"

namespace anycast::core {

/// Whether this node has anything to keep in its kernel, or something of ours may be there still.
bool keeps_inside(const Config& config, const InsideOurs& ours);
/// The routing tables in which something of ours is, or may be still.
std::set<std::uint32_t> tables_of(const Config& config, const InsideOurs& ours);
/// The addresses that the configuration has this node keep.
std::set<Vip> configured_vips(const Config& config);

/// What the node has to have inside.
///  6.1 kept     addresses and virtual services as configured, whatever the evidence says
///  6.2 dead     a real server that the checks find dead gets no new connection, unless all are:
///               then nobody knows better than the configuration. It keeps its entry with weight 0
///               where connections end by themselves; where clients would stay on it, with
///               `persistent` and with UDP, the entry goes
///  6.3 drained  the addresses of a drained node go last: once nothing has been announced for
///               `local.drain`
///  6.4 let go   what the configuration does not name any more stays while this node announces, and
///               for `local.drain` after that, until a person applies it
///  6.5 owned    what Keepalived owns is read, and never written
///  6.6 routed   a next hop all of whose real servers the checks find dead is left out of its
///               route, unless all are
///  6.7 standby  while another host serves, by Keepalived's word, no address is bound; one that is
///               there goes as with 6.3
struct InsideWanted {
  InsideWish wish = {};
  std::vector<std::string> unlisted = {};  ///< of 6.4
};
enum class Consent { none, person };
InsideWanted inside_wanted(const Context& context, Consent consent);

/// Plans the smallest change of the kernel. What is ours from now on is in the context's state.
void plan_inside(Context& context, Plan& plan);

/// Guard "inside": nobody is attracted before the addresses, virtual services and routes are there.
Word inside(const Context& context, const Step& step);

}  // namespace anycast::core
