#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/error.hpp"
#include "controller/model/blackhole.hpp"
#include "controller/model/config.hpp"
#include "controller/model/router.hpp"
#include "controller/render/template.hpp"

namespace anycast::render {

/// What a fragment says beside the stances.
struct Beside {
  HostRoutes hosts = {};
  EgressChoice egress = {};  ///< a carrier that is left out leaves by the first of its order
  bool operator==(const Beside&) const = default;
};

/// Compiles templates/<kind>/fragment.tmpl (or a site's own) against everything that `fragment`
/// provides; `name` stands in error messages.
Result<Template> compile_fragment(std::string name, std::string_view text);

/// Renders the fragment for this node's routing daemon with one stance per session (all sessions of
/// `config.me()` must be there). A session carries the prefixes of its neighbour's address family.
/// The text is parsed again before it is returned: a prefix that is not configured, with another
/// length or with another origin is an error, whatever the template says. `beside.hosts` are
/// announced to their upstream alone, whatever its stance, to be dropped there and to go no further
/// (RFC 7999). `egress` prefers an upstream for packets to a carrier and changes no export.
/// `guess` is the revision
/// that it most likely has, that of the running fragment: where it is right, the text is rendered
/// once instead of twice.
Result<Fragment> fragment(const Template& text, const Config& config,
                          const std::map<std::string, Stance>& stances, const Beside& beside = {},
                          std::uint32_t guess = 0);

/// Renders what each session of this node may ever have to say, one after the other: plain,
/// drained, withdrawn, prepended once and as often as the upstream allows, each entry of its
/// dictionary. The first error, so that a template is refused when it is loaded and not on the
/// night that needs it.
Result<void> rehearse(const Template& text, const Config& config);

/// The revision that a fragment's text claims, if its text is what that revision was made from.
std::optional<std::uint32_t> revision_of(std::string_view text);

/// hash32 of the text with the digits of "define ANYCASTD_REVISION = N;" (BIRD) or
/// " description anycastd revision N" (FRR) left out; 0 becomes 1, so that 0 can stand for "none".
/// Nothing where there is not exactly one such line.
std::optional<std::uint32_t> revision_for(std::string_view text);

/// The name of a session's BGP protocol.
std::string protocol_of(const std::string& upstream, const Session& session);
/// What a session's BGP protocol has to name behind `export filter`, or its neighbour as route-map
/// `out`.
std::string filter_name(std::string_view protocol);
/// What the operator's own import filter of that session has to call, where packets to some carrier
/// may leave over it: a function of BIRD, a route-map of FRR.
std::string import_name(std::string_view kind, std::string_view protocol);
/// Whether packets to some carrier may leave this node over the upstream.
bool may_leave_by(const Config& config, const std::string& upstream);
/// The static protocol that originates the prefixes of a family: "anycastd4" or "anycastd6".
std::string static_protocol(Address::Family family);

}  // namespace anycast::render
