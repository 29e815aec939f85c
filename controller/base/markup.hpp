#pragma once

#include <string>
#include <string_view>

namespace anycast {

/// Foreign text made fit to stand in HTML or XML, between tags and in a quoted attribute; control
/// characters become '?'.
std::string markup_text(std::string_view text);

}  // namespace anycast
