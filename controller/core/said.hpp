#pragma once

#include <string>
#include <vector>

#include "controller/model/config.hpp"
#include "controller/model/router.hpp"
#include "controller/model/stance.hpp"

namespace anycast::core {

/// What one exported route says to the upstream. Prepends beyond ten count as ten; communities that
/// its dictionary does not have say nothing.
Stance said(const Upstream& upstream, const Export& route);

/// What a session says about our prefixes, read from its exports. Where prefixes differ, the least
/// attractive counts; those of the other address family are not the session's to carry.
Stance said(const Config& config, const std::string& upstream, const std::vector<Export>& exports);

/// Makes the view that of a daemon which runs the fragment, for good; what its sessions are stays.
void run(RouterView& view, const Fragment& fragment);

}  // namespace anycast::core
