#pragma once

#include <string>

#include "controller/model/config.hpp"
#include "controller/model/plan.hpp"
#include "controller/model/seen.hpp"
#include "controller/model/state.hpp"

namespace anycast::core {

void notice(Plan& plan, Notice::Level level, std::string code, std::string text);

/// What a person has to read first: states that hold everything, sources that fail, standing
/// orders, bad paths.
void notices(const Config& config, const Seen& seen, const State& next, Plan& plan);

/// What a session exports although our fragment is in force and does not say so: somebody's
/// `disable`, or a file that was edited, configured and put back. Nothing would come of handing the
/// fragment over again.
void notice_exports(const Seen& seen, const Fragment& wanted, Plan& plan);

/// What runs and is not in the configuration any more (`no_longer_listed`); true if there is any.
bool notice_unlisted(const Config& config, const Seen& seen, Plan& plan);

}  // namespace anycast::core
