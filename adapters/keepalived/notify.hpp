#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/model/vrrp.hpp"

namespace anycast::keepalived {

/// What a line of the notify FIFO (`INSTANCE "VI_1" MASTER 150`) says of an instance, if it says
/// anything of that one.
std::optional<VrrpState> state_in(std::string_view line, std::string_view instance);

/// The line, from 1, at which a configuration of Keepalived names a notify FIFO before
/// `script_user` and without a user of its own: some builds then write to it until the first reload
/// and never again. Files that it includes are not looked at.
std::optional<int> fifo_before_user(std::string_view config);

}  // namespace anycast::keepalived
