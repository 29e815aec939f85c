#pragma once

#include <string>
#include <vector>

#include "controller/model/config.hpp"
#include "controller/model/router.hpp"
#include "controller/model/stance.hpp"

namespace anycast::core {

/// What one exported route says. Prepends beyond ten count as ten.
Stance said(const Export& route);

/// What a session says about our prefixes, read from its exports. Where prefixes differ, the least
/// attractive counts; those of the other address family are not the session's to carry.
Stance said(const Config& config, const std::string& upstream, const std::vector<Export>& exports);

}  // namespace anycast::core
