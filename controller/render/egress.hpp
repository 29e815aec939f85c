#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/model/config.hpp"
#include "controller/render/fragment_text.hpp"
#include "controller/render/template.hpp"

namespace anycast::render {

/// What the daemon is to prefer on the way in, by what the operator's filter calls: where packets
/// to a carrier may leave over a session there is an entry, which may be empty.
std::map<std::string, std::vector<Preferred>> imports_of(const Config& config,
                                                         const EgressChoice& egress);

/// What a template sees of it in the record of a session: `import`, `has_egress`, `egress`.
void add_imports(Record& session, const Config& config, const std::string& upstream,
                 const EgressChoice& egress);
/// The paths of all carriers that some session prefers.
List carrier_paths(const Config& config, const EgressChoice& egress);

}  // namespace anycast::render
