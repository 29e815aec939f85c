#pragma once

#include <map>
#include <string>
#include <string_view>

#include "controller/base/error.hpp"
#include "controller/model/config.hpp"
#include "controller/model/router.hpp"
#include "controller/render/template.hpp"

namespace anycast::render {

/// Renders the fragment for this node's routing daemon with one stance per session (all sessions of
/// `config.me()` must be there). The text is parsed again before it is returned: a prefix that is
/// not configured, with another length or with another origin is an error, whatever the template
/// says.
Result<Fragment> fragment(const Template& text, const Config& config,
                          const std::map<std::string, Stance>& stances);

/// The revision that a fragment's text claims, if its text is what that revision was made from.
std::optional<std::uint32_t> revision_of(std::string_view text);

}  // namespace anycast::render
